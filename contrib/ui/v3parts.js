// v3parts.js - addresses within the page of the keys of v3, and what its panels have in common.

import { el } from "./dom.js";
import { left } from "./tree.js";
import { addressOf, shownOf } from "./bytes.js";
import { leaseName, leaseOfName } from "./v3api.js";

export function keyLink(key) {
  return `#/v3/${addressOf(key)}`;
}

export function prefixLink(prefix) {
  return `${keyLink(prefix)}*`;
}

export function leaseLink(lease) {
  return `#/v3/:lease/${leaseName(lease)}`;
}

/* Up to the last "/": what is beside it. */
export function directoryOf(key) {
  return key.slice(0, key.lastIndexOf("/") + 1);
}

/* The bytes as a heading, whose parts lead to what begins with them. */
export function heading(bytes, prefix) {
  const parts = [];
  let at = 0;
  for (let end; (end = bytes.indexOf("/", at)) >= 0 && end < bytes.length - 1; at = end + 1) {
    parts.push(el("a", { href: prefixLink(bytes.slice(0, end + 1)) }, shownOf(bytes.slice(at, end + 1))));
  }
  const last = bytes.slice(at);
  return el("h2", { class: "path", id: "path" }, el("a", { href: prefixLink(""), "aria-label": "all keys" }, "⌂"), " ", parts,
    bytes === "" ? "all keys" : el("b", {}, shownOf(last)), prefix && bytes !== "" ? el("span", { class: "slash" }, "…") : null);
}

export function facts(list) {
  return el("dl", { class: "facts wideish" }, list.map(([name, value]) =>
    el("div", {}, el("dt", {}, name), value instanceof Element && value.tagName === "DD" ? value : el("dd", {}, value))));
}

/* A list of keys, that may be long, in a place of its own. */
export function box(list) {
  return el("div", { class: "listbox", tabindex: "0", role: "region", "aria-label": "Keys" }, list);
}

/* What is left of a lease, to be counted down once a second. */
export function leftOf(lease) {
  return lease.ends === null ? el("span", {}, "it ended") : el("span", { "data-expires": lease.ends }, left(lease.ends));
}

/*
 * The lease of a key in a form. kept: that it has, "0" for none. read() is null while the fields do not say,
 * else { lease: digits } or { grant: seconds }.
 */
export function leaseFields(kept = "0") {
  const how = el("select", { id: "lease-how" }, kept === "0" ? null : el("option", { value: "keep" }, `keep ${leaseName(kept)}`),
    el("option", { value: "none" }, "none: it stays until it is deleted"), el("option", { value: "new" }, "a new one of … seconds"),
    el("option", { value: "other" }, "that with the ID …"));
  const text = el("input", { id: "lease-text", size: 18, autocomplete: "off", spellcheck: "false", "aria-label": "Seconds, or the ID of a lease", hidden: true });
  const note = el("span", { class: "note", hidden: true }, " It is granted first; LEASE in the line below is its ID.");
  how.addEventListener("change", () => {
    note.hidden = how.value !== "new";
    text.hidden = how.value === "none" || how.value === "keep";
    text.placeholder = how.value === "new" ? "seconds" : "16 digits, as etcdctl has it";
  });
  return {
    element: el("p", { class: "field" }, el("label", { for: "lease-how" }, "Lease"), how, " ", text, note),
    changed: () => how.selectedIndex !== 0,
    read: () => {
      if (how.value === "keep") return { lease: kept };
      if (how.value === "none") return { lease: "0" };
      if (how.value === "new") return /^[1-9]\d{0,9}$/.test(text.value.trim()) ? { grant: text.value.trim() } : null;
      const lease = leaseOfName(text.value);
      return lease === null ? null : { lease };
    },
  };
}
