/* One chart: lines, or strips of states, over the time axis that all charts share; fault bands behind, one cursor. */
import { figure, instant } from "./figures.js";
import { css, FONT, shape } from "./looks.js";

const GUTTER = 62, AXIS = 24, SYNC = "watch";

function clipped(u, draw) {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  draw(ctx, bbox, devicePixelRatio);
  ctx.restore();
}

function bands(u, model) {
  clipped(u, (ctx, box, ratio) => {
    for (const { from, to } of model.bands()) {
      const left = Math.round(u.valToPos(from, "x", true)), right = Math.round(u.valToPos(to, "x", true));
      ctx.fillStyle = css("--fault");
      ctx.fillRect(left, box.top, Math.max(ratio, right - left), box.height);
      ctx.fillStyle = css("--fault-edge");
      for (const edge of [left, right]) ctx.fillRect(edge, box.top, Math.max(1, ratio), box.height);
    }
  });
}

function limits(u, model) {
  clipped(u, (ctx, box, ratio) => {
    ctx.setLineDash([6 * ratio, 4 * ratio]);
    ctx.lineWidth = ratio;
    for (const { value, color } of model.limits) {
      const y = u.valToPos(value, "y", true);
      ctx.strokeStyle = /b3261e/i.test(color) ? css("--no") : css("--faint");
      ctx.beginPath(); ctx.moveTo(box.left, y); ctx.lineTo(box.left + box.width, y); ctx.stroke();
    }
  });
}

/* Marks on the lines, so that arms are told apart without colour; each series' stand at other instants. */
function marks(u, model) {
  const { min, max } = u.scales.x, lines = model.series.filter(one => one.look.marker);
  const gap = (max - min) / Math.max(4, Math.min(10, u.width / 90)), step = u.data[0].length > 1 ? u.data[0][1] - u.data[0][0] : 1;
  clipped(u, (ctx, box, ratio) => {
    ctx.lineWidth = 1.5 * ratio;
    ctx.strokeStyle = css("--card");
    lines.forEach((one, index) => {
      const values = u.data[model.series.indexOf(one) + 1];
      ctx.fillStyle = one.look.ink();
      for (let at = min + gap * (0.3 + index / lines.length); at < max; at += gap) {
        const cell = Math.round((at - u.data[0][0]) / step), value = values[cell];
        if (value != null && value >= u.scales.y.min) shape(ctx, one.look.marker, u.valToPos(u.data[0][cell], "x", true), u.valToPos(value, "y", true), 3.3 * ratio);
      }
    });
  });
}

/* Spans of one state: [from cell, to cell, value]. */
export function spans(values) {
  const found = [];
  values.forEach((value, cell) => {
    const last = found[found.length - 1];
    if (last && last[2] === value && last[1] === cell) last[1] = cell + 1;
    else if (value != null) found.push([cell, cell + 1, value]);
  });
  return found;
}

/* How strong a state's colour is; the hue is the arm's. */
export const strength = colour => colour === "transparent" ? 0.05 : Number(/rgba\([^)]*,\s*([\d.]+)\)/.exec(colour ?? "")?.[1] ?? 1);

function strips(u, model) {
  clipped(u, (ctx, box, ratio) => {
    const row = box.height / Math.max(1, model.series.length), [start] = u.data[0], step = u.data[0].length > 1 ? u.data[0][1] - start : 1;
    ctx.font = FONT.replace("12px", `${11 * ratio}px`);
    ctx.textBaseline = "middle";
    model.series.forEach((one, index) => {
      const top = box.top + row * index + 13 * ratio, height = row - 15 * ratio;
      ctx.textAlign = "left";
      ctx.fillStyle = css("--soft");
      ctx.fillText(one.name, box.left + 4 * ratio, box.top + row * index + 7 * ratio);
      for (const [from, to, value] of spans(u.data[index + 1])) {
        const x = u.valToPos(start + from * step, "x", true), width = Math.max(ratio, u.valToPos(start + to * step, "x", true) - x);
        const state = model.state(value);
        ctx.globalAlpha = strength(state.color);
        ctx.fillStyle = one.look.arm ? one.look.ink() : css("--soft");
        ctx.fillRect(x, top, width, height);
        ctx.globalAlpha = 1;
        if (strength(state.color) < 0.4 || ctx.measureText(state.text).width + 8 * ratio > width || height < 10 * ratio) continue;
        ctx.fillStyle = css("--card");
        ctx.fillText(state.text, x + 4 * ratio, top + height / 2);
      }
    });
  });
}

const decades = (u, axis, low, high) => {
  const found = [];
  for (let power = Math.ceil(Math.log10(low) - 1e-9); 10 ** power <= high * 1.000001; power++) found.push(10 ** power);
  return found;
};

function yRange(u, model) {
  let low = Infinity, high = -Infinity;
  for (const values of u.data.slice(1)) for (const value of values) if (value != null && (!model.log || value > 0)) { if (value < low) low = value; if (value > high) high = value; }
  if (high < low) return model.log ? [0.001, 10] : [0, 1];
  for (const { value } of model.limits) if (value < high * 3) high = Math.max(high, value);
  if (model.log) return [10 ** (Math.floor(Math.log10(low) + 0.15)) * 0.7, high * 1.6];
  const floor = model.min ?? (low < 0 ? low * 1.12 : 0);
  return [floor, Math.max(high * 1.1, floor + (model.unit === "percentunit" ? 0.05 : model.unit === "s" ? 0.001 : 1))];
}

function axes(model) {
  const plain = { stroke: () => css("--soft"), grid: { stroke: () => css("--line"), width: 1 }, ticks: { show: false }, font: FONT };
  const y = { ...plain, size: GUTTER, gap: 6, space: 30, values: (u, values) => values.map(value => value == null ? "" : figure(value, model.unit)) };
  if (model.log) Object.assign(y, { splits: decades, filter: (u, values) => values });
  if (model.strips) Object.assign(y, { values: (u, values) => values.map(() => ""), grid: { show: false } });
  return [{ ...plain, size: AXIS, gap: 4, space: 64, incrs: [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 1800, 3600], values: (u, values) => values.map(value => instant(value, model.clock())) }, y];
}

/* `model` says what to draw (panels.js), `host` where; `moved` is called with the cell under the cursor, or null. */
export function chart(host, model, data, moved, select) {
  const options = {
    width: Math.max(240, host.clientWidth), height: model.height, legend: { show: false }, padding: [6, 8, 0, 0],
    scales: {
      x: { time: false, range: () => model.range() },
      y: model.strips ? { range: () => [0, 1] } : { distr: model.log ? 3 : 1, range: u => yRange(u, model) },
    },
    axes: axes(model),
    series: [{}, ...model.series.map(one => ({
      stroke: () => one.look.ink(), width: one.look.width, dash: one.look.dash, points: { show: false }, show: true,
      ...(model.strips ? { paths: () => null } : {}), spanGaps: false,
    }))],
    cursor: { y: false, sync: { key: SYNC, scales: ["x", null] }, points: { show: false }, drag: { x: true, y: false, setScale: false },
      bind: { dblclick: () => () => { select(null); return null; } } },
    hooks: {
      drawClear: [u => bands(u, model)],
      draw: [u => { if (model.strips) strips(u, model); else { limits(u, model); marks(u, model); } }],
      setCursor: [u => moved(u.cursor.left >= 0 ? u.cursor.idx : null)],
      setSelect: [u => {
        const { left, width } = u.select;
        if (width < 4) return;
        u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        select([u.posToVal(left, "x"), u.posToVal(left + width, "x")]);
      }],
    },
  };
  return new uPlot(options, data, host);
}
