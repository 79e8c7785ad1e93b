// format.js - figures as people read them. "-" stands for what the node cannot know.

const exact = new Intl.NumberFormat("en");

export function count(n) {
  return n === null || n === undefined ? "-" : exact.format(n);
}

/* Three figures that count: 0.25, 3.14, 87.2, 1,250. */
export function rate(n) {
  if (n === null || n === undefined) return "-";
  if (n >= 100 || n === 0) return exact.format(Math.round(n));
  return n >= 10 ? n.toFixed(1) : n.toFixed(2);
}

export function bytes(n) {
  if (n === null || n === undefined) return "-";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (n >= 1024 && unit < units.length - 1) {
    n /= 1024;
    unit++;
  }
  return `${unit === 0 || n >= 100 ? Math.round(n) : n.toFixed(1)} ${units[unit]}`;
}

export function seconds(s) {
  if (s === null || s === undefined) return "-";
  if (s === 0) return "0";
  if (s < 0.001) return `${Math.round(s * 1e6)} µs`;
  if (s < 1) return `${(s * 1000).toFixed(s < 0.01 ? 2 : s < 0.1 ? 1 : 0)} ms`;
  return `${s.toFixed(2)} s`;
}

/* How long something takes or has been: two units at most. */
export function duration(s) {
  if (s === null || s === undefined || Number.isNaN(s)) return "-";
  s = Math.max(0, Math.floor(s));
  const parts = [[Math.floor(s / 86400), "d"], [Math.floor(s / 3600) % 24, "h"], [Math.floor(s / 60) % 60, "min"],
    [s % 60, "s"]];
  const first = parts.findIndex(([n]) => n > 0);
  if (first < 0) return "0 s";
  return parts.slice(first, first + 2).filter(([n], i) => i === 0 || n > 0).map(([n, unit]) => `${n} ${unit}`).join(" ");
}

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

export function time(ms) {
  return clock.format(ms);
}

export function plural(n, one, many = `${one}s`) {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/* The beginning of a text on one line, for a row. */
export function brief(text, length = 160) {
  const line = text.slice(0, length).replace(/[\u0000-\u001f\u007f]+/g, " ");
  return text.length > length ? `${line}…` : line;
}
