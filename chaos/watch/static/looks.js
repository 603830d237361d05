/* What a series looks like: Grafana's overrides as they stand in the JSON, and the arms' own colours and markers. */
const MARKERS = { naive: "square", protected: "circle", third: "triangle" };
const root = document.documentElement;
let arms = [];

export const css = name => getComputedStyle(root).getPropertyValue(name).trim();
export const dark = () => matchMedia("(prefers-color-scheme: dark)").matches;
export const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", "DejaVu Sans", sans-serif';

export function know(found) { arms = found; }

/* An arm's colour has a twin for dark ground; the JSON has the one for light. */
const twin = colour => {
  const arm = [["#c2521c", "naive"], ["#1f66ad", "protected"], ["#6b5ca5", "third"]].find(([light]) => light === colour?.toLowerCase());
  return arm ? css(`--arm-${arm[1]}`) : dark() && colour === "#43366f" ? "#8d7fc4" : colour;
};

function pattern(text) {
  const [, body, flags] = /^\/(.*)\/([a-z]*)$/s.exec(text) ?? [null, text, ""];
  try { return new RegExp(body, flags); } catch { return null; }
}

function fits(matcher, series) {
  if (matcher.id === "byRegexp") return pattern(matcher.options)?.test(series.name) ?? false;
  if (matcher.id === "byName") return matcher.options === series.name;
  return matcher.id === "byFrameRefID" && matcher.options === series.ref;
}

/* Everything an override may set is looked up here: later ones win. */
function set(panel, series, id) {
  let found;
  for (const { matcher, properties } of panel.fieldConfig?.overrides ?? [])
    if (fits(matcher, series)) for (const one of properties) if (one.id === id) found = one.value;
  return found;
}

export function look(panel, series) {
  const custom = panel.fieldConfig?.defaults?.custom ?? {};
  const arm = arms.find(one => one.name === (series.labels.arm ?? "")) ?? null;
  const fixed = set(panel, series, "color") ?? panel.fieldConfig?.defaults?.color;
  const style = set(panel, series, "custom.lineStyle") ?? custom.lineStyle ?? {};
  const own = arm ? `--arm-${arm.key}` : null;
  return {
    arm, marker: arm ? MARKERS[arm.key] : null,
    dash: style.fill && style.fill !== "solid" ? style.dash ?? (style.fill === "dot" ? [2, 4] : [8, 5]) : [],
    width: Math.min(2, set(panel, series, "custom.lineWidth") ?? custom.lineWidth ?? 2),
    ink: () => own ? css(own) : fixed?.mode === "fixed" && fixed.fixedColor?.startsWith("#") ? twin(fixed.fixedColor) : css("--soft"),
  };
}

export function swatch(found, colour) {
  const mark = { square: '<rect x="30" y="0.5" width="7" height="7"/>', circle: '<circle cx="33.5" cy="4" r="4"/>', triangle: '<path d="M33.5 0 38 8h-9z"/>' }[found.marker] ?? "";
  return `<svg viewBox="0 0 38 8" aria-hidden="true"><path d="M0 4H29" stroke="${colour}" stroke-width="2" stroke-dasharray="${found.dash.join(" ")}"/><g fill="${colour}">${mark}</g></svg>`;
}

export function shape(ctx, kind, x, y, r) {
  ctx.beginPath();
  if (kind === "square") ctx.rect(x - r * 0.9, y - r * 0.9, r * 1.8, r * 1.8);
  else if (kind === "circle") ctx.arc(x, y, r, 0, 7);
  else { ctx.moveTo(x, y - r * 1.15); ctx.lineTo(x + r * 1.15, y + r * 0.85); ctx.lineTo(x - r * 1.15, y + r * 0.85); ctx.closePath(); }
  ctx.fill();
  ctx.stroke();
}
