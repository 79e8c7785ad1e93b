// keys.js - the page of the keys: a tree, and beside it the key that is chosen. What is written is
// held against what was shown (prevIndex): somebody else's change is shown, never overwritten.

import { el, redraw, write, say, field } from "./dom.js";
import { keyRequest, send, explain, escapeKey, ApiError, TooLarge } from "./api.js";
import { brief, bytes, count, plural } from "./format.js";
import { actionForm, curlLine, dialog } from "./dialog.js";
import { EventStream } from "./stream.js";
import { Rows } from "./rows.js";
import { Tree, parentOf, nameOf, isHidden, expiry, left } from "./tree.js";
import { byteLength, caution, isJSON, valueElements } from "./value.js";

const FOUND_ROW_PX = 26;

export function keyLink(key) {
  return `#/keys${escapeKey(key)}`;
}

/* What people type as a path: "/a//b/" is /a/b. */
function cleaned(text) {
  return `/${text.split("/").filter(Boolean).join("/")}`;
}

function wholeSeconds(text) {
  return /^[1-9]\d{0,8}$/.test(text.trim()) ? Number(text) : null;
}

class Keys {
  constructor(main, app) {
    this.app = app;
    this.view = "text";
    this.turn = 0;
    this.tree = new Tree((key) => this.app.go(keyLink(key)));
    this.detail = el("section", { class: "detail", "aria-label": "The chosen key", id: "detail" });
    this.search = el("input", { type: "search", id: "search", placeholder: "/path, or a part of one", autocomplete: "off", spellcheck: "false" });
    this.found = el("div", { class: "found", hidden: true });
    const hidden = el("input", { type: "checkbox", id: "hidden-names", change: () => this.tree.reveal(hidden.checked) });
    this.tree.revealed = (on) => { hidden.checked = on; };
    main.append(el("h1", { class: "unseen" }, "Keys"), el("div", { class: "keys" },
      el("section", { class: "side", "aria-label": "Tree" },
        el("form", { class: "search", role: "search", submit: (event) => {
          event.preventDefault();
          this.lookFor(this.search.value.trim());
        } }, el("label", { for: "search", class: "unseen" }, "Go to a path or search"), this.search, el("button", { type: "submit" }, "Go")),
        el("div", { class: "tools" },
          el("label", { class: "check" }, hidden, " hidden names"),
          el("button", { type: "button", class: "quiet small", click: () => this.refresh() }, "Reload"),
          app.readOnly ? null : el("button", { type: "button", class: "quiet small", id: "new-key", click: () => this.create() }, "New key")),
        this.found, this.tree.element),
      this.detail));
  }

  tick() {}

  second() {
    this.tree.count();
    if (!this.shown?.expires) return;
    if (this.ttl) write(this.ttl, left(this.shown.expires));
    if (Date.now() > this.shown.expires + 500 && !this.asked) {
      this.asked = true;
      this.load(this.key);
    }
  }

  close() {
    this.stream?.close();
    this.tree.close();
    this.results?.close();
    this.searching?.abort();
  }

  async move(key) {
    this.found.hidden = true;
    this.tree.element.hidden = false;
    // Chosen in the tree, it is there already; by a link or the search it has to be reached.
    const there = this.tree.root.children !== null && this.tree.selected === key && this.tree.find(key) !== null;
    await Promise.all([there ? null : this.tree.reach(key), this.load(key)]);
  }

  /* Is there something in a form that would be lost? */
  unsaved() {
    return this.editing && this.isChanged();
  }

  forget() {
    this.editing = false;
  }

  async refresh() {
    if (this.editing) {
      await this.tree.refresh();
      return;
    }
    await Promise.all([this.tree.refresh(), this.load(this.key)]);
    say("Read again");
  }

  // ---- one key

