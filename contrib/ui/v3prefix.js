// v3prefix.js - all keys of v3 that begin in one way: the first of them, how many they are, and what
// happens to them as it comes, by one watch.

import { el, redraw, write, say } from "./dom.js";
import { explain, send } from "./api.js";
import { endOf, pack, shownOf, textOf, unpack } from "./bytes.js";
import { actionForm, curlLine, dialog } from "./dialog.js";
import { brief, count, plural, time } from "./format.js";
import { Rows } from "./rows.js";
import { deleteBelowRequest, rangeRequest, revisionOf, V3Stream } from "./v3api.js";
import { box, directoryOf, facts, heading, keyLink, prefixLink } from "./v3parts.js";

const KEYS_AT_ONCE = 100;
const LISTED_MOST = 5000;
const KEPT = 500;               // the newest events
const ROW_PX = 28;
const BUSY_BYTES = 16 << 20;    // of values in BUSY_MS: then it is not shown without being asked for
const BUSY_MS = 10000;

export class PrefixPanel {
  constructor(view, prefix) {
    Object.assign(this, { view, prefix, count: 0, next: null, events: [], waiting: [], paused: false, bytes: 0, since: Date.now() });
    this.stop = new AbortController();
  }

  close() {
    this.stream?.close();
    this.rows?.close();
    this.stop.abort();
    cancelAnimationFrame(this.frame);
  }

  request(from, limit) {
    return rangeRequest(from || "\0", { range_end: pack(endOf(this.prefix)), limit, keys_only: true });
  }

  async load() {
    this.stream?.close();
    const request = this.request(this.prefix, KEYS_AT_ONCE);
    try {
      const answer = await send(request, this.stop.signal);
      this.count = Number(answer.count ?? 0);
      this.build(request);
      this.take(answer);
      this.follow(revisionOf(answer) + 1n);
    } catch (error) {
      if (error.name !== "AbortError") this.view.fault(error, heading(this.prefix, true), request, () => this.load());
    }
  }

  build(request) {
    const { view, prefix } = this;
    this.rows?.close();
    this.items = new Map();
    this.counted = el("dd", { id: "count" });
    this.list = el("ul", { class: "contents" });
    this.after = el("p", { class: "note" });
    this.state = el("p", { class: "state", id: "live-state", role: "status" });
    this.pauseButton = el("button", { type: "button", class: "quiet small", id: "pause", "aria-pressed": String(this.paused), click: () => this.pause() },
      this.paused ? "Go on" : "Pause");
    this.rows = new Rows(ROW_PX, (i) => this.row(this.events[i]), { id: "events", role: "log", "aria-label": "What happened, the newest first", "aria-live": "off" },
      (i) => this.events[i]);
    this.none = el("p", { class: "note emptyrows" }, "Nothing happened since this page was opened.");
    this.rows.element.append(this.none);
    const empty = prefix === "";
    const buttons = view.app.readOnly ? [] : [el("button", { type: "button", click: () => view.create(prefix) }, "New key here"),
      empty ? null : el("button", { type: "button", class: "danger", id: "delete-below", click: () => this.remove() }, "Delete all that begin so")];
    view.detail.replaceChildren(heading(prefix, true), facts([["Keys", this.counted]]),
      ...buttons.length ? [el("p", { class: "buttons" }, buttons)] : [],
      box(this.list), this.after,
      el("section", { class: "happened", "aria-labelledby": "happened-h" }, el("div", { class: "tools" }, el("h3", { id: "happened-h" }, "As it comes"), this.pauseButton, this.state), this.rows.element),
      curlLine(request).element);
    this.show();
  }

  /* More of the keys, in their order. */
  take(answer) {
    const keys = (answer.kvs ?? []).map((kv) => unpack(kv.key));
    for (const key of keys) this.list.append(this.item(key));
    this.next = answer.more ? `${keys[keys.length - 1]}\0` : null;
    this.showRest();
  }

  item(key) {
    const item = el("li", {}, el("a", { href: keyLink(key) }, shownOf(key.slice(this.prefix.length)) || "(the key itself)"));
    this.items.set(key, item);
    return item;
  }

  /* One came to be: at its place, if those around it are listed. */
  add(key) {
    if (this.items.has(key) || this.items.size >= LISTED_MOST || (this.next !== null && key >= this.next)) return;
    let behind = null;
    for (const one of this.items.keys()) if (one > key && (behind === null || one < behind)) behind = one;
    this.list.insertBefore(this.item(key), behind === null ? null : this.items.get(behind));
  }

  drop(key) {
    this.items.get(key)?.remove();
    this.items.delete(key);
  }

  showRest() {
    const { prefix } = this;
    redraw(this.after, ...this.next === null ? (this.items.size ? [] : [prefix === "" ? "There are no keys." : `No key begins with ${shownOf(prefix)}.`])
      : this.items.size >= LISTED_MOST ? ["More are not listed here: open the tree."]
        : [el("button", { type: "button", class: "quiet small", id: "more", click: () => this.more() }, `${KEYS_AT_ONCE} more`)]);
  }

