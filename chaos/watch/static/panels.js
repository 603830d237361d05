/* The panels of a board, in their places: each a figure with its chart, its series' names and figures, and all as text. */
import { chart, spans, strength } from "./charts.js";
import { figure, instant } from "./figures.js";
import { look, swatch } from "./looks.js";

const ROW_PX = 32, DRAWN = new Set(["timeseries", "state-timeline", "stat", "table"]), TABLE_ROWS = 600, DASHES = [[], [8, 5], [2, 4], [12, 4, 2, 4]];

function element(name, attributes = {}, ...children) {
  const found = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value != null) found.setAttribute(key, value);
  found.append(...children.filter(child => child != null));
  return found;
}

/* Which of the value mappings is meant; a number without one is itself. */
function stateOf(panel) {
  const options = Object.assign({}, ...(panel.fieldConfig?.defaults?.mappings ?? []).filter(one => one.type === "value").map(one => one.options));
  return value => ({ text: options[value]?.text ?? figure(value, panel.fieldConfig?.defaults?.unit), color: options[value]?.color });
}

export class Panel {
  /* `shared` gives the range, the bands, the origin, and takes a selection. */
  constructor(json, shared) {
    this.json = json;
    this.shared = shared;
    this.defaults = json.fieldConfig?.defaults ?? {};
    this.kind = json.type;
    this.state = stateOf(json);
    this.plot = null;
    this.names = "";
    this.store = null;
    this.cell = null;
    this.build();
  }

  build() {
    const { json } = this, place = json.gridPos ?? { w: 12, h: 8 };
    this.time = element("time");
    this.host = element("div", { class: "plot", tabindex: "0", role: "img", "aria-label": json.title });
    this.legend = element("ul", { class: "names" });
    this.wrong = element("p", { class: "wrong", hidden: "" });
    this.text = element("details", { class: "figures" }, element("summary", {}, "These figures as text"), element("p", {}, json.description ?? ""));
    this.text.addEventListener("toggle", () => this.write());
    this.root = element("figure", { class: `chart${this.kind === "state-timeline" ? " states" : ""}`, id: `panel-${json.id}` },
      element("figcaption", {}, element("b", {}, json.title ?? ""), this.time),
      json.description ? element("p", { class: "why", title: json.description }, json.description) : null, this.wrong, this.host, this.legend, this.text);
    this.root.style.gridColumn = `span ${Math.min(24, Math.max(6, place.w))}`;
    this.height = Math.max(120, place.h * ROW_PX - 84);
    this.host.addEventListener("keydown", event => { if (this.shared.steer(this, event.key)) event.preventDefault(); });
    new ResizeObserver(() => this.resize()).observe(this.host);
  }

  resize() {
    const width = Math.max(240, this.host.clientWidth);
    if (this.plot && this.host.clientWidth && width !== this.plot.width) this.plot.setSize({ width, height: this.plot.height });
  }

  update(store) {
    this.store = store;
    const series = store.series(this.json.id), errors = store.errors(this.json.id);
    this.wrong.hidden = !errors.length;
    this.wrong.textContent = errors.join("\n");
    if (!DRAWN.has(this.kind)) this.empty(`a panel of the kind ${this.kind} is not drawn here`);
    else if (!series.length) this.empty(this.defaults.noValue ?? "nothing");
    else if (this.kind === "stat" || this.kind === "table") this.numbers(series);
    else this.draw(series);
    if (this.text.open) this.write();
  }

  empty(words) {
    this.plot?.destroy();
    this.plot = null;
    this.names = "";
    this.series = [];
    this.legend.replaceChildren();
    this.host.replaceChildren(element("p", { class: "nothing" }, words));
  }

  draw(series) {
    const names = JSON.stringify(series.map(one => [one.ref, one.labels]));
    const data = [this.store.times, ...series.map(one => one.values)];
    if (this.plot && names === this.names) this.plot.setData(data);
    else {
      this.plot?.destroy();
      this.host.replaceChildren();
      this.names = names;
      this.series = told(series.map(one => ({ name: one.name, labels: one.labels, look: look(this.json, one) })));
      this.plot = chart(this.host, this.model(), data, cell => this.move(cell), range => this.shared.select(range));
      if (this.kind !== "state-timeline") this.legend.replaceChildren(...this.series.map(one => {
        const item = element("li", { title: Object.entries(one.labels).map(pair => pair.join("=")).join(" ") });
        item.innerHTML = swatch(one.look, one.look.ink());
        item.append(`${one.name} `, one.output = element("b"));
        return item;
      }));
    }
    if (this.kind === "state-timeline") this.key(series);
    this.say(this.cell);
  }

