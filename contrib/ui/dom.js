// dom.js - elements made by hand. Whatever comes from the node gets into the page as text, here and
// nowhere else: there is no innerHTML in these files.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, options, children) {
  for (const [name, value] of Object.entries(options ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") node.addEventListener(name, value);
    else if (name === "value") node.value = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/* el("button", { class: "quiet", click: save }, "Save"): a function becomes a listener. */
export function el(tag, options, ...children) {
  return fill(document.createElement(tag), options, children);
}

export function svg(tag, options, ...children) {
  return fill(document.createElementNS(SVG, tag), options, children);
}

/* Sets a text only if it is another one, so that a selection and a reader's place stay. */
export function write(node, text) {
  text = String(text);
  if (node.textContent !== text) node.textContent = text;
}

/* The same thing, as it is called, wherever it is drawn. */
function nameOf(element) {
  return [element.tagName, element.id, element.getAttribute("aria-label"), element.textContent].join("\0");
}

/* Draws all anew that is within; what has the focus, and is there again, keeps it. */
export function redraw(node, ...children) {
  const held = document.activeElement;
  const name = node.contains(held) ? nameOf(held) : null;
  node.replaceChildren(...children);
  if (name === null || held.isConnected) return;
  [...node.querySelectorAll(held.tagName)].find((one) => nameOf(one) === name)?.focus({ preventScroll: true });
}

const SAID_MS = 4000;
let saying = 0;

/* Says what was done, for a moment: also to who cannot see that it changed. */
export function say(text) {
  const said = document.getElementById("said");
  said.textContent = text;
  clearTimeout(saying);
  saying = setTimeout(() => { said.textContent = ""; }, SAID_MS);
}

let fields = 0;

/* A field with its label. More children come behind it, such as a hint. */
export function field(label, input, ...more) {
  if (!input.id) input.id = `field-${++fields}`;
  return el("p", { class: "field" }, el("label", { for: input.id }, label), input, ...more);
}

/* Into the clipboard. Over plain HTTP a page has none: then what is selected is copied. */
export async function copy(text, node) {
  if (navigator.clipboard && window.isSecureContext) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // Not allowed: the other way may be.
    }
  }
  getSelection().selectAllChildren(node);
  return document.execCommand("copy");
}
