// stream.js - events as one endless answer of a line each, without a gap as long as the node
// remembers. A page has one of these at most: of keys of /v2 by EventStream here, of keys of v3 by
// V3Stream (v3api.js).
//
//   opening ---> open --------> opening again, from the event behind the last one that came
//      |           (answer ends, node away, worker replaced)
//      +-------> lost: the node does not remember so far back (error 401; of v3: it is compacted).
//                Says from where to where, and goes on from there.

import { keyRequest, open, ApiError } from "./api.js";

const PAUSE_FIRST_MS = 250;
const PAUSE_MOST_MS = 4000;
const EVENT_CHARACTERS_MAX = 64 << 20;

export class LineStream {
  /*
   * next: the first event that is wanted; 0: from now on
   * told: { events(list), lost(from, to), state("opening" | "open" | "away" | "refused", error) }
   */
  constructor(next, told) {
    this.next = next;
    this.told = told;
    this.stop = new AbortController();
    this.pause = PAUSE_FIRST_MS;
  }

  close() {
    this.stop.abort();
  }

  async run() {
    while (!this.stop.signal.aborted) {
      this.told.state("opening");
      try {
        await this.once();
        this.told.state("away");
      } catch (error) {
        if (this.stop.signal.aborted) return;
        if (this.forgot(error)) continue;
        if (error instanceof ApiError && error.status >= 400 && error.status < 500) {
          this.told.state("refused", error);
          return;
        }
        this.told.state("away", error);
      }
      await new Promise((done) => setTimeout(done, this.pause));
      this.pause = Math.min(this.pause * 2, PAUSE_MOST_MS);
    }
  }

  async once() {
    const response = await open(this.request(), this.stop.signal);
    this.begun(response);
    this.told.state("open");
    this.pause = PAUSE_FIRST_MS;
    const reader = response.body.getReader();
    const decoder = new TextDecoder();
    const parts = [];
    for (let held = 0; ;) {
      const { done, value } = await reader.read();
      if (done) return;
      const text = decoder.decode(value, { stream: true });
      const end = text.lastIndexOf("\n");
      parts.push(end < 0 ? text : text.slice(0, end));
      held += text.length;
      if (held > EVENT_CHARACTERS_MAX) {
        reader.cancel();
        return;
      }
      if (end < 0) continue;
      const lines = parts.splice(0).join("").split("\n");
      parts.push(text.slice(end + 1));
      held = parts[0].length;
      this.take(lines.filter((line) => line.trim()).map((line) => JSON.parse(line)));
    }
  }
}

export class EventStream extends LineStream {
  /*
   * key, recursive: what is watched
   * since: the store index of the first event that is wanted; 0: from now on
   */
  constructor(key, { recursive = false, since = 0 }, told) {
    super(since, told);
    this.key = key;
    this.recursive = recursive;
    this.run();
  }

  request() {
    const query = { wait: true, stream: true };
    if (this.recursive) query.recursive = true;
    if (this.next) query.waitIndex = this.next;
    return keyRequest("GET", this.key, query);
  }

  begun(response) {
    // What happens from now on has a higher index, whether or not it reaches us by this answer.
    if (!this.next) this.next = Number(response.headers.get("X-Etcd-Index")) + 1;
  }

  /* The node forgot events. It says up to where; the next one that it knows is behind that. */
  forgot(error) {
    if (!(error instanceof ApiError && error.code === 401 && error.status === 400)) return false;
    const from = this.next;
    this.next = error.index + 1;
    this.told.lost(from, error.index);
    return true;
  }

  take(said) {
    const events = said.filter((one) => one.node);
    if (events.length) {
      this.next = events[events.length - 1].node.modifiedIndex + 1;
      this.told.events(events);
    }
    // An error may come in the place of an event, when the head is long sent.
    const error = said.find((one) => one.errorCode !== undefined);
    if (error) throw new ApiError(400, error.errorCode, error.message, error.cause, error.index);
  }
}
