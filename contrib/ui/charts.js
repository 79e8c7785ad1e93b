// charts.js - lines over the last 15 minutes, drawn by hand as SVG. Pointing at a chart, or the arrow
// keys on it, shows the figures of that moment; marks on the time axis say what happened then.

import { el, svg, write } from "./dom.js";
import { time } from "./format.js";
import { WINDOW_MS } from "./samples.js";

// While little is known the axis is shorter, so that it can be seen.
const WINDOWS_MIN = [1, 2, 5, WINDOW_MS / 60000];

const HEIGHT = 150;
const LEFT = 52;
const RIGHT = 8;
const TOP = 14;
const BOTTOM = 20;
const MARK_REACH_PX = 7;

// Shapes, so that who sees no colours can tell them apart.
const SHAPES = {
  election: "M0 -5 5 4 -5 4Z",
  restart: "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z",
  membership: "M0 -5 5 0 0 5 -5 0Z",
};

/* The next of 1, 2, 5, 10, 20, ... at or above a figure; of bytes of 1, 2, 4, 8, ... */
function ceiling(figure, base) {
  if (base === 2) return 2 ** Math.ceil(Math.log2(figure));
  const power = 10 ** Math.floor(Math.log10(figure));
  return [1, 2, 5, 10].map((n) => n * power).find((n) => n >= figure * 0.999);
}

export class Chart {
  /*
   * title, format: of a figure, as text; base: 2 for bytes; least: that the axis has at its top
   * series: [{ name, get: (sample) => figure or null }], or a function of the latest sample that
   *	returns it; a chart has six at most
   */
  constructor({ title, hint, format, base = 10, least = 1, series }) {
    Object.assign(this, { format, base, least, series: typeof series === "function" ? series : () => series });
    this.title = title;
    this.cursor = null;         // which sample is looked at
    this.width = 0;
    this.legend = el("ul", { class: "legend" });
    this.tip = el("p", { class: "tip", hidden: true });
    this.drawing = svg("svg", { height: String(HEIGHT), role: "img", tabindex: "0", "aria-label": title });
    this.frame = svg("g", { class: "frame" });
    this.lines = svg("g", { class: "lines" });
    this.signs = svg("g", { class: "marks" });
    this.hair = svg("line", { class: "hair", y1: String(TOP), y2: String(HEIGHT - BOTTOM), visibility: "hidden" });
    this.drawing.append(this.frame, this.lines, this.signs, this.hair);
    this.element = el("figure", { class: "chart" },
      el("figcaption", {}, el("h3", {}, title), hint ? el("span", { class: "hint" }, hint) : null),
      el("div", { class: "plot" }, this.drawing, this.tip), this.legend);
    this.listen();
  }

