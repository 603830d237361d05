/* What has been drawn so far: each panel's series on one grid, to which every poll adds its seconds. */
export class Store {
  /* `base` is what the axis counts from: a run's t0, or 0. */
  constructor(start, step, base) {
    this.start = start;
    this.base = base;
    this.step = step;
    this.length = 0;
    this.panels = new Map();
    this.bands = [];
  }

  get end() { return this.start + this.step * Math.max(0, this.length - 1); }

  get times() { return Array.from({ length: this.length }, (_, cell) => this.start - this.base + cell * this.step); }

  /* Writes an answer over what stands there; a series that is new, or gone, is empty in the rest. */
  add(answer) {
    const from = Math.round((answer.start - this.start) / this.step);
    const width = Math.max(0, ...Object.values(answer.panels).flatMap(panel => panel.series.map(one => one.values.length)), answer.steps);
    this.length = Math.max(this.length, from + width);
    this.bands = joined(this.bands, answer.bands, this.step);
    for (const [id, { series, errors }] of Object.entries(answer.panels)) {
      const known = this.panels.get(id) ?? { series: new Map(), errors: [] };
      this.panels.set(id, known);
      known.errors = errors;
      for (const one of known.series.values()) fill(one.values, from, this.length, null);
      for (const one of series) {
        const key = `${one.ref} ${JSON.stringify(one.labels)}`;
        if (!known.series.has(key)) known.series.set(key, { ...one, values: new Array(from).fill(null) });
        const values = known.series.get(key).values;
        fill(values, from, this.length, null);
        one.values.forEach((value, cell) => { values[from + cell] = value; });
      }
    }
  }

  /* Drops what has left a window that slides. */
  forget(before) {
    const gone = Math.floor((before - this.start) / this.step);
    if (gone < 60) return;
    this.start += gone * this.step;
    this.length -= gone;
    for (const { series } of this.panels.values()) for (const [key, one] of series) {
      one.values.splice(0, gone);
      if (one.values.every(value => value == null)) series.delete(key);
    }
    this.bands = this.bands.filter(band => band.to >= this.start);
  }

  series(id) {
    const found = [...(this.panels.get(String(id))?.series.values() ?? [])];
    for (const one of found) fill(one.values, one.values.length, this.length, null);
    return found.filter(one => one.values.some(value => value != null));
  }

  errors(id) { return this.panels.get(String(id))?.errors ?? []; }
}

function fill(values, from, to, value) {
  for (let cell = from; cell < to; cell++) values[cell] = value;
}

/* A window that is still open comes with each answer, a little longer. */
function joined(old, added, step) {
  const all = [...old, ...added].sort((one, other) => one.from - other.from), found = [];
  for (const band of all) {
    const last = found.findLast(one => one.title === band.title);
    if (last && band.from <= last.to + 1.5 * step) last.to = Math.max(last.to, band.to);
    else found.push({ ...band });
  }
  return found;
}
