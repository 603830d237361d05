/* Draws the charts of each run on a page: one time axis, one cursor, one zoom for all of a run. The data comes from
   chaos/report/parts.py; `data-reset` names the run's button, "reset" if there is none. */
document.querySelectorAll("script.run").forEach((holder, number) => {
  "use strict";
  const run = JSON.parse(holder.textContent);
  const root = document.documentElement, reset = document.getElementById(holder.dataset.reset ?? "reset");
  const DASHES = [[], [7, 4], [2, 4]], GUTTER = 58, AXIS = 24, STATES = ["closed", "half-open", "open"];
  const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", "DejaVu Sans", sans-serif';
  const css = name => getComputedStyle(root).getPropertyValue(name).trim();
  const ink = arm => css(arm ? `--arm-${run.arms[arm].key}` : "--soft");
  const plots = [];
  let zoom = [0, run.end], busy = false;

  const grouped = (value, digits) => value.toLocaleString("en-US", { maximumFractionDigits: digits });
  function figure(value, unit) {
    if (value == null) return "\u2013";
    if (unit === "ms") return `${grouped(value, value < 1 ? 2 : value < 10 ? 1 : 0)}\u00a0ms`;
    return unit === "per_s" ? `${grouped(value, 0)}\u00a0/s` : grouped(value, 1);
  }

  /* One zoom for all: no chart keeps a range of its own. */
  function show(from, to) {
    const length = Math.min(run.end, Math.max(2, to - from));
    const start = Math.min(Math.max(0, from), run.end - length);
    zoom = [start, start + length];
    reset.hidden = length >= run.end - 1e-6;
    busy = true;
    for (const plot of plots) plot.setScale("x", { min: zoom[0], max: zoom[1] });
    busy = false;
  }

  function clipped(u, draw) {
    const { ctx, bbox } = u;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    draw(ctx, bbox, devicePixelRatio);
    ctx.restore();
  }

  function faultBand(u) {
    clipped(u, (ctx, box, ratio) => {
      for (const [from, to] of run.bands) {
        const left = Math.round(u.valToPos(from, "x", true)), right = Math.round(u.valToPos(to, "x", true));
        ctx.fillStyle = css("--fault");
        ctx.fillRect(left, box.top, right - left, box.height);
        ctx.fillStyle = css("--fault-edge");
        for (const edge of [left, right]) ctx.fillRect(edge, box.top, Math.max(1, ratio), box.height);
      }
    });
  }

  function phaseWords(u) {
    clipped(u, (ctx, box, ratio) => {
      ctx.font = FONT.replace("12px", `${11 * ratio}px`);
      ctx.fillStyle = css("--faint");
      ctx.textBaseline = "top";
      ctx.textAlign = "left";
      for (const [name, from, to] of run.phases) {
        const left = Math.max(box.left, u.valToPos(from, "x", true)), right = u.valToPos(to, "x", true);
        if (right - left > ctx.measureText(name).width + 8 * ratio) ctx.fillText(name, left + 5 * ratio, box.top + 3 * ratio);
      }
    });
  }

  function shape(ctx, kind, x, y, r) {
    ctx.beginPath();
    if (kind === "square") ctx.rect(x - r * 0.9, y - r * 0.9, r * 1.8, r * 1.8);
    else if (kind === "circle") ctx.arc(x, y, r, 0, 7);
    else { ctx.moveTo(x, y - r * 1.15); ctx.lineTo(x + r * 1.15, y + r * 0.85); ctx.lineTo(x - r * 1.15, y + r * 0.85); ctx.closePath(); }
    ctx.fill();
    ctx.stroke();
  }

  /* Marks on the lines, so that arms are told apart without colour; each arm's stand at other instants. */
  function armMarks(u, chart) {
    const names = Object.keys(run.arms), gap = (zoom[1] - zoom[0]) / Math.max(5, Math.min(12, u.width / 80));
    clipped(u, (ctx, box, ratio) => {
      ctx.lineWidth = 1.5 * ratio;
      ctx.strokeStyle = css("--card");
      chart.lines.forEach((line, index) => {
        if (!line.arm) return;
        ctx.fillStyle = ink(line.arm);
        for (let at = zoom[0] + gap * (0.3 + names.indexOf(line.arm) / names.length); at < zoom[1]; at += gap) {
          const cell = Math.floor(at / chart.step), y = u.data[index + 1][cell];
          if (y == null) continue;
          const x = chart.step >= 1 ? (cell + 0.5) * chart.step : u.data[0][cell];
          shape(ctx, run.arms[line.arm].marker, u.valToPos(x, "x", true), u.valToPos(Math.max(y, chart.y[0]), "y", true), 3.4 * ratio);
        }
      });
    });
  }

  function crosses(u, chart) {
    const names = Object.keys(run.arms);
    clipped(u, (ctx, box, ratio) => {
      ctx.lineWidth = 1.4 * ratio;
      const r = 3 * ratio;
      for (const mark of chart.marks) {
        const x = u.valToPos(mark.t, "x", true), y = box.top + (8 + 10 * names.indexOf(mark.arm)) * ratio;
        ctx.strokeStyle = ink(mark.arm);
        ctx.beginPath();
        ctx.moveTo(x - r, y - r); ctx.lineTo(x + r, y + r); ctx.moveTo(x + r, y - r); ctx.lineTo(x - r, y + r);
        ctx.stroke();
      }
    });
  }

  function strips(u, chart) {
    clipped(u, (ctx, box, ratio) => {
      const row = box.height / chart.strips.length;
      ctx.font = FONT.replace("12px", `${11 * ratio}px`);
      ctx.textBaseline = "middle";
      ctx.textAlign = "left";
      chart.strips.forEach((strip, index) => {
        const top = box.top + row * index, height = 8 * ratio, y = top + row - height - 2 * ratio;
        ctx.fillStyle = css("--soft");
        ctx.fillText(strip.label, box.left + 5 * ratio, top + (row - height) / 2 - ratio);
        ctx.fillStyle = ctx.strokeStyle = ink(strip.arm);
        for (const [from, to, state] of strip.spans) {
          const x = u.valToPos(from, "x", true), width = Math.max(ratio, u.valToPos(to, "x", true) - x);
          if (state === 2) ctx.fillRect(x, y, width, height);
          else if (state === 1) {
            ctx.save();
            ctx.beginPath(); ctx.rect(x, y, width, height); ctx.clip();
            ctx.lineWidth = 1.5 * ratio;
            for (let at = x - height; at < x + width; at += 4 * ratio) { ctx.beginPath(); ctx.moveTo(at, y + height); ctx.lineTo(at + height, y); ctx.stroke(); }
            ctx.restore();
          } else ctx.fillRect(x, y + height / 2, width, Math.max(1, ratio));
        }
      });
    });
  }

  /* The nearest figure at most a second and a half before the cursor: probes and samples have gaps. */
  function valueAt(chart, values, at) {
    const last = Math.floor(at / chart.step + 1e-9);
    for (let cell = Math.min(last, values.length - 1); cell >= 0 && cell > last - 1.5 / chart.step - 1; cell--) if (values[cell] != null) return values[cell];
    return null;
  }

  function readout(u, chart, output) {
    const at = u.cursor.left >= 0 ? u.posToVal(u.cursor.left, "x") : null;
    output.textContent = "";
    if (at == null || at < 0 || at > run.end) { output.textContent = output.dataset.rest; return; }
    output.append(`${grouped(chart.step >= 1 ? Math.floor(at) : at, 1)} s`);
    const say = (label, arm, text) => {
      const name = document.createElement("b");
      name.textContent = label;
      if (arm) name.className = run.arms[arm].key;
      output.append("   ", name, ` ${text}`);
    };
    const said = new Map();
    const add = (name, arm, text) => said.set(name, { arm, texts: [...(said.get(name)?.texts ?? []), text] });
    for (const line of chart.lines) {
      const failed = chart.marks.some(mark => mark.label === line.label && Math.abs(mark.t - at) < 0.4);
      add(line.arm ?? line.label, line.arm, failed ? "failed" : figure(valueAt(chart, line.y, at), chart.unit));
    }
    for (const strip of chart.strips) {
      const span = strip.spans.find(([from, to]) => at >= from && at < to);
      add(strip.arm, strip.arm, span ? STATES[span[2]] ?? span[2] : "\u2013");
    }
    /* An arm's figures stand in the order of the dashes below the chart. */
    for (const [name, { arm, texts }] of said) say(name, arm, texts.join(" / "));
  }

  function decades(u, axis, low, high) {
    const found = [];
    for (let power = Math.ceil(Math.log10(low) - 1e-9); 10 ** power <= high * 1.000001; power++) found.push(10 ** power);
    return found;
  }

  function axes(chart, last) {
    const look = { stroke: () => css("--soft"), grid: { stroke: () => css("--line"), width: 1 }, ticks: { show: false }, font: FONT };
    const y = { ...look, size: GUTTER, gap: 8, space: 34, values: (u, values) => values.map(value => value == null ? "" : grouped(value, 2)) };
    if (chart.log) Object.assign(y, { splits: decades, filter: (u, values) => values });
    if (chart.strips.length) Object.assign(y, { values: (u, values) => values.map(() => ""), grid: { show: false } });
    return [{ ...look, size: last ? AXIS : 6, gap: 4, space: 60, values: (u, values) => values.map(value => last ? `${value} s` : "") }, y];
  }

  /* Short holes are joined (a probe that hangs leaves one), long ones stay holes. */
  const holes = (u, series, from, to, gaps) => gaps.filter(([left, right]) => right - left > Math.abs(u.valToPos(3, "x", true) - u.valToPos(0, "x", true)));

  function draw(chart, index) {
    const host = document.getElementById(`chart-${chart.key}`), output = host.parentElement.querySelector("output");
    const last = index === run.charts.length - 1, stepped = chart.step >= 1;
    const x = chart.lines.length && stepped ? [...chart.x, run.end] : chart.x;
    const extended = values => stepped ? [...values, values[values.length - 1]] : values;
    const data = [x, ...chart.lines.map(line => extended(line.y)), ...(chart.lines.length ? [] : [x.map(() => null)])];
    const options = {
      width: Math.max(280, host.clientWidth), height: chart.height + (last ? AXIS - 6 : 0), legend: { show: false }, padding: [6, 8, 0, 0],
      scales: { x: { time: false, range: () => zoom }, y: { distr: chart.log ? 3 : 1, range: () => chart.y } },
      axes: axes(chart, last),
      series: [{}, ...(chart.lines.length ? chart.lines : [{ dash: 0 }]).map(line => ({
        stroke: () => ink(line.arm), width: line.arm ? 2 : 1.5, dash: DASHES[line.dash], points: { show: false }, gaps: holes,
        ...(stepped ? { paths: uPlot.paths.stepped({ align: 1 }) } : {}),
      }))],
      cursor: {
        y: false, sync: { key: `run-${number}`, scales: ["x", null] }, points: { show: false },
        drag: { x: true, y: false, setScale: false }, bind: { dblclick: () => () => { show(0, run.end); return null; } },
      },
      hooks: {
        drawClear: [faultBand],
        draw: [u => { if (index === 0) phaseWords(u); armMarks(u, chart); crosses(u, chart); if (chart.strips.length) strips(u, chart); }],
        setCursor: [u => readout(u, chart, output)],
        setSelect: [u => {
          const { left, width } = u.select;
          if (width < 4 || busy) return;
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          show(u.posToVal(left, "x"), u.posToVal(left + width, "x"));
        }],
      },
    };
    const plot = new uPlot(options, data, host);
    plots.push(plot);
    host.addEventListener("keydown", event => { if (steer(plot, event.key)) event.preventDefault(); });
    host.addEventListener("focus", () => output.setAttribute("aria-live", "polite"));
    host.addEventListener("blur", () => output.removeAttribute("aria-live"));
    new ResizeObserver(() => resize(plot, host.clientWidth)).observe(host);
  }

  function resize(plot, width) {
    if (width >= 100 && Math.max(280, width) !== plot.width) plot.setSize({ width: Math.max(280, width), height: plot.height });
  }

  function steer(plot, key) {
    const length = zoom[1] - zoom[0], left = plot.cursor.left;
    const at = left >= 0 ? plot.posToVal(left, "x") : (zoom[0] + zoom[1]) / 2;
    const moves = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: zoom[0], End: zoom[1] };
    if (key in moves) {
      const to = Math.min(zoom[1], Math.max(zoom[0], moves[key]));
      for (const one of plots) one.setCursor({ left: Math.min(one.over.clientWidth - 1, one.valToPos(to, "x")), top: 5 }, true, false);
    } else if (key === "+" || key === "=") show(at - length / 4, at + length / 4);
    else if (key === "-") show(at - length, at + length);
    else if (key === "Escape") show(0, run.end);
    else return false;
    return true;
  }

  run.charts.forEach(draw);
  reset.addEventListener("click", () => { show(0, run.end); plots[0]?.root.parentElement.focus(); });
  const again = () => plots.forEach(plot => plot.redraw(false));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  /* Paper is white whatever the screen is, and narrower. */
  addEventListener("beforeprint", () => { root.classList.add("light"); plots.forEach(plot => resize(plot, 660)); again(); });
  addEventListener("afterprint", () => { root.classList.remove("light"); plots.forEach(plot => resize(plot, plot.root.parentElement.clientWidth)); again(); });
});
