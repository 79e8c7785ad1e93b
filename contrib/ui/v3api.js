// v3api.js - the requests of the v3 API as the page makes them, by the JSON gateway of its own node.
//
// Revisions and leases are numbers of 64 bits: they come and go as texts of digits.

import { send, sendText, ApiError } from "./api.js";
import { endOf, pack, unpack } from "./bytes.js";
import { LineStream } from "./stream.js";

export const REVISIONS_MOST = 20;       // of one key, the newest
const COMPACTED_MS = 3000;

export function v3Request(path, json = {}) {
  return { method: "POST", path: `v3/${path}`, json };
}

/* What stands there at one node, also while nobody leads; with revision: at that one. */
export function rangeRequest(key, more = {}) {
  return v3Request("kv/range", { key: pack(key), serializable: true, ...more });
}

/* { key, value: bytes, created, modified, version, lease: digits ("0": none) } */
export function entryOf(kv) {
  return { key: unpack(kv.key), value: unpack(kv.value), created: kv.create_revision ?? "0", modified: kv.mod_revision ?? "0",
    version: kv.version ?? "1", lease: kv.lease ?? "0" };
}

export function revisionOf(answer) {
  return BigInt(answer.header?.revision ?? 0);
}

/* The key, or null, and the revision of the store then. */
export async function getEntry(key, more, signal) {
  const answer = await send(rangeRequest(key, more), signal);
  return { entry: answer.kvs ? entryOf(answer.kvs[0]) : null, revision: revisionOf(answer) };
}

/* ---- changes. Each is held against what was shown; if that is not so any more, its answer has what there is. */

function guarded(key, compare, change) {
  return v3Request("kv/txn", { compare: [{ key: pack(key), ...compare }], success: [change], failure: [{ request_range: { key: pack(key) } }] });
}

function asShown(entry) {
  return { target: "MOD", mod_revision: entry.modified };
}

function putOp(key, value, lease) {
  return { request_put: { key: pack(key), value: pack(value), ...(lease === "0" ? {} : { lease }) } };
}

export function createRequest(key, value, lease) {
  return guarded(key, { target: "CREATE", create_revision: "0" }, putOp(key, value, lease));
}

export function saveRequest(entry, value, lease) {
  return guarded(entry.key, asShown(entry), putOp(entry.key, value, lease));
}

export function deleteRequest(entry) {
  return guarded(entry.key, asShown(entry), { request_delete_range: { key: pack(entry.key) } });
}

/* All below a prefix, if none of it was written since that revision. */
export function deleteBelowRequest(prefix, revision) {
  const range = { key: pack(prefix), range_end: pack(endOf(prefix)) };
  return v3Request("kv/txn", { compare: [{ ...range, target: "MOD", result: "LESS", mod_revision: String(revision + 1n) }],
    success: [{ request_delete_range: range }] });
}

/* Somebody was faster. now: what he left, or null. */
export class Overtaken extends Error {
  constructor(now) {
    super("Somebody else was faster");
    this.now = now;
  }
}

/* The answer of a request of those above; fails as Overtaken. */
export async function sendGuarded(request) {
  const answer = await send(request);
  if (answer.succeeded) return answer;
  const kv = answer.responses?.[0]?.response_range?.kvs?.[0];
  throw new Overtaken(kv ? entryOf(kv) : null);
}

/* ---- leases */

/* As etcdctl has it: 16 digits. */
export function leaseName(digits) {
  return BigInt.asUintN(64, BigInt(digits)).toString(16).padStart(16, "0");
}

/* null: it is no name of a lease. */
export function leaseOfName(text) {
  const digits = text.trim().replace(/^0x/i, "");
  if (!/^[\da-f]{1,16}$/i.test(digits) || /^0+$/.test(digits)) return null;
  return BigInt.asIntN(64, BigInt(`0x${digits}`)).toString();
}

export function leaseRequest(lease, keys) {
  return v3Request("lease/timetolive", keys ? { ID: lease, keys: true } : { ID: lease });
}

/* { ends: in this browser's time, or null: it is not there; granted: seconds; keys: bytes } */
export async function getLease(lease, keys, signal) {
  const answer = await send(leaseRequest(lease, keys), signal);
  const left = Number(answer.TTL ?? 0);
  return { lease, ends: left < 0 ? null : Date.now() + left * 1000, granted: Number(answer.grantedTTL ?? 0), keys: (answer.keys ?? []).map(unpack) };
}

/* ---- revisions */

/* From which revision on the store can be read, as a watch from before it is told; null: it was not told. */
async function compactedBefore(key, revision) {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), COMPACTED_MS);
  try {
    // The watch is canceled at once, so its stream ends.
    const text = await sendText(v3Request("watch", { create_request: { key: pack(key), start_revision: String(revision) } }), stop.signal);
    const said = text.split("\n").filter(Boolean).map((line) => JSON.parse(line).result);
    return said.find((one) => one?.compact_revision)?.compact_revision ?? null;
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
  }
}

/*
 * What a key was before: told(entry) for each, the newest first. Answers how it ends:
 * { made } it was made with the last one; { compacted: digits or null }; { more: true }.
 */
export async function walkBack(entry, most, told, signal) {
  for (let i = 0; i < most; i++) {
    if (entry.version === "1") return { made: entry };
    const revision = BigInt(entry.modified) - 1n;
    let before;
    try {
      before = (await getEntry(entry.key, { revision: String(revision) }, signal)).entry;
    } catch (error) {
      if (error.v3 === 11 && /compacted/.test(error.message)) return { compacted: await compactedBefore(entry.key, revision) };
      throw error;
    }
    if (before === null) return { made: entry };
    told(before);
    entry = before;
  }
  return entry.version === "1" ? { made: entry } : { more: entry };
}

/* ---- watches */

const RETRIED = [1, 2, 4, 8, 13, 14];     // codes of what may be otherwise in a moment

export class V3Stream extends LineStream {
  /*
   * key, end: what is watched; end "": one key
   * since: the first revision that is wanted (BigInt)
   * told: as of LineStream; events: { deleted, entry }
   */
  constructor({ key, end = "", since }, told) {
    super(since, told);
    this.key = key;
    this.end = end;
    this.run();
  }

  request() {
    const range = this.end ? { range_end: pack(this.end) } : {};
    return v3Request("watch", { create_request: { key: pack(this.key), ...range, start_revision: String(this.next), progress_notify: true } });
  }

  begun() {}

  forgot(error) {
    if (error.compacted === undefined) return false;
    const from = this.next;
    this.next = error.compacted;
    this.told.lost(from, error.compacted - 1n);
    return true;
  }

  take(said) {
    for (const { result, error } of said) {
      if (error) throw this.failure(error.http_code, error.grpc_code, error.message);
      if (result.events) this.told.events(result.events.map((event) => ({ deleted: event.type === "DELETE", entry: entryOf(event.kv) })));
      // How far it was served, also where nothing happened.
      const revision = revisionOf(result);
      if (!result.created && !result.canceled && !result.fragment && revision >= this.next) this.next = revision + 1n;
      if (result.canceled && result.compact_revision) {
        const gone = new ApiError(400, 0, "compacted", "", 0);
        gone.compacted = BigInt(result.compact_revision);
        throw gone;
      }
      if (result.canceled) throw this.failure(403, 7, result.cancel_reason || "the node ended the watch");
    }
  }

  failure(status, code, message) {
    const error = new ApiError(RETRIED.includes(code) ? 503 : status, 0, message, "", 0);
    error.v3 = code;
    return error;
  }
}