  async more() {
    try {
      this.take(await send(this.request(this.next, KEYS_AT_ONCE), this.stop.signal));
    } catch (error) {
      if (error.name !== "AbortError") this.after.append(" ", explain(error));
    }
  }

  // ---- what happens

  follow(since) {
    this.stream?.close();
    this.stream = new V3Stream({ key: this.prefix || "\0", end: endOf(this.prefix), since }, {
      state: (state, error) => this.tell(state, error),
      lost: (from, to) => {
        this.keep([{ lost: `What happened between revision ${count(from)} and ${count(to)} is compacted: it was not seen here.`, at: Date.now() }]);
        this.view.tree.refresh();
        this.load();
      },
      events: (events) => this.happened(events),
    });
  }

  tell(state, error) {
    this.state.className = `state ${state}`;
    write(this.state, state === "open" ? "Watching" : state === "opening" ? "Connecting…"
      : state === "refused" ? explain(error) : "The stream ended; it goes on where it was as soon as the node answers…");
  }

  happened(events) {
    const { tree } = this.view;
    for (const { deleted, entry } of events) {
      this.bytes += entry.value.length;
      if (deleted) {
        this.count--;
        this.drop(entry.key);
        tree.remove(entry.key);
      } else if (entry.version === "1") {
        this.count++;
        this.add(entry.key);
        tree.add(entry.key);
      }
    }
    this.showRest();
    this.keep(events.map((event) => ({ ...event, at: Date.now(), text: brief(textOf(event.entry.value.slice(0, 400)) ?? "(no text)", 160) })));
    if (this.bytes > BUSY_BYTES) this.tooMuch(BigInt(events[events.length - 1].entry.modified) + 1n);
  }

  second() {
    if (Date.now() - this.since < BUSY_MS) return;
    this.since = Date.now();
    this.bytes = 0;
  }

  tooMuch(since) {
    this.bytes = 0;
    this.stream.close();
    this.state.className = "state away";
    this.state.replaceChildren("So much is written here that it is not shown any more. ",
      el("button", { type: "button", class: "quiet small", click: () => this.follow(since) }, "Go on"));
  }

  keep(items) {
    // Values are not held: a row shows how they begin.
    for (const item of items) if (item.entry) item.entry = { ...item.entry, value: "" };
    const list = this.paused ? "waiting" : "events";
    this[list] = [...items.reverse(), ...this[list]].slice(0, KEPT);
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.show();
    });
  }

  /* The list stands still; the tree and the count go on. */
  pause() {
    this.paused = !this.paused;
    this.pauseButton.setAttribute("aria-pressed", String(this.paused));
    write(this.pauseButton, this.paused ? "Go on" : "Pause");
    this.events = [...this.waiting, ...this.events].slice(0, KEPT);
    this.waiting = [];
    this.show();
  }

  show() {
    this.none.hidden = this.events.length > 0;
    write(this.counted, count(this.count));
    this.rows.show(this.events.length);
  }

  row({ deleted, entry, lost, at, text }) {
    if (lost) return el("div", { class: "row event lost" }, el("time", {}, time(at)), el("span", {}, lost));
    const act = deleted ? "delete" : entry.version === "1" ? "create" : "put";
    return el("div", { class: "row event" }, el("time", {}, time(at)), el("span", { class: "index" }, count(BigInt(entry.modified))),
      el("span", { class: `act ${act}` }, act), el("a", { class: "name", href: keyLink(entry.key) }, shownOf(entry.key)),
      el("span", { class: "begin" }, deleted ? "" : text));
  }

  // ---- all of it

  async remove() {
    const { prefix, view } = this;
    let answer;
    try {
      answer = await send(rangeRequest(prefix, { range_end: pack(endOf(prefix)), count_only: true, serializable: false }), this.stop.signal);
    } catch (error) {
      if (error.name !== "AbortError") this.after.append(" ", explain(error));
      return;
    }
    dialog("Delete all that begin so?", (close) => {
      const request = () => deleteBelowRequest(prefix, revisionOf(answer));
      const form = actionForm({
        label: "Delete all of them", danger: true, request, cancel: close,
        send: async (wanted) => {
          const done = await send(wanted);
          if (!done.succeeded) throw new Error("Not deleted: one of them was written meanwhile. Cancel, and look at what it is now");
          return done;
        },
        fields: [el("p", { id: "delete-what" }, `${plural(Number(answer.count ?? 0), "key")} that begin with ${shownOf(prefix)}, as they were at revision ${count(revisionOf(answer))}.`)],
        done: async (done) => {
          close();
          say(`${plural(Number(done.responses[0].response_delete_range?.deleted ?? 0), "key")} deleted`);
          await view.tree.refresh();
          view.app.go(prefixLink(directoryOf(prefix.slice(0, -1))));
        },
      });
      form.id = "delete-form";
      return form;
    });
  }
}
