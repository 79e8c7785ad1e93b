// value.js - a value as text, as JSON that can be folded, or as hexadecimal digits.

import { el } from "./dom.js";
import { bytes } from "./format.js";

const SHOWN_AT_ONCE = 128 << 10;        // characters of a text, or bytes as digits
const CHILDREN_AT_ONCE = 500;
const DEPTH_MAX = 200;

export function isJSON(text) {
  if (!/^\s*[[{]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/*
 * The parts of a text that is known to be JSON: { kind, text } or { kind, children: [[name, part]] }.
 * Not what JSON.parse makes of it, since numbers stand as they are written, and a name may come twice.
 */
export function jsonParts(text) {
  const token = /\s*([{}[\],:]|"(?:[^"\\]+|\\.)*"|[^\s{}[\],:"]+)/gy;
  const open = [];
  let root = null;
  let name = null;
  const place = (part) => {
    const parent = open[open.length - 1];
    if (parent) parent.children.push([name, part]);
    else root = part;
    name = null;
  };
  for (let found; (found = token.exec(text));) {
    const word = found[1];
    if (word === "{" || word === "[") {
      const part = { kind: word === "{" ? "object" : "array", children: [] };
      place(part);
      open.push(part);
    } else if (word === "}" || word === "]") {
      open.pop();
    } else if (word !== "," && word !== ":") {
      const next = /\s*:/y;
      next.lastIndex = token.lastIndex;
      if (name === null && open[open.length - 1]?.kind === "object" && next.test(text)) name = word;
      else place({ kind: word[0] === '"' ? "string" : /^[-\d]/.test(word) ? "number" : "word", text: word });
    }
  }
  return root;
}

function leaf(part) {
  return el("span", { class: `json-${part.kind}` }, part.text);
}

function label(name) {
  return name === null ? null : [el("span", { class: "json-name" }, name), ": "];
}

function jsonElement(name, part, depth) {
  if (!part.children) return el("div", { class: "json-row" }, label(name), leaf(part));
  const [first, last] = part.kind === "object" ? "{}" : "[]";
  const size = part.children.length;
  if (size === 0) return el("div", { class: "json-row" }, label(name), `${first}${last}`);
  const what = part.kind === "object" ? (size === 1 ? "name" : "names") : size === 1 ? "item" : "items";
  const box = el("details", { class: "json" }, el("summary", {}, label(name), first,
    el("span", { class: "json-folded" }, ` ${size} ${what} ${last}`)));
  const build = () => {
    if (!box.open || box.children.length > 1) return;
    const inside = el("div", { class: "json-inside" });
    let shown = 0;
    const more = () => {
      const next = part.children.slice(shown, shown + CHILDREN_AT_ONCE);
      shown += next.length;
      inside.append(...next.map(([key, child]) => jsonElement(key, child, depth + 1)));
      if (shown < size) {
        inside.append(el("button", { type: "button", class: "quiet small", click: (event) => {
          event.target.remove();
          more();
        } }, `${size - shown} more`));
      }
    };
    if (depth < DEPTH_MAX) more();
    else inside.append("too deep to be shown");
    box.append(inside, el("div", { class: "json-row" }, last));
  };
  box.addEventListener("toggle", build);
  box.open = depth < 2 && size <= 100;
  build();
  return box;
}

function hexLines(data) {
  const lines = [];
  for (let at = 0; at < data.length; at += 16) {
    const row = data.subarray(at, at + 16);
    const digits = Array.from(row, (byte) => byte.toString(16).padStart(2, "0"));
    const text = Array.from(row, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".")).join("");
    lines.push(`${at.toString(16).padStart(8, "0")}  ${digits.slice(0, 8).join(" ").padEnd(23)}  ${digits.slice(8).join(" ").padEnd(23)}  ${text}`);
  }
  return lines.join("\n");
}

function long(whole, size, show) {
  const pre = el("pre", { class: "value", tabindex: "0", "aria-label": "Value" }, show(SHOWN_AT_ONCE));
  if (size <= SHOWN_AT_ONCE) return [pre];
  return [pre, el("button", { type: "button", class: "quiet", click: (event) => {
    event.target.remove();
    pre.textContent = show(size);
  } }, `Show all ${bytes(size)}`)];
}

/* kind: "text", "json", "hex"; data: its bytes, if they are not those of the text */
export function valueElements(text, kind, data = null) {
  if (kind === "json") return [el("div", { class: "value json-root", tabindex: "0", role: "group", "aria-label": "Value" }, jsonElement(null, jsonParts(text), 0))];
  if (kind === "hex") {
    data ??= new TextEncoder().encode(text);
    return long(data, data.length, (most) => hexLines(data.subarray(0, most)));
  }
  if (text === "") return [el("p", { class: "value empty" }, "(empty)")];
  return long(text, text.length, (most) => text.slice(0, most));
}

export function byteLength(text) {
  return new TextEncoder().encode(text).length;
}

/* What a reader has to know of this value before it is changed here, or null. */
export function caution(text) {
  if (text.includes("\ufffd")) {
    return "This value has bytes that are no UTF-8, or the sign �: the API shows both as �. Saved from here, the bytes would be lost.";
  }
  return cautionOfLines(text);
}

export function cautionOfLines(text) {
  if (/\r(?!\n)/.test(text) || (text.includes("\r\n") && /(^|[^\r])\n/.test(text))) {
    return "This value has carriage returns in it that a text field does not keep. Saved from here, they would be line ends.";
  }
  return null;
}
