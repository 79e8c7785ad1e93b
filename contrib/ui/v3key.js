// v3key.js - one key of v3: its value, its revisions, its lease; and the forms that change it. What is
// written is held against what was shown (its mod_revision, in a txn): somebody else's change is shown,
// never overwritten.

import { el, redraw, write, say, field } from "./dom.js";
import { explain, send } from "./api.js";
import { arrayOf, bytesOf, bytesOfHex, hexOf, shownOf, textOf } from "./bytes.js";
import { actionForm, curlLine, dialog } from "./dialog.js";
import { brief, bytes as size, count } from "./format.js";
import { cautionOfLines, isJSON, valueElements } from "./value.js";
import { createRequest, deleteRequest, getEntry, getLease, leaseName, Overtaken, rangeRequest, REVISIONS_MOST, saveRequest, sendGuarded, V3Stream,
  v3Request, walkBack } from "./v3api.js";
import { directoryOf, facts, heading, keyLink, leaseFields, leaseLink, leftOf, prefixLink } from "./v3parts.js";

const PAST_MOST = 100;          // revisions that are held, of a key that changes while it is looked at

function number(digits) {
  return count(BigInt(digits));
}

/* A value with the ways in which it can be shown; chosen(kind) hears of the one that is. */
function valueOf(value, kind, chosen) {
  const text = textOf(value);
  const json = text !== null && isJSON(text);
  const kinds = text === null ? ["hex"] : json ? ["text", "json", "hex"] : ["text", "hex"];
  const labels = { text: "Text", json: "JSON", hex: "Hex" };
  const elements = (one) => valueElements(text, one, one === "hex" ? arrayOf(value) : null);
  const box = el("div", { class: "valuebox" });
  const show = (one) => {
    buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(kinds[i] === one)));
    box.replaceChildren(...elements(one));
  };
  const buttons = kinds.map((one) => el("button", { type: "button", click: () => {
    chosen?.(one);
    show(one);
  } }, labels[one]));
  show(kinds.includes(kind) ? kind : json ? "json" : kinds[0]);
  return [el("div", { class: "switch", role: "group", "aria-label": "Show the value as" }, buttons), box,
    text === null ? el("p", { class: "note" }, "This value is no UTF-8.") : null].filter(Boolean);
}

function digitsOf(value) {
  return hexOf(value).replace(/(..)(?=.)/g, "$1 ");
}

/* Of a value beside another one. */
function plainValue(value) {
  const text = textOf(value);
  return el("pre", { class: "value", tabindex: "0", "aria-label": "Value" }, value === "" ? "(empty)" : text ?? digitsOf(value));
}

/*
 * A value in a field, as text or as digits: what a field of text would not keep, or is none, is written in
 * digits. read(): its bytes, or null while the digits are none.
 */
function valueFields(value, label) {
  const plain = textOf(value);
  const crlf = plain !== null && /\r\n/.test(plain) && cautionOfLines(plain) === null;
  const asText = plain !== null && cautionOfLines(plain) === null;
  const how = el("select", { id: "value-how" }, el("option", { value: "text" }, "text"), el("option", { value: "hex" }, "bytes, as hexadecimal digits"));
  const area = el("textarea", { id: "edit-value", rows: 12, spellcheck: "false", value: asText ? plain : digitsOf(value) });
  const wrong = el("p", { class: "notice", role: "status" });
  how.value = asText ? "text" : "hex";
  const ofText = () => bytesOf(crlf ? area.value.replaceAll("\n", "\r\n") : area.value);
  const read = () => (how.value === "hex" ? bytesOfHex(area.value) : ofText());
  const check = () => write(wrong, read() === null ? "These are not the digits of whole bytes: 0-9 and a-f, two for each."
    : how.value === "text" && plain !== null && isJSON(plain) && !isJSON(area.value) ? "It was JSON, and is none as it stands here." : "");
  area.addEventListener("input", check);
  let held = how.value;
  how.addEventListener("change", () => {
    const bytes = held === "hex" ? bytesOfHex(area.value) : ofText();
    const text = bytes === null ? null : textOf(bytes);
    if (how.value === "hex") area.value = digitsOf(bytes);
    else if (text !== null && cautionOfLines(text) === null) area.value = text;
    else how.value = "hex";
    held = how.value;
    check();
  });
  check();
  return { elements: [field(label, area), wrong, field("Written as", how)], area, read };
}

/* The form's request with the lease that is granted for it first. */
function withLease(chosen, build) {
  if (chosen.lease !== undefined) return build(chosen.lease);
  const request = build("LEASE");
  return { ...request, grant: chosen.grant, build };
}