  async load(key) {
    // What is asked later, or a form that is opened meanwhile, counts more than this answer.
    const turn = ++this.turn;
    this.key = key;
    this.editing = false;
    this.asked = false;
    this.stream?.close();
    let answer;
    try {
      answer = await send(keyRequest("GET", key));
    } catch (error) {
      if (this.turn === turn) this.showFault(key, error);
      return;
    }
    if (this.turn !== turn) return;
    this.take(answer.node);
    this.show();
    if (!answer.node.dir) this.follow(key, answer.node.modifiedIndex + 1);
  }

  take(node) {
    this.shown = { ...node, key: this.key, expires: expiry(node) };
    if (!node.dir) this.view = isJSON(node.value) ? "json" : this.view === "json" ? "text" : this.view;
  }

  /* What happens to the key while it is looked at. */
  follow(key, since) {
    this.stream = new EventStream(key, { since }, {
      state: () => {},
      lost: () => this.editing || this.load(key),
      events: (events) => {
        const event = events[events.length - 1];
        if (this.key !== key || event.node.modifiedIndex <= this.shown.modifiedIndex) return;
        if (this.editing) {
          this.notice?.(`Meanwhile somebody ${event.node.value === undefined ? "deleted" : "changed"} this key (index ${count(event.node.modifiedIndex)}). Save shows what it is now, and overwrites nothing.`);
        } else if (event.node.value === undefined) {
          this.load(key);
        } else {
          this.take(event.node);
          this.show();
          say(`${key} was changed`);
        }
      },
    });
  }

  showFault(key, error) {
    this.shown = null;
    const missing = error.code === 100;
    const sentence = error instanceof TooLarge ? `${error.message}: it is not shown here.`
      : missing ? `There is no key ${key}.` : explain(error);
    this.detail.replaceChildren(this.heading(key), el("p", { class: error.status === 401 ? "wrong signin" : "wrong" }, sentence),
      el("p", { class: "buttons" },
        error.status === 401 ? el("button", { type: "button", id: "sign-in", click: () => this.move(key) }, "Sign in") : null,
        missing && !this.app.readOnly && key !== "/" ? el("button", { type: "button", click: () => this.create(key) }, "Create it") : null,
        missing ? null : el("button", { type: "button", class: "quiet", click: () => this.load(key) }, "Try again")),
      curlLine(keyRequest("GET", key)).element);
  }

  heading(key) {
    const names = key === "/" ? [] : key.slice(1).split("/");
    let at = "";
    const crumbs = names.map((name, i) => {
      at += `/${name}`;
      const last = i === names.length - 1;
      return [el("span", { class: "slash" }, "/"), last ? el("b", {}, name) : el("a", { href: keyLink(at) }, name)];
    });
    return el("h2", { class: "path", id: "path" }, names.length ? [el("a", { href: keyLink("/"), "aria-label": "root" }, "⌂"), crumbs] : "/");
  }

  show() {
    const node = this.shown;
    const { readOnly } = this.app;
    this.ttl = el("dd", {}, node.expires ? left(node.expires) : "never");
    const size = node.dir ? plural((node.nodes ?? []).length, "name") : bytes(byteLength(node.value));
    const facts = el("dl", { class: "facts wideish" },
      [["Kind", el("dd", {}, node.dir ? "directory" : "file")], [node.dir ? "Listed" : "Size", el("dd", {}, size)],
        ["Expires in", this.ttl], ["Modified", el("dd", {}, count(node.modifiedIndex))], ["Created", el("dd", {}, count(node.createdIndex))]]
        .map(([name, value]) => el("div", {}, el("dt", {}, name), value)));
    const root = node.key === "/";
    const act = (label, what, options) => el("button", { type: "button", click: () => what(), ...options }, label);
    const buttons = readOnly ? [] : node.dir
      ? [act("New key here", () => this.create(root ? "/" : `${node.key}/`)), root ? null : act("Set expiry", () => this.expire()),
        root ? null : act("Delete", () => this.remove(), { class: "danger" })]
      : [act("Edit", () => this.edit(), { class: "go", id: "edit" }), act("Set expiry", () => this.expire()), act("Delete", () => this.remove(), { class: "danger" })];
    redraw(this.detail, this.heading(node.key), facts,
      el("p", { class: "buttons" }, buttons, el("a", { class: "button quiet", href: `#/live${escapeKey(node.key)}` }, "Watch it live")),
      ...(node.dir ? this.contents(node) : this.value(node)), curlLine(keyRequest("GET", node.key)).element);
  }

