// v3tree.js - the keys of v3 as a tree: what is before a "/" counts as a directory, though there are
// only keys. A directory is read in pages of keys without values; of a page that ends within another
// directory the next one begins behind that one, so one with many keys below costs no more than one.
//
// Each row has as its key its place in an address: a directory ends with "*", which no key has there.

import { say } from "./dom.js";
import { send, explain } from "./api.js";
import { count, plural } from "./format.js";
import { addressOf, endOf, pack, shownOf, unpack } from "./bytes.js";
import { TreeView, Twig } from "./tree.js";
import { rangeRequest } from "./v3api.js";

const PAGE_KEYS = 200;          // of one request
const CHILDREN_AT_ONCE = 150;   // so many, or so many requests; then the row "more"
const REQUESTS_AT_ONCE = 50;
const CHILDREN_MOST = 20000;    // of a directory, that came to be while it is looked at
const OPENED_MOST = 16;         // directories with one directory in them are opened, so deep

class V3Twig extends Twig {
  /* bytes: the key, or the prefix that is the directory */
  constructor(bytes, dir, parent) {
    super(addressOf(bytes) + (dir ? "*" : ""), dir);
    Object.assign(this, { bytes, parent, next: null, reading: false });
    this.more = dir ? Object.assign(new Twig(`${this.key} more`, false), { of: this }) : null;
  }
}

/* The child of a directory in which a key lies: [bytes, is it a directory] */
function childOf(prefix, key) {
  const end = key.indexOf("/", prefix.length);
  return end < 0 ? [key, false] : [key.slice(0, end + 1), true];
}

export class V3Tree extends TreeView {
  constructor(chosen) {
    super(new V3Twig("", true, null), chosen);
  }

  listed(twig) {
    const children = twig.children ?? [];
    return twig.next === null || !twig.children ? children : [...children, twig.more];
  }

  name(twig) {
    if (twig.of) return twig.of.reading ? "Loading…" : "more…";
    if (twig === this.root) return "all keys";
    return shownOf(twig.bytes.slice(twig.parent.bytes.length)) || "(a key that ends here)";
  }

  label(twig) {
    if (twig.of) return `More of ${this.label(twig.of)}`;
    return twig === this.root ? "all keys" : shownOf(twig.bytes);
  }

  begin(twig) {
    if (!twig.dir || !twig.open || !twig.children) return "";
    return count(twig.children.length) + (twig.next === null ? "" : "+");
  }

  above(twig) {
    return (twig.of ?? twig.parent).key;
  }

  choose(key) {
    const found = this.list.find((row) => row.twig?.key === key);
    if (found?.twig.of) this.read(found.twig.of);
    else super.choose(key);
  }

  // ---- reading

  async load(twig, depth = 0) {
    twig.loading = true;
    twig.next = twig.bytes || "\0";
    const seen = await this.read(twig);
    twig.loading = false;
    if (seen !== null) {
      // What is behind the pages that were read may be there still.
      twig.children = twig.children.filter((child) => seen.has(child.key) || (twig.next !== null && child.bytes >= twig.next));
    }
    const only = twig.children?.length === 1 && twig.next === null ? twig.children[0] : null;
    if (only?.dir && !only.children && depth < OPENED_MOST) {
      only.open = true;
      await this.load(only, depth + 1);
    }
    this.flatten();
  }

  /* More children of a directory. Answers the keys of those that were read, or null. */
  async read(twig) {
    if (twig.reading) return null;
    twig.reading = true;
    this.flatten();
    const seen = new Set();
    try {
      for (let i = 0; i < REQUESTS_AT_ONCE && seen.size < CHILDREN_AT_ONCE && twig.next !== null; i++) await this.page(twig, seen);
      twig.error = "";
      twig.children ??= [];
      say(`${this.label(twig)}: ${plural(twig.children.length, "name")}`);
      return seen;
    } catch (error) {
      twig.error = explain(error);
      return null;
    } finally {
      twig.reading = false;
      this.flatten();
    }
  }