async function sendWithLease(request) {
  if (!request.grant) return sendGuarded(request);
  const { ID } = await send(v3Request("lease/grant", { TTL: request.grant }));
  try {
    return await sendGuarded(request.build(ID));
  } catch (error) {
    send(v3Request("lease/revoke", { ID })).catch(() => {});
    throw error;
  }
}

export class KeyPanel {
  constructor(view, key) {
    Object.assign(this, { view, key, entry: null, kind: null, past: null, opened: false });
    this.stop = new AbortController();
  }

  close() {
    this.stream?.close();
    this.stop.abort();
  }

  unsaved() {
    return Boolean(this.isChanged?.());
  }

  forget() {
    this.isChanged = null;
  }

  /* The lease may be renewed. */
  poll() {
    return this.entry && this.entry.lease !== "0" && !this.editing ? this.loadLease() : null;
  }

  async load() {
    this.stream?.close();
    this.editing = false;
    this.isChanged = null;
    try {
      const { entry, revision } = await getEntry(this.key, {}, this.stop.signal);
      if (this.editing) return;
      // It may have come to be since its directory was read.
      if (entry) this.view.tree.add(this.key);
      this.take(entry);
      this.show();
      this.follow(revision + 1n);
    } catch (error) {
      if (error.name !== "AbortError") this.view.fault(error, heading(this.key), rangeRequest(this.key), () => this.load());
    }
  }

  take(entry) {
    // What was shown until now is the newest one of its past.
    if (this.entry && entry && this.past && entry.created === this.entry.created && BigInt(entry.version) === BigInt(this.entry.version) + 1n) {
      const { list } = this.past;
      list.unshift(this.entry);
      if (list.length > PAST_MOST) {
        list.pop();
        this.past.end = { more: true };
      }
    } else if (!entry || entry.modified !== this.entry?.modified) {
      this.past = null;
    }
    if (entry?.lease !== this.entry?.lease) this.lease = null;
    this.before = this.entry ?? this.before;
    this.entry = entry;
  }

  /* What happens to the key while it is looked at. */
  follow(since) {
    this.stream?.close();
    this.stream = new V3Stream({ key: this.key, since }, {
      state: (state, error) => {
        if (state === "refused" && !this.editing) this.view.fault(error, heading(this.key), rangeRequest(this.key), () => this.load());
      },
      lost: () => this.editing || this.load(),
      events: (events) => {
        const { deleted, entry } = events[events.length - 1];
        if (this.entry && BigInt(entry.modified) <= BigInt(this.entry.modified)) return;
        if (deleted) this.view.tree.remove(this.key);
        else this.view.tree.add(this.key);
        if (this.editing) {
          this.notice?.(`Meanwhile somebody ${deleted ? "deleted" : "changed"} this key (revision ${number(entry.modified)}). Save shows what it is now, and overwrites nothing.`);
          return;
        }
        for (const one of events.slice(0, -1)) this.take(one.deleted ? null : one.entry);
        this.take(deleted ? null : entry);
        this.show(deleted ? entry.modified : null);
        say(`${shownOf(this.key)} was ${deleted ? "deleted" : "changed"}`);
      },
    });
  }

  // ---- what it is

  show(deletedAt = null) {
    if (!this.entry) return this.showMissing(deletedAt);
    const { entry, view } = this;
    this.leaseText = el("dd", {}, entry.lease === "0" ? "none" : [el("a", { href: leaseLink(entry.lease) }, leaseName(entry.lease)), el("span", {}, "…")]);
    const buttons = view.app.readOnly ? [] : [el("button", { type: "button", class: "go", id: "edit", click: () => this.edit() }, "Edit"),
      el("button", { type: "button", class: "danger", click: () => this.remove() }, "Delete")];
    redraw(view.detail, heading(entry.key),
      facts([["Size", size(entry.value.length)], ["Version", number(entry.version)], ["Modified", number(entry.modified)], ["Created", number(entry.created)],
        ["Lease", this.leaseText]]),
      ...buttons.length ? [el("p", { class: "buttons" }, buttons)] : [],
      ...valueOf(entry.value, this.kind, (kind) => { this.kind = kind; }),
      this.revisions(), curlLine(rangeRequest(this.key)).element);
    if (entry.lease === "0") return;
    if (this.lease) this.showLease();
    else this.loadLease();
  }

  async loadLease() {
    const { lease } = this.entry;
    try {
      const told = await getLease(lease, false, this.stop.signal);
      if (this.entry?.lease !== lease) return;
      this.lease = told;
      this.showLease();
    } catch (error) {
      // What is left of it is not known, then.
      if (error.status === undefined && error.name !== "AbortError") throw error;
    }
  }