  contents(node) {
    const names = node.nodes ?? [];
    const most = 200;
    return [el("ul", { class: "contents" }, names.slice(0, most).map((one) => el("li", {},
      el("a", { href: keyLink(one.key) }, one.dir ? `${nameOf(one.key)}/` : nameOf(one.key)), " ",
      el("span", { class: "begin" }, one.dir ? "" : brief(one.value ?? "", 100))))),
    names.length > most ? el("p", { class: "note" }, `and ${count(names.length - most)} more: see the tree`) : null,
    names.length ? null : el("p", { class: "note" }, "Nothing is listed here. Hidden names (with _ in front) are not; go to them by their path.")]
      .filter(Boolean);
  }

  value(node) {
    const box = el("div", { class: "valuebox" });
    const kinds = isJSON(node.value) ? ["text", "json", "hex"] : ["text", "hex"];
    const labels = { text: "Text", json: "JSON", hex: "Hex" };
    const buttons = kinds.map((kind) => el("button", { type: "button", "aria-pressed": String(kind === this.view), click: () => {
      this.view = kind;
      buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(kinds[i] === kind)));
      box.replaceChildren(...valueElements(node.value, kind));
    } }, labels[kind]));
    box.append(...valueElements(node.value, this.view));
    const note = caution(node.value);
    return [el("div", { class: "switch", role: "group", "aria-label": "Show the value as" }, buttons), box,
      note ? el("p", { class: "note" }, note) : null].filter(Boolean);
  }

  // ---- changing it

  /* node: what the edit is held against; mine: the text to begin with, if that is another one */
  edit(node = this.shown, mine = node.value) {
    const against = mine !== node.value;
    this.turn++;
    this.editing = true;
    const crlf = /\r\n/.test(node.value) && caution(node.value) === null;
    const text = el("textarea", { id: "edit-value", rows: 12, spellcheck: "false", value: mine });
    const keep = el("option", { value: "keep" }, "keep as it is");
    const how = el("select", { id: "edit-expiry" }, node.expires ? keep : null, el("option", { value: "never" }, "never"), el("option", { value: "in" }, "in … seconds"));
    const ttl = el("input", { id: "edit-ttl", inputmode: "numeric", size: 8, placeholder: "seconds", "aria-label": "Seconds until it expires", hidden: true });
    how.addEventListener("change", () => { ttl.hidden = how.value !== "in"; });
    const meanwhile = el("p", { class: "notice kept", role: "status" });
    const broken = el("p", { class: "notice", role: "status" });
    const check = () => write(broken, isJSON(node.value) && !isJSON(text.value) ? "It was JSON, and is none as it stands here." : "");
    text.addEventListener("input", check);
    check();
    this.isChanged = () => text.value !== node.value;
    this.notice = (said) => write(meanwhile, said);
    const request = () => {
      const value = crlf ? text.value.replaceAll("\n", "\r\n") : text.value;
      const form = { value };
      if (how.value === "in") {
        if (wholeSeconds(ttl.value) === null) return null;
        form.ttl = wholeSeconds(ttl.value);
      } else if (how.value === "keep") {
        form.ttl = Math.max(1, Math.ceil((node.expires - Date.now()) / 1000));
      }
      return keyRequest("PUT", node.key, { prevIndex: node.modifiedIndex }, form);
    };
    const note = caution(node.value);
    const form = actionForm({
      label: against ? "Save mine, replacing theirs" : "Save", request, send, cancel: () => this.load(node.key),
      fields: [note ? el("p", { class: "notice" }, note) : null,
        against ? el("section", { class: "version", id: "theirs" }, el("h3", {}, `Theirs, index ${count(node.modifiedIndex)}: Save replaces it`),
          el("pre", { class: "value", tabindex: "0", "aria-label": "Their value" }, node.value === "" ? "(empty)" : node.value)) : null,
        field(against ? "Yours" : "Value", text), broken,
        el("p", { class: "field" }, el("label", { for: "edit-expiry" }, "Expires"), how, " ", ttl), meanwhile],
      done: async () => {
        say("Saved");
        await Promise.all([this.load(node.key), this.tree.again(node.key)]);
      },
      failed: async (error, wanted) => {
        if (error.code !== 101 && error.code !== 100 && error.code !== 102) return false;
        await this.conflict(node, wanted.form.value, text.value);
        return true;
      },
    });
    form.id = "edit-form";
    this.detail.replaceChildren(this.heading(node.key), form);
    text.focus();
  }

  /* Somebody else wrote it since it was shown: both are to be seen, and nothing is lost. */
  async conflict(before, mine, text) {
    let now = null;
    try {
      // The node asked may not know yet what another one has answered.
      now = (await send(keyRequest("GET", before.key, { quorum: true }))).node;
    } catch (error) {
      if (error.code !== 100) throw error;
    }
    const side = (title, ...content) => el("section", { class: "version" }, el("h3", {}, title), content);
    const shows = (value) => el("pre", { class: "value", tabindex: "0", "aria-label": "Value" }, value === "" ? "(empty)" : value);
    const theirs = now === null ? "It is no longer there." : now.dir ? "It is a directory now." : null;
    const buttons = [el("button", { type: "button", class: "go", id: "take-theirs", click: () => this.load(before.key) },
      now === null ? "Leave it deleted" : "Keep theirs")];
    if (now && !now.dir) {
      const base = { ...now, key: before.key, expires: expiry(now) };
      buttons.push(el("button", { type: "button", id: "edit-theirs", click: () => this.edit(base, text) }, "Go on with mine, beside theirs"));
    } else if (now === null) {
      buttons.push(el("button", { type: "button", click: () => this.createAnew(before, mine, text) }, "Create it anew with mine"));
    }
    this.isChanged = () => true;
    this.detail.replaceChildren(this.heading(before.key),
      el("div", { class: "conflict", id: "conflict", role: "alert" },
        el("p", {}, el("strong", {}, "Not saved: somebody else changed this key. "),
          now ? `You began with index ${count(before.modifiedIndex)}; now it has ${count(now.modifiedIndex)}.` : `You began with index ${count(before.modifiedIndex)}; it was deleted, or it expired.`),
        el("div", { class: "versions" },
          side("Theirs, as it is now", theirs ? el("p", {}, theirs) : shows(now.value)),
          side("Yours, not saved", shows(mine)), side("What you began with", shows(before.value)))),
      el("p", { class: "buttons" }, buttons));
    this.detail.querySelector("#take-theirs").focus();
  }

  async createAnew(before, mine, text) {
    try {
      await send(keyRequest("PUT", before.key, { prevExist: false }, { value: mine }));
    } catch (error) {
      if (error.code === 105) return this.conflict(before, mine, text);
      this.detail.append(el("p", { class: "wrong", role: "alert" }, explain(error)));
      return;
    }
    say(`${before.key} was made`);
    await Promise.all([this.load(before.key), this.tree.again(before.key)]);
  }

  create(at, value = "") {
    const begin = at ?? (this.shown?.dir ? (this.key === "/" ? "/" : `${this.key}/`) : `${parentOf(this.key).replace(/\/$/, "")}/`);
    this.stream?.close();
    this.turn++;
    this.editing = true;
    this.notice = null;
    const path = el("input", { id: "new-path", value: begin, autocomplete: "off", spellcheck: "false" });
    const kind = el("select", { id: "new-kind" }, el("option", { value: "file" }, "file"), el("option", { value: "dir" }, "directory"),
      el("option", { value: "order" }, "file with the next number below this directory"));
    const text = el("textarea", { id: "new-value", rows: 8, spellcheck: "false", value });
    const ttl = el("input", { id: "new-ttl", inputmode: "numeric", size: 8, placeholder: "never" });
    const valueField = field("Value", text);
    this.isChanged = () => text.value !== value || path.value !== begin;
    path.addEventListener("change", () => { path.value = cleaned(path.value); });
    kind.addEventListener("change", () => { valueField.hidden = kind.value === "dir"; });
    const request = () => {
      const key = cleaned(path.value);
      const form = kind.value === "dir" ? { dir: true } : { value: text.value };
      if (ttl.value.trim()) {
        if (wholeSeconds(ttl.value) === null) return null;
        form.ttl = wholeSeconds(ttl.value);
      }
      if (kind.value === "order") return keyRequest("POST", key, undefined, form);
      return key === "/" ? null : keyRequest("PUT", key, { prevExist: false }, form);
    };
    const form = actionForm({
      label: "Create", request, send, cancel: () => this.load(this.key),
      fields: [field("Path", path), field("Kind", kind), valueField, field("Expires in seconds", ttl)],
      done: async (answer) => {
        const { key } = answer.node;
        this.forget();
        say(`${key} was made`);
        await this.tree.again(kind.value === "order" ? key : cleaned(path.value));
        this.tree.selected = "";
        if (location.hash === keyLink(key)) await this.move(key);
        else this.app.go(keyLink(key));
      },
      failed: (error) => {
        if (error.code !== 105) return false;
        throw new ApiError(412, 105, "There is such a key already; nothing was changed", "", 0);
      },
    });
    form.id = "create-form";
    this.detail.replaceChildren(el("h2", { class: "path" }, "New key"), form);
    path.focus();
    path.setSelectionRange(begin.length, begin.length);
  }

  expire() {
    const node = this.shown;
    dialog(`When ${nameOf(node.key)} expires`, (close) => {
      const ttl = el("input", { id: "ttl", inputmode: "numeric", size: 8, value: node.expires ? String(node.ttl) : "60" });
      const never = el("input", { type: "checkbox", id: "ttl-never" });
      const request = () => {
        ttl.disabled = never.checked;
        const seconds = wholeSeconds(ttl.value);
        if (node.dir) {
          if (never.checked) return keyRequest("PUT", node.key, { prevExist: true }, { dir: true });
          return seconds === null ? null : keyRequest("PUT", node.key, { prevExist: true }, { dir: true, ttl: seconds });
        }
        // For ever is no refresh: the same value, written without a ttl, if nobody else wrote.
        if (never.checked) return keyRequest("PUT", node.key, { prevIndex: node.modifiedIndex }, { value: node.value });
        return seconds === null ? null : keyRequest("PUT", node.key, { prevExist: true }, { refresh: true, ttl: seconds });
      };
      const form = actionForm({
        label: "Set", request, send, cancel: close,
        fields: [field("Seconds from now", ttl), el("label", { class: "check" }, never, " never"),
          el("p", { class: "note" }, node.dir ? "All that is below it goes with it." : "The value stays; watchers are told nothing of a new time.")],
        done: async () => {
          close();
          say("Set");
          await Promise.all([this.load(node.key), this.tree.again(node.key)]);
        },
      });
      form.id = "ttl-form";
      return form;
    });
  }

  async remove() {
    const node = this.shown;
    let below = null;
    if (node.dir) {
      try {
        below = countBelow((await send(keyRequest("GET", node.key, { recursive: true }))).node);
      } catch (error) {
        below = { text: error instanceof TooLarge ? "more keys than can be counted here" : null, error };
      }
    }
    dialog(`Delete ${nameOf(node.key)}?`, (close) => {
      const empty = below && below.files + below.directories === 0;
      const what = !node.dir ? `${node.key}, ${bytes(byteLength(node.value))}, as it was at index ${count(node.modifiedIndex)}.`
        : below.error && !below.text ? explain(below.error)
          : empty ? `${node.key}: nothing is listed in it.`
            : `${node.key} and all below it: ${below.text ?? `${plural(below.files, "key")} and ${plural(below.directories, "more directory", "more directories")}`}. Hidden names are not counted, and go, too.`;
      const request = () => keyRequest("DELETE", node.key, !node.dir ? { prevIndex: node.modifiedIndex } : empty ? { dir: true } : { recursive: true });
      const form = actionForm({
        label: node.dir && !empty ? "Delete all of it" : "Delete", danger: true, request, send, cancel: close,
        fields: [el("p", { id: "delete-what" }, what)],
        done: async () => {
          close();
          say(`${node.key} was deleted`);
          this.tree.gone(node.key);
          await this.tree.again(node.key);
          this.app.go(keyLink(parentOf(node.key)));
        },
        failed: async (error) => {
          if (error.code === 101) throw new ApiError(412, 101, "Not deleted: somebody else changed it meanwhile. Cancel, and look at what it is now", "", 0);
          if (error.code === 108) throw new ApiError(403, 108, "It is not empty: hidden names are in it. Delete them by their paths, or all of it with curl and recursive=true", "", 0);
          return false;
        },
      });
      form.id = "delete-form";
      return form;
    });
  }

  // ---- searching

  async lookFor(text) {
    if (!text) {
      this.found.hidden = true;
      this.tree.element.hidden = false;
      return;
    }
    this.searching?.abort();
    this.searching = new AbortController();
    const { signal } = this.searching;
    if (text.startsWith("/")) {
      try {
        await send(keyRequest("GET", cleaned(text), isHidden(text) ? undefined : {}), signal);
        return this.app.go(keyLink(cleaned(text)));
      } catch (error) {
        if (error.name === "AbortError") return;
        if (error.code !== 100 && !(error instanceof TooLarge)) return this.report(explain(error));
      }
    }
    this.report("Searching…");
    try {
      const all = await send(keyRequest("GET", "/", { recursive: true }), signal);
      this.list(text, pathsWith(all.node, text));
    } catch (error) {
      if (error.name !== "AbortError") this.report(error instanceof TooLarge ? "There is too much to search here (64 MiB): go to a path." : explain(error));
    }
  }

  report(text) {
    this.tree.element.hidden = true;
    this.found.hidden = false;
    this.found.replaceChildren(el("p", { class: "note", role: "status" }, text), this.back());
  }

  back() {
    return el("button", { type: "button", class: "quiet small", id: "back-to-tree", click: () => {
      this.search.value = "";
      this.lookFor("");
    } }, "Back to the tree");
  }

  list(text, keys) {
    this.report(keys.length ? `${plural(keys.length, "path")} with “${text}”` : `No path has “${text}” in it. Hidden names are not searched.`);
    if (!keys.length) return;
    this.results?.close();
    this.results = new Rows(FOUND_ROW_PX, (i) => el("div", { class: "row", role: "listitem" },
      el("a", { class: "name", href: keyLink(keys[i]) }, keys[i])), { role: "list", "aria-label": "What was found", id: "results" });
    this.found.append(this.results.element);
    this.results.show(keys.length);
  }
}

function each(node, visit) {
  const stack = [node];
  while (stack.length) {
    const one = stack.pop();
    visit(one);
    for (let i = (one.nodes ?? []).length - 1; i >= 0; i--) stack.push(one.nodes[i]);
  }
}

function countBelow(node) {
  const out = { files: 0, directories: -1 };
  each(node, (one) => { out[one.dir ? "directories" : "files"]++; });
  return out;
}

function pathsWith(node, text) {
  const wanted = text.toLowerCase();
  const out = [];
  each(node, (one) => { if (one.key?.toLowerCase().includes(wanted)) out.push(one.key); });
  return out;
}

export function openKeys(main, app) {
  return new Keys(main, app);
}
