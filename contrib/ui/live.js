// live.js - the events below a path as they come.

import { el, write, say } from "./dom.js";
import { escapeKey, explain } from "./api.js";
import { brief, count, duration, plural, time } from "./format.js";
import { curlLine } from "./dialog.js";
import { EventStream } from "./stream.js";
import { keyLink } from "./keys.js";
import { Rows } from "./rows.js";

const ACTIONS = ["set", "create", "update", "compareAndSwap", "delete", "compareAndDelete", "expire"];
const KEPT = 5000;              // the newest events
const ROW_PX = 28;

class Live {
  constructor(main, app) {
    this.app = app;
    this.all = [];              // newest first
    this.off = new Set();
    this.waiting = [];          // came while it was paused
    this.path = el("input", { id: "live-path", autocomplete: "off", spellcheck: "false", value: "/" });
    this.since = el("input", { id: "live-since", inputmode: "numeric", size: 10, placeholder: "now" });
    this.state = el("p", { class: "state", id: "live-state", role: "status" });
    this.pauseButton = el("button", { type: "button", id: "pause", "aria-pressed": "false", click: () => this.pause() }, "Pause");
    this.counted = el("span", { class: "note", id: "live-count" });
    this.curl = el("div", {});
    this.rows = new Rows(ROW_PX, (i) => this.row(this.seen[i]), { id: "events", role: "log", "aria-label": "Events, the newest first", "aria-live": "off" },
      (i) => this.seen[i]);
    this.seen = [];
    this.empty = el("p", { class: "note emptyrows" }, "Nothing happened here since the stream began. What is written, deleted or expires below this path is shown as it comes.");
    this.rows.element.append(this.empty);
    main.append(el("h1", { class: "unseen" }, "Live"), el("section", { class: "live", "aria-label": "Events" },
      el("form", { class: "search", submit: (event) => {
        event.preventDefault();
        const path = `/${this.path.value.split("/").filter(Boolean).join("/")}`;
        if (location.hash === `#/live${escapeKey(path)}`) this.move(path);
        else this.app.go(`#/live${escapeKey(path)}`);
      } }, el("label", { for: "live-path" }, "Below"), this.path, el("label", { for: "live-since" }, "from index"), this.since,
      el("button", { type: "submit" }, "Watch")),
      el("fieldset", { class: "tools" }, el("legend", { class: "unseen" }, "Which events are shown"), ACTIONS.map((action) => {
        const box = el("input", { type: "checkbox", checked: true, change: () => {
          if (box.checked) this.off.delete(action);
          else this.off.add(action);
          this.show();
        } });
        return el("label", { class: "check" }, box, ` ${action}`);
      })),
      el("div", { class: "tools" }, this.pauseButton, el("button", { type: "button", class: "quiet", click: () => {
        this.all = [];
        this.show();
      } }, "Clear"), this.counted, this.state),
      this.rows.element, this.curl));
  }

  tick() {}

  move(path) {
    this.stream?.close();
    this.all = [];
    this.waiting = [];
    this.path.value = path;
    const since = /^[1-9]\d{0,18}$/.test(this.since.value.trim()) ? Number(this.since.value) : 0;
    this.stream = new EventStream(path, { recursive: true, since }, {
      events: (events) => this.take(events.map((event) => ({ event, at: Date.now() }))),
      lost: (from, to) => {
        const text = from > 0 ? `Events between index ${count(from)} and ${count(to)} were lost: the node does not remember so far back.` : "Events were lost.";
        say(text);
        this.take([{ lost: text, at: Date.now() }]);
      },
      state: (state, error) => this.say(state, error),
    });
    this.curl.replaceChildren(curlLine(this.stream.request()).element);
    this.show();
  }

  say(state, error) {
    this.state.className = `state ${state}`;
    write(this.state, state === "open" ? "Watching" : state === "opening" ? "Connecting…"
      : state === "refused" ? explain(error) : "The stream ended; it goes on where it was as soon as the node answers…");
  }

  pause() {
    this.paused = !this.paused;
    this.pauseButton.setAttribute("aria-pressed", String(this.paused));
    write(this.pauseButton, this.paused ? "Go on" : "Pause");
    if (!this.paused) {
      this.all = [...this.waiting, ...this.all].slice(0, KEPT);
      this.waiting = [];
    }
    this.show();
  }

  take(items) {
    items.reverse();
    if (this.paused) this.waiting = [...items, ...this.waiting].slice(0, KEPT);
    else this.all = [...items, ...this.all].slice(0, KEPT);
    // However many come, they are drawn once for each picture.
    if (!this.frame) {
      this.frame = requestAnimationFrame(() => {
        this.frame = 0;
        this.show();
      });
    }
  }

  show() {
    this.seen = this.all.filter((item) => item.lost || !this.off.has(item.event.action));
    write(this.counted, this.paused ? `${plural(this.waiting.length, "event")} came meanwhile` : `${plural(this.seen.length, "event")}`);
    this.empty.hidden = this.seen.length > 0;
    this.rows.show(this.seen.length);
  }

  row({ event, lost, at }) {
    if (lost) return el("div", { class: "row event lost" }, el("time", {}, time(at)), el("span", {}, lost));
    const { node, action } = event;
    return el("div", { class: "row event" }, el("time", {}, time(at)), el("span", { class: "index" }, count(node.modifiedIndex)),
      el("span", { class: `act ${action}` }, action),
      el("a", { class: "name", href: keyLink(node.key) }, node.dir ? `${node.key}/` : node.key),
      el("span", { class: "begin" }, node.value === undefined ? "" : brief(node.value)),
      node.ttl ? el("span", { class: "ttl" }, duration(node.ttl)) : null);
  }

  close() {
    this.stream?.close();
    this.rows.close();
    cancelAnimationFrame(this.frame);
  }
}

export function openLive(main, app) {
  return new Live(main, app);
}
