/* The left of the page: scenarios with their question and last verdict, runs with their report. */
import { verdictKey } from "./top.js";

const at = id => document.getElementById(id);

function element(name, attributes, ...children) {
  const found = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value != null) found.setAttribute(key, value);
  found.append(...children);
  return found;
}

const dot = verdict => verdict ? element("span", { class: `dot ${verdictKey(verdict)}` }, verdict) : "";
/* The year is in the address. */
const clock = time => time.slice(5).replace("T", " ").replace(/(\d\d)(\d\d)(\d\d)Z$/, "$1:$2:$3");

export function side({ scenarios, runs }, view, state) {
  at("live").toggleAttribute("aria-current", view === "live");
  at("scenarios").replaceChildren(...scenarios.map(one => {
    const last = runs.find(run => run.scenario === one.name && run.report);
    const name = last ? element("a", { href: `runs/${last.run}/report.html`, class: "name" }, one.name) : element("span", { class: "name" }, one.name);
    return element("li", {}, name, " ", dot(one.verdict), element("small", {}, one.question));
  }));
  at("runs").replaceChildren(...runs.map(run => element("li", {},
    run.report ? element("a", { href: `runs/${run.run}/report.html`, class: "name" }, run.scenario) : element("span", { class: "name" }, run.scenario),
    dot(run.verdict) || element("span", { class: "dot" }, state?.live && state.view === run.run ? "goes on" : "no verdict"),
    element("span", { class: "links" }, `${clock(run.time)}${run.seed == null ? "" : ` \u00b7 seed ${run.seed}`}`,
      element("a", { href: `#view=${run.run}`, "aria-current": view === run.run ? "true" : null, "aria-label": `charts of ${run.run}` }, "charts")))));
  if (!runs.length) at("runs").append(element("li", {}, "none yet: ", element("code", {}, "make scenario-slow-db")));
}
