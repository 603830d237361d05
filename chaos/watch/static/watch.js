/* Keeps the page up to date: each second the state and what is new of the board's series, while somebody looks. */
import { know } from "./looks.js";
import { Panel } from "./panels.js";
import { Store } from "./series.js";
import { side } from "./side.js";
import { top } from "./top.js";

const PERIOD_MS = 1000, LIBRARY_MS = 5000, OVERLAP_S = 6, MOST_CELLS = 900, SLIDING_S = 600;
const at = id => document.getElementById(id);
const page = { boards: [], board: null, view: "live", shown: null, state: null, panels: [], store: null, zoom: null, chosen: {}, drawn: 0 };
window.watch = page;

async function ask(path, params = {}) {
  const answer = await fetch(`${path}?${new URLSearchParams(params)}`);
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error ?? answer.statusText);
  return body;
}

function address() {
  const params = new URLSearchParams(location.hash.slice(1));
  return { view: params.get("view") || "live", board: params.get("board") };
}

const shared = {
  range: () => page.zoom ?? bounds(),
  bands: () => (page.store?.bands ?? []).map(({ from, to }) => ({ from: from - base(), to: to - base() })),
  clock: () => page.state?.origin == null,
  select: range => zoom(range),
  steer,
};

/* The axis counts from a run's start, or is the clock's. */
const base = () => page.state?.origin ?? 0;

/* A run has its whole time from the start; a lab that is just up shows the last minutes. */
function bounds() {
  const { start, end, newest, origin } = page.state;
  return origin == null ? [newest - SLIDING_S, newest] : [start - origin, Math.max(end, newest, start + 5) - origin];
}

function zoom(range) {
  const [low, high] = bounds();
  page.zoom = range && [Math.max(low, range[0]), Math.min(high, Math.max(range[1], range[0] + 2))];
  if (page.zoom && page.zoom[1] - page.zoom[0] >= high - low - 1) page.zoom = null;
  at("reset").hidden = !page.zoom;
  for (const { plot } of page.panels) plot?.setData(plot.data);
}

function steer(panel, key) {
  const { plot } = panel;
  if (!plot) return false;
  const [low, high] = shared.range(), length = high - low, [times] = plot.data, step = page.store.step;
  const now = plot.cursor.left >= 0 ? plot.posToVal(plot.cursor.left, "x") : times.at(-1);
  const moves = { ArrowLeft: now - step, ArrowRight: now + step, Home: Math.max(low, times[0]), End: Math.min(high, times.at(-1)) };
  if (key in moves) {
    const to = Math.min(high, Math.max(low, moves[key]));
    for (const one of page.panels) one.plot?.setCursor({ left: Math.min(one.plot.over.clientWidth - 1, one.plot.valToPos(to, "x")), top: 5 }, true, false);
  } else if (key === "+" || key === "=") zoom([now - length / 4, now + length / 4]);
  else if (key === "-") zoom([now - length, now + length]);
  else if (key === "Escape") zoom(null);
  else return false;
  return true;
}

function tabs() {
  at("tabs").replaceChildren(...page.boards.map(board => {
    const tab = document.createElement("button");
    tab.type = "button";
    tab.role = "tab";
    tab.textContent = board.title;
    tab.setAttribute("aria-selected", String(board === page.board));
    tab.setAttribute("aria-controls", "panels");
    tab.tabIndex = board === page.board ? 0 : -1;
    tab.addEventListener("click", () => go({ board: board.uid }));
    return tab;
  }));
}

at("tabs").addEventListener("keydown", event => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const index = (page.boards.indexOf(page.board) + step + page.boards.length) % page.boards.length;
  go({ board: page.boards[index].uid });
  requestAnimationFrame(() => at("tabs").children[index].focus());
});

function go(change) {
  const next = { view: page.view, board: page.board?.uid, ...change };
  location.hash = `view=${next.view}${next.board ? `&board=${next.board}` : ""}`;
}

const flat = board => board.panels.flatMap(panel => [panel, ...(panel.panels ?? [])]);

function build() {
  for (const panel of page.panels) panel.plot?.destroy();
  page.panels = [];
  page.store = null;
  const parts = flat(page.board).map(json => {
    if (json.type === "row") {
      const heading = document.createElement("h2");
      heading.textContent = json.title;
      return heading;
    }
    if (json.type === "text") return "";
    const panel = new Panel(json, shared);
    page.panels.push(panel);
    return panel.root;
  });
  if (page.board.description) {
    const note = document.createElement("p");
    note.className = "note";
    note.textContent = page.board.description;
    parts.unshift(note);
  }
  at("panels").replaceChildren(...parts);
  at("panels").setAttribute("aria-label", page.board.title);
}

/* ---- variables: what a board can be narrowed to ---- */
const variables = () => (page.board?.templating?.list ?? []).filter(one => one.type === "query" && one.hide !== 2);