  async page(twig, seen) {
    const answer = await send(rangeRequest(twig.next, { range_end: pack(endOf(twig.bytes)), limit: PAGE_KEYS, keys_only: true }));
    let last = null;
    for (const kv of answer.kvs ?? []) {
      last = unpack(kv.key);
      seen.add(this.put(twig, ...childOf(twig.bytes, last)).key);
    }
    const [bytes, dir] = last === null ? [] : childOf(twig.bytes, last);
    twig.next = !answer.more || last === null ? null : dir ? endOf(bytes) : `${last}\0`;
  }

  /* A child at its place; if it is there, that one. */
  put(twig, bytes, dir) {
    twig.children ??= [];
    let low = 0;
    let high = twig.children.length;
    const before = (child) => child.bytes < bytes || (child.bytes === bytes && child.dir < dir);
    while (low < high) {
      const middle = (low + high) >> 1;
      if (before(twig.children[middle])) low = middle + 1;
      else high = middle;
    }
    const there = twig.children[low];
    if (there?.bytes === bytes && there.dir === dir) return there;
    const child = new V3Twig(bytes, dir, twig);
    twig.children.splice(low, 0, child);
    return child;
  }

  // ---- finding

  /* Opens what leads to a key, or to a prefix, and selects it, as far as it is there. */
  async reach(bytes, dir) {
    this.selected = addressOf(bytes) + (dir ? "*" : "");
    let twig = this.root;
    if (!twig.children) await this.load(twig);
    while (twig.key !== this.selected && twig.bytes.length < bytes.length + (dir ? 0 : 1)) {
      const [next, below] = childOf(twig.bytes, bytes);
      if (!below && dir) break;
      twig.open = true;
      if (!twig.children && !twig.error) await this.load(twig);
      let child = twig.children?.find((one) => one.bytes === next && one.dir === below);
      // It may be behind what was read, or in what may not be read.
      if (!child && (twig.error || (twig.next !== null && next >= twig.next))) child = this.put(twig, next, below);
      if (!child) break;
      twig = child;
      if (!below) break;
    }
    if (twig.key === this.selected && twig.dir && !twig.open) await this.fold(twig, true);
    this.flatten();
    const i = this.mark();
    if (i >= 0) this.rows.reveal(i);
  }

  isReached() {
    return this.root.children !== null && this.mark() >= 0;
  }

  // ---- what happened to keys

  add(key) {
    for (let twig = this.root; twig?.children && (twig.next === null || key < twig.next);) {
      const [bytes, dir] = childOf(twig.bytes, key);
      const child = this.put(twig, bytes, dir);
      // What is cut off is read again by "more".
      if (twig.children.length > CHILDREN_MOST) twig.next = twig.children.pop().bytes;
      twig = dir ? child : null;
    }
    this.later();
  }

  remove(key) {
    let twig = this.root;
    for (;;) {
      const [bytes, dir] = childOf(twig.bytes, key);
      const child = twig.children?.find((one) => one.bytes === bytes && one.dir === dir);
      if (!child) break;
      twig = child;
      if (!dir) break;
    }
    // A directory is there as long as a key is in it.
    while (twig.parent && !twig.children?.length && twig.next === null && (twig.dir ? twig.children !== null : twig.bytes === key)) {
      twig.parent.children.splice(twig.parent.children.indexOf(twig), 1);
      twig = twig.parent;
    }
    this.later();
  }

  /* However many happened, they are drawn once for each picture. */
  later() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.flatten();
    });
  }

  close() {
    cancelAnimationFrame(this.frame);
    super.close();
  }

  async refresh() {
    const open = this.list.filter(({ twig }) => twig?.dir && twig.open && (twig.children || twig.error)).map(({ twig }) => twig);
    for (const twig of open) await this.load(twig);
  }
}
