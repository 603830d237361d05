// Drives a server through toxiproxy-node-client, as its README does; ends with 1 and a line at the first surprise.
"use strict";
const assert = require("node:assert");
const net = require("node:net");
const { Toxiproxy } = require("toxiproxy-node-client");

const KINDS = {
  latency: { latency: 100, jitter: 0 },
  bandwidth: { rate: 100 },
  slow_close: { delay: 100 },
  timeout: { timeout: 100 },
  reset_peer: { timeout: 100 },
  slicer: { average_size: 100, size_variation: 10, delay: 5 },
  limit_data: { bytes: 1000 },
};

function echo() {
  return new Promise((resolve) => {
    const server = net.createServer((socket) => {
      socket.on("error", () => {});
      socket.pipe(socket);
    });
    server.listen(0, "127.0.0.1", () => resolve(server));
  });
}

function roundTrip(port) {
  return new Promise((resolve, reject) => {
    const start = process.hrtime.bigint();
    const socket = net.connect(port, "127.0.0.1", () => socket.write("ping"));
    socket.on("error", reject);
    socket.setTimeout(10000, () => socket.destroy(new Error("nothing came back for 10 s")));
    socket.on("data", () => {
      socket.destroy();
      resolve(Number(process.hrtime.bigint() - start) / 1e6);
    });
  });
}

async function main(url) {
  const toxiproxy = new Toxiproxy(url);
  assert.ok((await toxiproxy.getVersion()).length > 0);
  const upstream = await echo();
  const body = { name: "node", listen: "127.0.0.1:0", upstream: `127.0.0.1:${upstream.address().port}` };
  const proxy = await toxiproxy.createProxy(body);
  await assert.rejects(toxiproxy.createProxy(body), /409/);
  await assert.rejects(toxiproxy.get("nobody"), /404/);
  for (const [type, attributes] of Object.entries(KINDS)) {
    const toxic = await proxy.addToxic({ name: type, type, stream: "upstream", toxicity: 1, attributes });
    assert.deepStrictEqual((await proxy.getToxic(type)).toJson(), toxic.toJson());
    assert.deepStrictEqual(toxic.attributes, attributes);
    const updated = await toxic.update({ toxicity: 0.5, attributes });
    assert.strictEqual(updated.toxicity, 0.5);
    await toxic.remove();
    await assert.rejects(proxy.getToxic(type), /404/);
  }
  const port = Number(proxy.listen.split(":").pop());
  await proxy.addToxic({ name: "slow", type: "latency", stream: "downstream", toxicity: 1, attributes: KINDS.latency });
  assert.ok((await roundTrip(port)) >= 99);
  await toxiproxy.reset();
  await assert.rejects(proxy.getToxic("slow"), /404/);
  await proxy.update({ enabled: false, listen: proxy.listen, upstream: proxy.upstream });
  await assert.rejects(roundTrip(port), /ECONNREFUSED/);
  await toxiproxy.populate([{ ...body, name: "second" }]);
  assert.deepStrictEqual(Object.keys(await toxiproxy.getAll()), ["node", "second"]);
  await proxy.remove();
  await assert.rejects(toxiproxy.get("node"), /404/);
  upstream.close();
}

main(process.argv[2]).catch((error) => {
  console.error(error.stack);
  process.exit(1);
});
