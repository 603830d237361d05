/* The top of the page: what is looked at, where it stands, and both arms' figures of this second. */
import { figure } from "./figures.js";

const KEYS = { CONFIRMED: "ok", REFUTED: "no", "NOT PROVEN": "unknown" };
const at = id => document.getElementById(id);
export const verdictKey = word => KEYS[word] ?? "";

export function top(state) {
  at("title").textContent = state.scenario ?? "Chaos lab";
  document.title = `${state.scenario ?? "chaos lab"}${state.verdict ? ` \u00b7 ${state.verdict}` : state.live ? " \u00b7 live" : ""}`;
  at("question").textContent = state.question ?? "";
  at("verdict").textContent = state.verdict ?? "";
  at("verdict").className = verdictKey(state.verdict);
  at("report").hidden = !state.report;
  at("report").href = `runs/${state.view}/report.html`;
  line(state);
  at("where").textContent = [where(state), state.message, source(state)].filter(Boolean).join(" \u00b7 ");
  figures(state);
}

const seconds = value => `${Number(value.toFixed(1))}\u00a0s`;
const source = ({ source }) => source === "prometheus" ? "from Prometheus" : source === "recorded" ? "from recorded series" : "";

function line({ phases, newest, origin, live }) {
  const host = at("line"), shown = phases.filter(([, from, to]) => to > from), end = shown.at(-1)?.[2] ?? 0;
  host.hidden = !shown.length;
  if (!shown.length) return;
  const now = newest - origin;
  host.replaceChildren(...shown.map(([name, from, to]) => {
    const part = document.createElement("span");
    part.style.flex = `${to - from} 1 0`;
    part.className = `${name}${live && now >= from && now < to ? " here" : ""}`;
    part.textContent = `${name} ${seconds(to - from)}`;
    return part;
  }));
  if (live) {
    const mark = document.createElement("i");
    mark.style.left = `${100 * Math.min(1, Math.max(0, now / end))}%`;
    host.append(mark);
  }
  host.setAttribute("aria-label", shown.map(([name, from, to]) => `${name} ${seconds(to - from)}`).join(" \u00b7 "));
}

function where({ phases, newest, origin, live, scenario }) {
  if (!live || !scenario) return "";
  const now = newest - origin, phase = phases.find(([, from, to]) => now >= from && now < to);
  if (now < 0) return "before the first customer";
  return phase ? `${phase[0]}: ${Math.floor(now - phase[1])} of ${seconds(phase[2] - phase[1])}` : "load is over; the books are read, and the verdict follows";
}

const KINDS = ["checkout", "browse", "list", "product", "search"];

function figures({ arms, live }) {
  const table = at("now"), kinds = KINDS.filter(kind => arms.some(arm => arm.figures[kind]));
  table.hidden = !kinds.length || !live;
  if (table.hidden) return;
  const row = (cells, tag) => {
    const found = document.createElement("tr");
    for (const cell of cells) {
      const one = document.createElement(tag);
      one.append(...[cell].flat());
      found.append(one);
    }
    return found;
  };
  const bold = text => { const found = document.createElement("b"); found.textContent = text; return found; };
  table.tHead.replaceChildren(row(["", ...kinds.flatMap(kind => [`${kind} in time`, "p95"])], "th"));
  table.tBodies[0].replaceChildren(...arms.map(arm => {
    const found = row(["", ...kinds.flatMap(kind => {
      const { in_time: done, offered, p95_s: p95 } = arm.figures[kind] ?? {};
      return [[bold(figure(done, "reqps")), offered == null ? "" : ` of ${figure(offered, "short")}`], figure(p95, "s")];
    })], "td");
    const name = document.createElement("th");
    name.scope = "row";
    name.className = arm.key;
    name.textContent = arm.name;
    found.firstChild.replaceWith(name);
    return found;
  }));
}