  showLease() {
    redraw(this.leaseText, el("a", { href: leaseLink(this.entry.lease) }, leaseName(this.entry.lease)), leftOf(this.lease));
  }

  showMissing(deletedAt) {
    const { view, before } = this;
    const how = deletedAt === null ? "" : ` It was deleted at revision ${number(deletedAt)}, or its lease ended.`;
    view.detail.replaceChildren(heading(this.key), el("p", { class: "wrong" }, `There is no key ${shownOf(this.key)}.${how}`),
      el("p", { class: "buttons" },
        view.app.readOnly ? null : el("button", { type: "button", id: "create-it", click: () => this.createAnew(before?.value ?? "") },
          before ? "Create it anew" : "Create it"),
        el("a", { class: "button quiet", href: prefixLink(this.key) }, "What begins so"),
        el("button", { type: "button", class: "quiet", click: () => this.load() }, "Try again")),
      ...before ? [el("h3", {}, `What it was, revision ${number(before.modified)}`), plainValue(before.value)] : [],
      curlLine(rangeRequest(this.key)).element);
  }

  createAnew(value) {
    const panel = new NewKeyPanel(this.view, this.key, value);
    this.close();
    this.view.panel = panel;
    panel.load();
  }

  // ---- what it was

  revisions() {
    this.pastList = el("div", { class: "past" });
    const box = el("details", { class: "panel", id: "revisions", toggle: () => {
      this.opened = box.open;
      if (box.open && !this.past) this.walk();
    } }, el("summary", {}, "Its revisions"), this.pastList);
    box.open = this.opened;
    if (this.past) this.showPast();
    else if (this.opened) write(this.pastList, "Looking…");
    return box;
  }

  /* On from the oldest one that is known. */
  async walk() {
    const past = this.past ?? { list: [], end: null };
    const from = past.list[past.list.length - 1] ?? this.entry;
    this.past = past;
    past.end = { looking: true };
    this.showPast();
    try {
      past.end = await walkBack(from, REVISIONS_MOST, (entry) => past.list.push(entry), this.stop.signal);
    } catch (error) {
      if (error.name === "AbortError") return;
      past.end = { wrong: explain(error) };
    }
    if (this.past === past) this.showPast();
  }

  showPast() {
    const { list, end } = this.past;
    const last = end.looking ? "Looking…" : end.wrong ?? (end.made ? `It was made at revision ${number(end.made.created)}.`
      : end.more ? null : end.compacted ? `What was before revision ${number(end.compacted)} is compacted: nobody can read it any more.`
        : "What was before is compacted: nobody can read it any more.");
    redraw(this.pastList, ...list.map((entry) => this.pastOne(entry)),
      last === null ? el("button", { type: "button", class: "quiet small", id: "older", click: () => this.walk() }, `${REVISIONS_MOST} older ones`)
        : el("p", { class: end.wrong ? "wrong" : "note", id: "past-end" }, last));
  }

  pastOne(entry) {
    const box = el("details", { class: "json", toggle: () => {
      if (!box.open || box.children.length > 1) return;
      box.append(...valueOf(entry.value, this.kind), this.view.app.readOnly ? "" : el("p", { class: "buttons" },
        el("button", { type: "button", click: () => this.edit(this.entry, entry.value) }, "Edit, beginning with this")));
    } }, el("summary", {}, `revision ${number(entry.modified)}`, el("span", { class: "json-folded" },
      ` version ${number(entry.version)}, ${size(entry.value.length)}${entry.lease === "0" ? "" : `, lease ${leaseName(entry.lease)}`}: ${brief(textOf(entry.value) ?? hexOf(entry.value), 80)}`)));
    return box;
  }

  // ---- changing it

  /* entry: what the edit is held against; mine: the value to begin with; beside: theirs stays in sight */
  edit(entry = this.entry, mine = entry.value, beside = false) {
    const { view } = this;
    this.editing = true;
    const value = valueFields(mine, beside ? "Yours" : "Value");
    const lease = leaseFields(entry.lease);
    const meanwhile = el("p", { class: "notice kept", role: "status" });
    this.isChanged = () => value.read() !== entry.value || lease.changed();
    this.notice = (said) => write(meanwhile, said);
    const form = actionForm({
      label: beside ? "Save mine, replacing theirs" : "Save", send: sendWithLease, cancel: () => this.load(),
      request: () => {
        const bytes = value.read();
        const chosen = lease.read();
        return bytes === null || chosen === null ? null : withLease(chosen, (id) => saveRequest(entry, bytes, id));
      },
      fields: [beside ? el("section", { class: "version", id: "theirs" }, el("h3", {}, `Theirs, revision ${number(entry.modified)}: Save replaces it`), plainValue(entry.value)) : null,
        value.elements, lease.element, meanwhile],
      done: async () => {
        say("Saved");
        await this.load();
      },
      failed: (error) => {
        if (!(error instanceof Overtaken)) return false;
        this.conflict(entry, value.read(), error.now);
        return true;
      },
    });
    form.id = "edit-form";
    view.detail.replaceChildren(heading(entry.key), form);
    value.area.focus();
  }

