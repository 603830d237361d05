/* Figures as people read them, by Grafana's names of units: `figure` for a value, `tick` for an axis. */
const THIN = "\u2009", HARD = "\u00a0";

function grouped(value, digits) {
  return value.toLocaleString("en-US", { maximumFractionDigits: digits }).replaceAll(",", THIN);
}

const plain = value => grouped(value, Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2);

function time(seconds) {
  const size = Math.abs(seconds);
  if (size >= 1 || size === 0) return [plain(seconds), "s"];
  return size >= 0.001 ? [grouped(seconds * 1000, size < 0.01 ? 1 : 0), "ms"] : [grouped(seconds * 1e6, 0), "\u00b5s"];
}

const UNITS = {
  s: time, ms: value => time(value / 1000), "\u00b5s": value => time(value / 1e6),
  percentunit: value => [grouped(value * 100, Math.abs(value) < 0.1 ? 1 : 0), "%"], percent: value => [grouped(value, 1), "%"],
  reqps: value => [plain(value), "/s"], ops: value => [plain(value), "/s"], cps: value => [plain(value), "/s"],
  bytes: value => value >= 2 ** 20 ? [plain(value / 2 ** 20), "MiB"] : [plain(value / 1024), "kiB"],
};

export function figure(value, unit) {
  if (value == null || Number.isNaN(value)) return "\u2013";
  const [number, name] = (UNITS[unit] ?? (one => [plain(one), ""]))(value);
  return name ? `${number}${HARD}${name}` : number;
}

export const tick = figure;

/* Seconds after the start of a run, or the clock where no run gives a start. */
export function instant(at, clock) {
  return clock ? new Date(at * 1000).toLocaleTimeString("en-GB") : `${grouped(at, 1)}${HARD}s`;
}