  /* What the strips' shades mean, of those that occur. */
  key(series) {
    const seen = [...new Set(series.flatMap(one => one.values))].filter(value => value != null).sort((one, other) => one - other);
    this.legend.replaceChildren(...seen.map(value => {
      const { text, color } = this.state(value), shade = element("i");
      shade.style.opacity = strength(color);
      return element("li", {}, shade, text);
    }));
  }

  model() {
    const strips = this.kind === "state-timeline", custom = this.defaults.custom ?? {};
    return {
      series: this.series, strips, state: this.state, unit: this.defaults.unit, min: this.defaults.min,
      log: custom.scaleDistribution?.type === "log", range: this.shared.range, bands: this.shared.bands, clock: this.shared.clock,
      height: strips ? Math.max(this.height, this.series.length * 27 + 24) : this.height,
      limits: (custom.thresholdsStyle?.mode ?? "off") === "off" ? [] : (this.defaults.thresholds?.steps ?? []).filter(step => step.value != null),
    };
  }

  move(cell) {
    this.cell = cell;
    this.say(cell);
  }

  /* The figures under the cursor, else the newest ones. */
  say(cell) {
    if (!this.plot) return;
    const [times, ...columns] = this.plot.data, at = cell ?? newest(columns);
    this.time.textContent = at == null || cell == null ? "" : instant(times[at], this.shared.clock());
    const figures = this.series.map((one, index) => at == null ? "" : this.shown(columns[index][at]));
    this.series.forEach((one, index) => { if (one.output) one.output.textContent = figures[index]; });
    const spoken = this.series.slice(0, 8).map((one, index) => `${one.name} ${figures[index]}`).join(", ");
    this.host.setAttribute("aria-label", `${this.json.title}. ${at == null ? "" : `At ${instant(times[at], this.shared.clock())}: ${spoken}.`} Left and right arrows move the cursor, plus and minus zoom, Escape shows all.`);
  }

  shown(value) {
    if (value == null) return "\u2013";
    return this.kind === "state-timeline" ? this.state(value).text : figure(value, this.defaults.unit);
  }

  numbers(series) {
    this.plot = null;
    this.series = series.map(one => ({ name: one.name, labels: one.labels, look: look(this.json, one) }));
    const box = element("div", { class: "stats" });
    series.forEach((one, index) => {
      const value = element("b", {}, this.shown(one.values.findLast(found => found != null)));
      value.style.color = this.series[index].look.arm ? this.series[index].look.ink() : "";
      box.append(element("div", {}, value, one.name));
    });
    this.host.replaceChildren(box);
  }

  /* The text alternative is written when somebody opens it. */
  write() {
    this.text.querySelector(".scroll")?.remove();
    if (!this.text.open || !this.store) return;
    const series = this.store.series(this.json.id), times = this.store.times, clock = this.shared.clock();
    const table = element("table", { class: "plain" });
    const head = (...cells) => element("thead", {}, element("tr", {}, ...cells.map(cell => element("th", { scope: "col" }, cell))));
    const body = element("tbody");
    if (this.kind === "state-timeline") {
      table.append(head("", "from", "to", "state"));
      for (const one of series) for (const [from, to, value] of spans(one.values))
        body.append(element("tr", {}, element("th", { scope: "row" }, one.name), ...[instant(times[from], clock), instant(times[to - 1] + this.store.step, clock), this.shown(value)].map(cell => element("td", {}, cell))));
    } else {
      table.append(head("time", ...series.map(one => one.name)));
      for (let cell = times.length - 1; cell >= Math.max(0, times.length - TABLE_ROWS); cell--) if (series.some(one => one.values[cell] != null))
        body.append(element("tr", {}, element("th", { scope: "row" }, instant(times[cell], clock)), ...series.map(one => element("td", {}, this.shown(one.values[cell])))));
    }
    table.append(body);
    this.text.append(element("div", { class: "scroll tall", tabindex: "0", role: "region", "aria-label": `${this.json.title}, as text` }, table));
  }
}

/* Lines of one colour that the board itself does not tell apart get a dash each. */
function told(series) {
  for (const ink of new Set(series.map(one => one.look.ink()))) {
    const same = series.filter(one => one.look.ink() === ink);
    if (same.length > 1 && same.every(one => !one.look.dash.length)) same.forEach((one, index) => { one.look.dash = DASHES[index % DASHES.length]; });
  }
  return series;
}

function newest(columns) {
  let found = null;
  for (const values of columns) for (let cell = values.length - 1; cell >= 0; cell--) if (values[cell] != null) { found = Math.max(found ?? 0, cell); break; }
  return found;
}