  /* Somebody else wrote it since it was shown: both are to be seen, and nothing is lost. */
  conflict(before, mine, now) {
    const side = (title, ...content) => el("section", { class: "version" }, el("h3", {}, title), content);
    const buttons = [el("button", { type: "button", class: "go", id: "take-theirs", click: () => this.load() }, now ? "Keep theirs" : "Leave it deleted"),
      now ? el("button", { type: "button", id: "edit-theirs", click: () => this.edit(now, mine, true) }, "Go on with mine, beside theirs")
        : el("button", { type: "button", id: "create-it", click: () => this.createAnew(mine) }, "Create it anew with mine")];
    this.isChanged = () => true;
    this.notice = null;
    this.view.detail.replaceChildren(heading(before.key),
      el("div", { class: "conflict", id: "conflict", role: "alert" },
        el("p", {}, el("strong", {}, "Not saved: somebody else changed this key. "), `You began with revision ${number(before.modified)}; `,
          now ? `now it has ${number(now.modified)}.` : "it was deleted, or its lease ended."),
        el("div", { class: "versions" }, side("Theirs, as it is now", now ? plainValue(now.value) : el("p", {}, "It is no longer there.")),
          side("Yours, not saved", plainValue(mine)), side("What you began with", plainValue(before.value)))),
      el("p", { class: "buttons" }, buttons));
    this.view.detail.querySelector("#take-theirs").focus();
  }

  remove() {
    const { entry, view } = this;
    dialog(`Delete ${shownOf(entry.key)}?`, (close) => {
      const form = actionForm({
        label: "Delete", danger: true, request: () => deleteRequest(entry), send: sendGuarded, cancel: close,
        fields: [el("p", { id: "delete-what" }, `${shownOf(entry.key)}, ${size(entry.value.length)}, as it was at revision ${number(entry.modified)}.`)],
        done: () => {
          close();
          say(`${shownOf(entry.key)} was deleted`);
          view.tree.remove(entry.key);
          view.app.go(prefixLink(directoryOf(entry.key)));
        },
        failed: (error) => {
          if (!(error instanceof Overtaken)) return false;
          throw new Error("Not deleted: somebody else changed it meanwhile. Cancel, and look at what it is now");
        },
      });
      form.id = "delete-form";
      return form;
    });
  }
}

export class NewKeyPanel {
  /* begin: how the key begins */
  constructor(view, begin, value = "") {
    Object.assign(this, { view, begin, value });
  }

  close() {}

  unsaved() {
    return Boolean(this.isChanged?.());
  }

  forget() {
    this.isChanged = null;
  }

  load() {
    const { view } = this;
    const begin = textOf(this.begin) ?? "";
    const key = el("input", { id: "new-path", value: begin, autocomplete: "off", spellcheck: "false" });
    const value = valueFields(this.value, "Value");
    const lease = leaseFields();
    const there = el("p", { class: "notice", role: "status" });
    this.isChanged = () => key.value !== begin || value.read() !== this.value || lease.changed();
    const form = actionForm({
      label: "Create", send: sendWithLease, cancel: () => {
        this.forget();
        view.app.go(prefixLink(directoryOf(this.begin)));
      },
      request: () => {
        const bytes = value.read();
        const chosen = lease.read();
        return key.value === "" || bytes === null || chosen === null ? null : withLease(chosen, (id) => createRequest(bytesOf(key.value), bytes, id));
      },
      fields: [field("Key", key), value.elements, lease.element, there],
      done: () => {
        const made = bytesOf(key.value);
        this.forget();
        say(`${key.value} was made`);
        view.tree.add(made);
        view.tree.selected = "";
        view.app.go(keyLink(made));
      },
      failed: (error) => {
        if (!(error instanceof Overtaken)) return false;
        there.replaceChildren("There is such a key already; nothing was changed: ", el("a", { href: keyLink(bytesOf(key.value)) }, key.value));
        return true;
      },
    });
    form.id = "create-form";
    view.detail.replaceChildren(el("h2", { class: "path" }, "New key"), form);
    key.focus();
    key.setSelectionRange(begin.length, begin.length);
  }
}
