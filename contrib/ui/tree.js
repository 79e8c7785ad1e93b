// tree.js - the keys as a tree that is loaded as it is opened. TreeView is its rows and its keyboard,
// Tree those of /v2 (of v3: v3tree.js). A directory's listing also has the values; of these only the
// beginning is kept.
//
// Hidden names (with "_" in front) are in no listing. They get into the tree when somebody goes to
// them by their path, and are shown while "hidden names" is on.

import { el, say } from "./dom.js";
import { keyRequest, send, explain, TooLarge } from "./api.js";
import { brief, count, duration, plural } from "./format.js";
import { Rows } from "./rows.js";

const ROW_PX = 26;

export function parentOf(key) {
  return key.slice(0, key.lastIndexOf("/")) || "/";
}

export function nameOf(key) {
  return key === "/" ? "/" : key.slice(key.lastIndexOf("/") + 1);
}

export function isHidden(key) {
  return key.split("/").some((name) => name.startsWith("_"));
}

function join(directory, name) {
  return directory === "/" ? `/${name}` : `${directory}/${name}`;
}

/* When it expires, in this browser's own time: the clocks may differ. */
export function expiry(said) {
  return said.ttl === undefined ? null : Date.now() + said.ttl * 1000;
}

export class Twig {
  /* key: unlike that of any other row */
  constructor(key, dir) {
    Object.assign(this, { key, dir, open: false, loading: false, children: null, error: "" });
  }

  take(said) {
    this.dir = said.dir === true;
    this.expires = expiry(said);
    this.begin = this.dir ? "" : brief(said.value ?? "", 120);
    return this;
  }
}

/*
 * What has the keys: listed(twig), its children that are to be seen; name(twig), label(twig), begin(twig):
 * what its row says, names to who does not see it, and has behind the name; above(twig): the key of the
 * row that it is below; load(twig): reads its children, and calls flatten.
 */
export class TreeView {
  /* chosen(key): somebody chose a row */
  constructor(root, chosen) {
    this.chosen = chosen;
    this.root = root;
    root.open = true;
    this.selected = root.key;
    this.list = [];
    this.rows = new Rows(ROW_PX, (i) => this.row(i), { role: "tree", "aria-label": "Keys", id: "tree" });
    this.element = this.rows.element;
    this.element.addEventListener("keydown", (event) => this.key(event));
    this.element.addEventListener("click", (event) => {
      const row = event.target.closest("[data-row]");
      if (row) this.click(Number(row.dataset.row), event.target.closest(".twist") !== null);
    });
  }

  close() {
    this.rows.close();
  }

  /* The rows that are to be seen, from the directories that are open. */
  flatten() {
    const out = [];
    const stack = [[this.root, 1, 1, 1]];
    while (stack.length) {
      const [twig, level, place, size] = stack.pop();
      out.push({ twig, level, place, size });
      if (!twig.dir || !twig.open) continue;
      if ((twig.loading && !twig.children) || twig.error) out.push({ text: twig.error || "Loading…", level: level + 1, wrong: twig.error !== "" });
      const children = this.listed(twig);
      if (!children.length && twig.children && !twig.error) out.push({ text: "(nothing that is listed)", level: level + 1 });
      for (let i = children.length - 1; i >= 0; i--) stack.push([children[i], level + 1, i + 1, children.length]);
    }
    this.list = out;
    this.rows.show(out.length);
    this.mark();
  }

  row(i) {
    const { twig, level, place, size, text, wrong } = this.list[i];
    if (!twig) return this.indent(el("div", { class: wrong ? "row note wrong" : "row note", role: "presentation" }, text), level);
    const chosen = twig.key === this.selected;
    const row = el("div", { class: chosen ? "row chosen" : "row", role: "treeitem", id: `row-${i}`, "data-row": i,
      "aria-level": level, "aria-posinset": place, "aria-setsize": size, "aria-selected": String(chosen),
      "aria-expanded": twig.dir ? String(twig.open) : null, "aria-label": this.label(twig) },
    el("span", { class: "twist", "aria-hidden": "true" }, twig.dir ? (twig.open ? "▾" : "▸") : ""),
    el("span", { class: twig.dir ? "name dir" : "name" }, this.name(twig)),
    el("span", { class: "begin" }, this.begin(twig)),
    twig.expires ? el("span", { class: "ttl", "data-expires": twig.expires }, left(twig.expires)) : null);
    return this.indent(row, level);
  }

  indent(row, level) {
    row.style.paddingLeft = `${(Math.min(level, 24) - 1) * 14 + 6}px`;
    return row;
  }

  mark() {
    const i = this.list.findIndex((row) => row.twig?.key === this.selected);
    if (i >= 0) this.element.setAttribute("aria-activedescendant", `row-${i}`);
    else this.element.removeAttribute("aria-activedescendant");
    return i;
  }

  click(i, twist) {
    const { twig } = this.list[i];
    if (twig.dir && (twist || twig.key === this.selected)) this.fold(twig, !twig.open);
    if (!twist && twig.key !== this.selected) {
      if (twig.dir && !twig.open) this.fold(twig, true);
      this.choose(twig.key);
    }
    this.element.focus();
  }

  choose(key) {
    this.selected = key;
    this.rows.reveal(Math.max(0, this.mark()));
    this.chosen(key);
  }

