// api.js - requests to the node that this page came from, and to no other.
//
// A request is an object { method, path, query, form, json }. send() makes it, curl() writes it as a
// line for a terminal: so what is shown is what is done. A secret is not: shown is the JSON without it;
// and open says that it is sent without a token.
//
// Who asks is the browser's business, by basic authentication or a certificate: the page never sees
// a password. When a right is missing the browser asks for a user; if that is given up, the answer
// here is an ApiError of status 401. Only users of v3 have no such way: they sign in by a form
// (v3api.js), and the token that comes of it is held here, in memory, until the page is left.

// The page lies at .../ui/, the API beside that directory.
const root = new URL("..", document.baseURI);

/* The most that is read of one answer, but for backups. A listing has the values, too. */
export const ANSWER_BYTES_MAX = 64 << 20;

const TOKEN_UNKNOWN = 16;       // a code of v3

/* Of the user of v3 who signed in; null: nobody did. */
let signed = null;

export function signedIn() {
  return signed;
}

/* user: { name, token } */
export function signAs(user) {
  signed = user;
}

export class ApiError extends Error {
  /* status 0: no answer at all; v3: the code of the v3 API, if it is one of its errors */
  constructor(status, code, message, cause, index) {
    super(cause ? `${message}: ${cause}` : message);
    Object.assign(this, { status, code, cause, index });
  }
}

export class TooLarge extends Error {}

/* Half a pair of a character cannot be sent. */
function wellFormed(text) {
  return text.replace(/[\ud800-\udbff][\udc00-\udfff]|[\ud800-\udfff]/g, (found) => (found.length === 2 ? found : "\ufffd"));
}

/* A key as a path of a URL. */
export function escapeKey(key) {
  return wellFormed(key).split("/").map(encodeURIComponent).join("/");
}

export function keyRequest(method, key, query, form) {
  return { method, path: `v2/keys${escapeKey(key)}`, query, form };
}

export function isV3(request) {
  return request.path.startsWith("v3/");
}

function address(request) {
  const query = Object.entries(request.query ?? {}).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return new URL(request.path + (query.length ? `?${query.join("&")}` : ""), root).href;
}

/* The answer, with its head; fails as ApiError unless its status is 2xx. */
export async function open(request, signal) {
  const options = { method: request.method, signal, cache: "no-store", credentials: "same-origin", headers: {} };
  if (request.form) {
    options.body = new URLSearchParams(Object.entries(request.form).map(([name, value]) => [name, wellFormed(String(value))]));
  } else if (request.json) {
    options.body = JSON.stringify(request.json);
    options.headers["Content-Type"] = "application/json";
  }
  // Elsewhere the place of Authorization may be taken, by the browser's own user.
  if (signed && !request.open) options.headers[isV3(request) ? "Authorization" : "Grpc-Metadata-Token"] = signed.token;
  let response;
  try {
    response = await fetch(address(request), options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, 0, "The node does not answer", "", 0);
  }
  if (response.ok) return response;
  const error = errorOf(response, await bounded(response, 1 << 20));
  if (error.v3 === TOKEN_UNKNOWN) signed = null;
  throw error;
}

function errorOf(response, text) {
  let said = {};
  try {
    said = JSON.parse(text) ?? {};
  } catch {
    said = { message: text.trim().slice(0, 400) };
  }
  const error = new ApiError(response.status, said.errorCode ?? 0, said.message || `Status ${response.status}`,
    said.cause ?? "", said.index ?? 0);
  error.v3 = said.code;
  return error;
}

async function bounded(response, most) {
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  const parts = [];
  for (let read = 0; ;) {
    const { done, value } = await reader.read();
    if (done) break;
    read += value.length;
    if (read > most) {
      reader.cancel();
      throw new TooLarge(`The answer has more than ${most >> 20} MiB`);
    }
    parts.push(decoder.decode(value, { stream: true }));
  }
  parts.push(decoder.decode());
  return parts.join("");
}

/* The whole answer as text, or as what its JSON says (null if it is empty). */
export async function sendText(request, signal) {
  const response = await open(request, signal);
  try {
    return await bounded(response, ANSWER_BYTES_MAX);
  } catch (error) {
    if (error.name === "AbortError" || error instanceof TooLarge) throw error;
    throw new ApiError(0, 0, "The answer was cut off", "", 0);
  }
}

export async function send(request, signal) {
  const text = await sendText(request, signal);
  return text.trim() ? JSON.parse(text) : null;
}

const V3_TEXTS = [
  [/user name is empty/, "This needs a user of the v3 API: sign in."],
  [/invalid auth token/, "The node does not know who you are any more: sign in again."],
  [/authentication failed/, "There is no such user, or the password is another one."],
  [/permission denied/, "Permission denied: your user may not do that. Sign in as one who may."],
  [/revision of auth store is old/, "Users or roles were changed meanwhile; nothing was done. Try again."],
  [/lease not found/, "There is no such lease: it ended, or never was."],
  [/request is too large/, "The value is too large for one request of the v3 API."],
  [/no leader|timed out|leader changed|deadline exceeded/, "The cluster cannot do that now: there is no leader, or no majority answers."],
];

function explainV3(error) {
  const text = V3_TEXTS.find(([pattern]) => pattern.test(error.message))?.[1];
  return text ?? error.message.replace(/^etcdserver: /, "");
}

/* What went wrong, as one sentence for people. */
export function explain(error) {
  if (error.v3 !== undefined) return explainV3(error);
  if (error.status === 401) return "This needs a user who may do it, and the right password: sign in as one who may.";
  if (error.status === 403 && error.code === 0 && /rigin/.test(error.message)) return `${error.message}. Open the page by the node's own address.`;
  if (error.code === 300 || error.code === 301 || (error.status === 500 && error.code === 0)) {
    return `The cluster cannot do that now: there is no leader, or no majority answers. (${error.message})`;
  }
  return error.message;
}

function quote(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/* What no argument of a command can have, or nobody wants to see there, comes from a file. */
const ARGUMENT_CHARACTERS_MAX = 4000;

export function curl(request) {
  const parts = ["curl"];
  if (request.method !== "GET") parts.push("-X", request.method);
  parts.push(quote(address(request)));
  for (const [name, value] of Object.entries(request.form ?? {})) {
    const text = String(value);
    if (text.includes("\0") || text.length > ARGUMENT_CHARACTERS_MAX) parts.push("--data-urlencode", `${name}@FILE`);
    else if (/^[\w./-]*$/.test(text)) parts.push("-d", quote(`${name}=${text}`));
    else parts.push("--data-urlencode", quote(`${name}=${text}`));
  }
  if (request.json) {
    const text = JSON.stringify(request.shown ?? request.json);
    if (!isV3(request)) parts.push("-H", quote("Content-Type: application/json"));
    if (signed && isV3(request) && !request.open) parts.push("-H", '"Authorization: $TOKEN"');
    parts.push("-d", text.length > ARGUMENT_CHARACTERS_MAX ? "@FILE" : quote(text));
  }
  if (request.file) parts.push("-o", quote(request.file));
  return parts.join(" ");
}