function initial(variable) {
  const value = [variable.current?.value ?? "$__all"].flat()[0];
  return value === "$__all" ? "" : value;
}

async function offer() {
  const form = at("variables"), { start, newest } = page.state, board = page.board;
  const step = Math.max(1, Math.ceil((newest - start) / 60));
  const values = await ask("api/values", { view: page.shown, board: board.uid, from: start, to: Math.max(start, newest), step });
  if (board !== page.board) return;
  form.replaceChildren(...variables().map(variable => {
    const label = document.createElement("label"), select = document.createElement("select"), chosen = page.chosen[variable.name] ?? "";
    select.append(new Option("all", ""), ...[...new Set([...(values[variable.name] ?? []), ...(chosen ? [chosen] : [])])].map(value => new Option(value, value)));
    select.value = chosen;
    select.addEventListener("change", () => { page.chosen[variable.name] = select.value; page.store = null; tick(); });
    label.append(`${variable.label ?? variable.name} `, select);
    return label;
  }));
}

/* ---- polling ---- */
async function load() {
  const { state } = page;
  const params = { view: page.shown, board: page.board.uid, panels: page.panels.map(panel => panel.json.id).join(",") };
  for (const [name, value] of Object.entries(page.chosen)) if (value) params[`var-${name}`] = value;
  const fresh = page.store === null || page.store.view !== page.shown, sliding = state.origin == null;
  /* Whole seconds after a run's start, or of the clock. */
  const start = fresh ? sliding ? Math.floor(state.newest) - SLIDING_S : state.start : page.store.start;
  const step = fresh ? Math.max(1, Math.ceil((state.newest - start) / MOST_CELLS)) : page.store.step;
  const newest = start + Math.floor((state.newest - start) / step) * step;
  const last = fresh ? start : page.store.start + Math.max(0, Math.floor((page.store.end - OVERLAP_S - page.store.start) / step)) * step;
  if (newest < last || !params.panels) return;
  const board = page.board, chosen = JSON.stringify(page.chosen);
  const answer = await ask("api/data", { ...params, from: last, to: newest, step });
  if (board !== page.board || chosen !== JSON.stringify(page.chosen) || params.view !== page.shown) return;
  if (fresh) page.store = Object.assign(new Store(start, step, base()), { view: page.shown });
  const began = performance.now();
  page.store.add(answer);
  if (sliding) page.store.forget(newest - SLIDING_S);
  for (const panel of page.panels) panel.update(page.store);
  /* uPlot draws in a microtask. */
  await null;
  page.drawn = performance.now() - began;
  if (fresh) await offer();
}

let busy = false, again = false, library = 0, timer = 0;

async function tick() {
  if (busy) { again = true; return; }
  busy = true;
  try {
    if (performance.now() - library > LIBRARY_MS || !library) {
      library = performance.now() || 1;
      side(page.library = await ask("api/library"), page.view, page.state);
    }
    const state = await ask("api/state", { view: page.view });
    if (page.shown !== state.view) Object.assign(page, { shown: state.view, store: null, zoom: null });
    /* A verdict: from now on the run's own records speak, to the end. */
    else if (page.state?.verdict !== state.verdict) page.store = null;
    const turned = page.state?.view !== state.view || page.state?.live !== state.live;
    page.state = state;
    if (turned) side(page.library, page.view, state);
    know(state.arms);
    top(state);
    if (page.board && state.source) await load();
    else if (page.panels.length) for (const panel of page.panels) panel.empty("nothing yet");
    problem("");
  } catch (error) {
    problem(error instanceof TypeError ? "The page's server does not answer: is `make watch` still running?" : error.message);
  }
  busy = false;
  clearTimeout(timer);
  if (again) { again = false; tick(); }
  else if (!document.hidden) timer = setTimeout(tick, PERIOD_MS);
}

function problem(text) {
  at("problem").textContent = text;
  at("problem").hidden = !text;
}

function route() {
  const { view, board } = address();
  const chosen = page.boards.find(one => one.uid === board) ?? page.board ?? page.boards[0] ?? null;
  if (view !== page.view) Object.assign(page, { view, zoom: null, store: null });
  if (chosen !== page.board) {
    page.board = chosen;
    page.chosen = Object.fromEntries(variables().map(one => [one.name, initial(one)]));
    build();
  }
  tabs();
  if (page.library) side(page.library, page.view, page.state);
  at("live").href = `#view=live${page.board ? `&board=${page.board.uid}` : ""}`;
  tick();
}

addEventListener("hashchange", route);
document.addEventListener("visibilitychange", () => { clearTimeout(timer); if (!document.hidden) tick(); });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => page.panels.forEach(panel => { panel.names = ""; if (page.store) panel.update(page.store); }));
at("reset").addEventListener("click", () => { zoom(null); page.panels[0]?.host.focus(); });
try { page.boards = await ask("api/boards"); } catch (error) { problem(error.message); }
route();
