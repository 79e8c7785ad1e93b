// rows.js - long lists: only the rows that are seen are elements. All rows have one height.
// A row that stays in sight stays the same element: what has the focus in it keeps it.

import { el } from "./dom.js";

const SPARE = 8;                // rows above and below, so that scrolling finds them there

export class Rows {
  /* draw(i) returns the element of row i; its place is set here. item(i), if there is one: what row i
   * shows, an object that looks the same for ever; without, all rows are drawn again by show(). */
  constructor(height, draw, options = {}, item = null) {
    this.height = height;
    this.draw = draw;
    this.item = item;
    this.drawn = new Map();
    this.length = 0;
    this.space = el("div", { class: "space", role: "presentation" });
    this.element = el("div", { class: "rows", tabindex: "0", ...options }, this.space);
    this.element.addEventListener("scroll", () => this.later(), { passive: true });
    this.watch = new ResizeObserver(() => this.later());
    this.watch.observe(this.element);
  }

  close() {
    this.watch.disconnect();
    cancelAnimationFrame(this.frame);
  }

  show(length) {
    this.length = length;
    this.space.style.height = `${length * this.height}px`;
    this.render();
  }

  later() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => this.place());
  }

  /* What the rows show may be another thing than before. */
  render() {
    if (!this.item) {
      this.drawn.clear();
      this.space.replaceChildren();
    }
    this.place();
  }

  place() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const top = this.element.scrollTop;
    const first = Math.max(0, Math.floor(top / this.height) - SPARE);
    const last = Math.min(this.length, Math.ceil((top + this.element.clientHeight) / this.height) + SPARE);
    const drawn = new Map();
    for (let i = first; i < last; i++) {
      const item = this.item ? this.item(i) : i;
      const row = this.drawn.get(item) ?? this.draw(i);
      row.style.top = `${i * this.height}px`;
      drawn.set(item, row);
      this.drawn.delete(item);
    }
    for (const gone of this.drawn.values()) gone.remove();
    this.drawn = drawn;
    let next = this.space.firstChild;
    for (const row of drawn.values()) {
      if (row === next) next = next.nextSibling;
      else this.space.insertBefore(row, next);
    }
  }

  /* Scrolls as little as needed for row i to be seen. */
  reveal(i) {
    const top = i * this.height;
    const { scrollTop, clientHeight } = this.element;
    if (top < scrollTop) this.element.scrollTop = top;
    else if (top + this.height > scrollTop + clientHeight) this.element.scrollTop = top + this.height - clientHeight;
    this.render();
  }

  get page() {
    return Math.max(1, Math.floor(this.element.clientHeight / this.height) - 1);
  }
}
