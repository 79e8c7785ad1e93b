// bytes.js - keys and values of v3 are bytes, not text. Here they are strings with a character for each
// byte: so they are compared, cut and sent (base64) as they are, and only what is shown is decoded.

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const AT_ONCE = 8192;           // arguments of one call

export function arrayOf(bytes) {
  return Uint8Array.from(bytes, (one) => one.charCodeAt(0));
}

/* Half a pair of a character becomes a sign that says so. */
export function bytesOf(text) {
  const array = new TextEncoder().encode(text);
  const parts = [];
  for (let at = 0; at < array.length; at += AT_ONCE) parts.push(String.fromCharCode(...array.subarray(at, at + AT_ONCE)));
  return parts.join("");
}

/* null: it is no UTF-8. */
export function textOf(bytes) {
  try {
    return strict.decode(arrayOf(bytes));
  } catch {
    return null;
  }
}

export function pack(bytes) {
  return btoa(bytes);
}

/* The gateway leaves out what is empty. */
export function unpack(said) {
  return said === undefined ? "" : atob(said);
}

/* As people read it: what is no text as \xff. */
export function shownOf(bytes) {
  return textOf(bytes) ?? bytes.replace(/[^\x20-\x7e]/g, (one) => `\\x${hexOf(one)}`);
}

export function hexOf(bytes) {
  return Array.from(bytes, (one) => one.charCodeAt(0).toString(16).padStart(2, "0")).join("");
}

/* null: these are not the digits of whole bytes. */
export function bytesOfHex(text) {
  const digits = text.replace(/\s+/g, "");
  if (digits.length % 2 || !/^[\da-f]*$/i.test(digits)) return null;
  return digits.replace(/../g, (pair) => String.fromCharCode(parseInt(pair, 16)));
}

/* The first key that is behind all that begin so; "\0": there is none. */
export function endOf(prefix) {
  const kept = prefix.replace(/\xff+$/, "");
  if (kept === "") return "\0";
  return kept.slice(0, -1) + String.fromCharCode(kept.charCodeAt(kept.length - 1) + 1);
}

/* In an address: letters, digits and -_.~/ stand for themselves. */
export function addressOf(bytes) {
  return bytes.replace(/[^\w.~/-]/g, (one) => `%${hexOf(one)}`);
}

/* An address is anybody's: what is not as addressOf writes it counts as text. */
export function bytesOfAddress(text) {
  return bytesOf(text).replace(/%([\da-f]{2})/gi, (_, pair) => String.fromCharCode(parseInt(pair, 16)));
}