  listen() {
    this.watch = new ResizeObserver(() => this.draw());
    this.watch.observe(this.drawing);
    this.drawing.addEventListener("pointermove", (event) => this.pointAt(event));
    this.drawing.addEventListener("pointerleave", () => this.look(null));
    this.drawing.addEventListener("blur", () => this.look(null));
    this.drawing.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -30, PageDown: 30, Home: -Infinity, End: Infinity }[event.key];
      if (event.key === "Escape") this.look(null);
      if (step === undefined || !this.list?.length) return;
      event.preventDefault();
      const last = this.list.length - 1;
      const from = this.cursor === null ? last : this.list.indexOf(this.cursor);
      const to = this.cursor === null ? last : Math.min(last, Math.max(0, from + step));
      this.look(this.list[to]);
    });
  }

  close() {
    this.watch.disconnect();
  }

  update(samples) {
    this.list = samples.list;
    this.marks = samples.marks;
    this.draw();
  }

  draw() {
    const width = Math.floor(this.drawing.clientWidth);
    if (!this.list?.length || width < 80) return;
    this.width = width;
    this.end = this.list[this.list.length - 1].at;
    const known = (this.end - this.list[0].at) / 60000;
    this.minutes = WINDOWS_MIN.find((minutes) => minutes >= known) ?? WINDOWS_MIN[WINDOWS_MIN.length - 1];
    const lines = this.series(this.list[this.list.length - 1]).slice(0, 6);
    let most = this.least;
    for (const sample of this.list) for (const line of lines) most = Math.max(most, line.get(sample) ?? 0);
    this.most = ceiling(most, this.base);
    this.drawing.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    this.frame.replaceChildren(...this.grid());
    this.lines.replaceChildren(...lines.map((line, i) => svg("path", { class: `line s${i}`, d: this.path(line) })));
    this.signs.replaceChildren(...this.marks.filter((mark) => this.x(mark.at) >= LEFT).map((mark) => this.sign(mark)));
    this.write(lines);
    this.look(this.cursor);
  }

  x(at) {
    return LEFT + (this.width - LEFT - RIGHT) * (1 - (this.end - at) / (this.minutes * 60000));
  }

  y(figure) {
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (figure / this.most);
  }

  grid() {
    const out = [];
    for (const share of [0, 0.5, 1]) {
      const y = this.y(this.most * share);
      out.push(svg("line", { x1: LEFT, x2: this.width - RIGHT, y1: y, y2: y }),
        svg("text", { x: LEFT - 6, y: y + 4, "text-anchor": "end" }, this.format(this.most * share)));
    }
    for (const share of [1, 0.5, 0]) {
      const ago = this.minutes * share;
      const text = ago ? `-${ago >= 1 ? `${ago} min` : `${ago * 60} s`}` : "now";
      const anchor = share === 1 ? "start" : share ? "middle" : "end";
      out.push(svg("text", { x: this.x(this.end - ago * 60000), y: HEIGHT - 5, "text-anchor": anchor }, text));
    }
    return out;
  }

  path(line) {
    let out = "";
    let drawn = false;
    let begun = "";             // of a stretch of one sample: shown as a dot
    for (const sample of this.list) {
      const figure = line.get(sample);
      if (figure === null || figure === undefined) {
        out += begun && "h.01";
        begun = "";
        drawn = false;
        continue;
      }
      const point = `${this.x(sample.at).toFixed(1)} ${this.y(figure).toFixed(1)}`;
      out += `${drawn ? "L" : "M"}${point}`;
      begun = drawn ? "" : "h.01";
      drawn = true;
    }
    return out + begun;
  }

  sign(mark) {
    const x = this.x(mark.at);
    return svg("g", { class: `mark ${mark.kind}` },
      svg("line", { x1: x, x2: x, y1: TOP, y2: HEIGHT - BOTTOM }),
      svg("path", { d: SHAPES[mark.kind] ?? SHAPES.restart, transform: `translate(${x} ${TOP - 7})` }));
  }

  write(lines) {
    const latest = this.list[this.list.length - 1];
    if (this.legend.children.length !== lines.length) {
      this.legend.replaceChildren(...lines.map((line, i) => el("li", {},
        el("span", { class: `swatch s${i}`, "aria-hidden": "true" }), el("span", {}), " ", el("b", {}))));
    }
    lines.forEach((line, i) => {
      const [, name, figure] = this.legend.children[i].children;
      write(name, line.name);
      write(figure, this.format(line.get(latest)));
    });
  }

  pointAt(event) {
    if (!this.list?.length) return;
    const x = event.clientX - this.drawing.getBoundingClientRect().left;
    let best = this.list[0];
    for (const sample of this.list) if (Math.abs(this.x(sample.at) - x) < Math.abs(this.x(best.at) - x)) best = sample;
    this.look(best, x);
  }

  /* Shows the figures of a sample, and what happened near x; null: no more. */
  look(sample, x) {
    this.cursor = sample && this.list.includes(sample) ? sample : null;
    this.tip.hidden = this.cursor === null;
    this.hair.setAttribute("visibility", this.cursor ? "visible" : "hidden");
    if (!this.cursor) return;
    const at = this.x(sample.at);
    this.hair.setAttribute("x1", at);
    this.hair.setAttribute("x2", at);
    const rows = this.series(this.list[this.list.length - 1]).slice(0, 6)
      .map((line) => el("span", {}, `${line.name} ${this.format(line.get(sample))}`));
    const near = this.marks.filter((mark) => this.x(mark.at) >= LEFT && Math.abs(this.x(mark.at) - (x ?? at)) < MARK_REACH_PX)
      .map((mark) => el("em", {}, `${time(mark.at)} ${mark.text}`));
    this.tip.replaceChildren(el("strong", {}, time(sample.at)), ...rows, ...near);
    this.tip.classList.toggle("left", at > this.width / 2);
    this.drawing.setAttribute("aria-label", `${this.title}. ${[...this.tip.children].map((row) => row.textContent).join(", ")}`);
  }
}