  key(event) {
    const at = this.list.findIndex((row) => row.twig?.key === this.selected);
    const { twig } = this.list[at] ?? {};
    const to = (i, step) => {
      i = Math.min(this.list.length - 1, Math.max(0, i));
      while (this.list[i] && !this.list[i].twig) i += step;
      if (this.list[i]) this.choose(this.list[i].twig.key);
    };
    switch (event.key) {
      case "ArrowDown": to(at + 1, 1); break;
      case "ArrowUp": to(at - 1, -1); break;
      case "PageDown": to(at + this.rows.page, -1); break;
      case "PageUp": to(at - this.rows.page, 1); break;
      case "Home": to(0, 1); break;
      case "End": to(this.list.length - 1, -1); break;
      case "ArrowRight":
        if (twig?.dir && !twig.open) this.fold(twig, true);
        else if (twig?.dir) to(at + 1, 1);
        break;
      case "ArrowLeft":
        if (twig?.dir && twig.open && twig !== this.root) this.fold(twig, false);
        else if (twig && twig !== this.root) this.choose(this.above(twig));
        break;
      case "Enter": case " ":
        if (twig?.dir) this.fold(twig, !twig.open);
        break;
      default: return;
    }
    event.preventDefault();
  }

  async fold(twig, open) {
    twig.open = open;
    if (open && !twig.children) await this.load(twig);
    else this.flatten();
  }
}

export class Tree extends TreeView {
  constructor(chosen) {
    super(new Twig("/", true), chosen);
    this.hidden = new Map();    // of a directory: its hidden children that somebody went to
    this.hidden.set("/", new Set(["/_etcd"]));
    this.showHidden = false;
  }

  listed(twig) {
    return (twig.children ?? []).filter((child) => this.showHidden || !nameOf(child.key).startsWith("_"));
  }

  name(twig) {
    return twig.dir && twig.key !== "/" ? `${nameOf(twig.key)}/` : nameOf(twig.key);
  }

  label(twig) {
    return twig.key;
  }

  begin(twig) {
    if (!twig.dir) return twig.begin;
    return twig.open && twig.children ? count(this.listed(twig).length) : "";
  }

  above(twig) {
    return parentOf(twig.key);
  }

  /* Once a second: what is left of the rows that expire. */
  count() {
    for (const node of this.element.querySelectorAll("[data-expires]")) node.textContent = left(Number(node.dataset.expires));
  }

  async load(twig) {
    twig.loading = true;
    this.flatten();
    try {
      const answer = await send(keyRequest("GET", twig.key));
      twig.error = "";
      this.take(twig, answer.node);
      say(`${twig.key}: ${plural(this.listed(twig).length, "name")}`);
    } catch (error) {
      twig.children = null;
      twig.error = error instanceof TooLarge
        ? "Its listing has more than 64 MiB: go to a key by its path" : explain(error);
    }
    twig.loading = false;
    this.flatten();
  }

  /* A listing: twigs that are there already keep what is open below them. */
  take(twig, said) {
    twig.take(said);
    if (!twig.dir) return;
    const before = new Map((twig.children ?? []).map((child) => [child.key, child]));
    const children = (said.nodes ?? []).map((one) => (before.get(one.key) ?? new Twig(one.key, false)).take(one));
    for (const key of this.hidden.get(twig.key) ?? []) {
      if (!children.some((child) => child.key === key)) children.push(before.get(key) ?? new Twig(key, true));
    }
    twig.children = children;
  }

  find(key) {
    let twig = this.root;
    if (key === "/") return twig;
    let at = "/";
    for (const name of key.slice(1).split("/")) {
      at = join(at, name);
      twig = twig?.children?.find((child) => child.key === at);
    }
    return twig ?? null;
  }

  /* Opens all that leads to a key, and selects it, if it is there. */
  async reach(key) {
    this.selected = key;
    let twig = this.root;
    if (!twig.children) await this.load(twig);
    let at = "/";
    for (const name of key === "/" ? [] : key.slice(1).split("/")) {
      at = join(at, name);
      if (name.startsWith("_")) this.remember(at, twig);
      twig.open = true;
      if (twig.dir && !twig.children) await this.load(twig);
      const child = twig.children?.find((one) => one.key === at);
      if (!child) break;
      twig = child;
    }
    if (isHidden(key) && !this.showHidden) this.reveal(true);
    if (twig.key === key && twig.dir && !twig.open) await this.fold(twig, true);
    this.flatten();
    const i = this.mark();
    if (i >= 0) this.rows.reveal(i);
  }

  remember(key, parent) {
    if (!this.hidden.has(parent.key)) this.hidden.set(parent.key, new Set());
    this.hidden.get(parent.key).add(key);
    if (parent.children && !parent.children.some((child) => child.key === key)) parent.children.push(new Twig(key, true));
  }

  reveal(on) {
    this.showHidden = on;
    this.flatten();
    this.revealed?.(on);
  }

  /* A key was made, changed or deleted: reads again the directory it is in, or the nearest one above that was read. */
  async again(key) {
    let at = parentOf(key);
    while (at !== "/" && !this.find(at)?.children) at = parentOf(at);
    await this.load(this.find(at));
    const own = this.find(key);
    if (own?.dir && own.open) await this.load(own);
  }

  gone(key) {
    this.hidden.get(parentOf(key))?.delete(key);
  }

  async refresh() {
    const open = this.list.filter(({ twig }) => twig?.dir && twig.open && twig.children).map(({ twig }) => twig);
    for (const twig of open) await this.load(twig);
  }
}

export function left(expires) {
  const s = Math.ceil((expires - Date.now()) / 1000);
  return s > 0 ? duration(s) : "expires";
}
