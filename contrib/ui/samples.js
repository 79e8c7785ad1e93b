// samples.js - what the node said in the last 15 minutes, and what follows from it. The node counts
// up only; whoever asks twice has rates, and latencies of what was between.
//
// A sample has the node's own time, so that its marks stand where they belong. Where the page did not
// ask, or a counter began anew, there is a gap (null), never a guess.

export const WINDOW_MS = 15 * 60 * 1000;
const GAP_MS = 5000;            // with more between two samples nothing is said of the time between
const LATENCY_MS = 10000;       // quantiles are of so long: of one second there would be too few
const KINDS = ["read", "write", "watch", "other", "failed"];

export class Samples {
  constructor() {
    this.list = [];
    this.marks = [];
    this.recent = [];           // documents of the last LATENCY_MS, the oldest first
  }

  add(doc) {
    const at = Date.parse(doc.now);
    const last = this.recent[this.recent.length - 1];
    if (last && (last.doc.startTime !== doc.startTime || last.at >= at)) {
      // Another life of the node, or its clock was set back.
      this.recent = [];
      if (last.at >= at) this.list = this.list.filter((sample) => sample.at < at);
    }
    if (this.list.length && at - this.list[this.list.length - 1].at > GAP_MS) {
      this.list.push({ at: at - 1 });
      this.recent = [];
    }
    this.list.push(this.sample(doc, at));
    this.recent.push({ at, doc });
    while (this.recent.length > 2 && at - this.recent[1].at >= LATENCY_MS) this.recent.shift();
    this.list = this.list.filter((sample) => sample.at > at - WINDOW_MS);
    this.marks = (doc.marks ?? []).map((mark) => ({ ...mark, at: Date.parse(mark.time) }))
      .filter((mark) => mark.at > at - WINDOW_MS);
  }

  /* Of a member's disk, as far as it tells: of the last seconds. */
  syncP99(member) {
    for (const { doc } of this.recent) {
      const then = doc.members.find((one) => one.id === member.id);
      if (then?.sync) return quantile(0.99, then.sync, member.sync);
    }
    return null;
  }

  get latest() {
    return this.list[this.list.length - 1];
  }

  sample(doc, at) {
    const before = this.recent[this.recent.length - 1];
    const oldest = this.recent[0];
    const out = { at, watchers: doc.watchers, connections: doc.connections, memory: {}, cpu: {} };
    for (const kind of KINDS) out[kind] = perSecond(before, at, doc.requests?.[kind], (d) => d.requests?.[kind]);
    out.syncs = perSecond(before, at, doc.disk?.syncs, (d) => d.disk?.syncs);
    out.written = perSecond(before, at, doc.disk?.writtenBytes, (d) => d.disk?.writtenBytes);
    for (const kind of ["read", "write", "sync"]) {
      const now = doc.latency?.[kind];
      const then = oldest?.doc.latency?.[kind];
      out[`${kind}P50`] = quantile(0.5, then, now);
      out[`${kind}P99`] = quantile(0.99, then, now);
    }
    for (const process of doc.processes ?? []) {
      out.memory[process.name] = process.residentBytes;
      const same = before?.doc.processes?.find((one) => one.name === process.name && one.startTime === process.startTime);
      out.cpu[process.name] = same ? Math.max(0, process.cpuSeconds - same.cpuSeconds) / ((at - before.at) / 1000) : null;
    }
    return out;
  }
}

function perSecond(before, at, now, get) {
  if (!before || now === undefined || now === null) return null;
  const grown = now - get(before.doc);
  return grown >= 0 ? grown / ((at - before.at) / 1000) : null;
}

/* Of what was counted between two histograms [[upper, cumulative], ...]; null: nothing was. */
export function quantile(q, then, now) {
  if (!then || !now) return null;
  const total = now.count - then.count;
  if (!(total > 0)) return null;
  const wanted = q * total;
  let lower = 0;
  let below = 0;
  for (let i = 0; i < now.buckets.length; i++) {
    const [upper, counted] = now.buckets[i];
    const here = counted - (then.buckets[i]?.[1] ?? 0);
    if (here >= wanted && here > below) {
      return lower + (upper - lower) * Math.max(0, (wanted - below) / (here - below));
    }
    lower = upper;
    below = here;
  }
  return lower;
}
