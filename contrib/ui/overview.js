// overview.js - who leads, how the members are, and the charts of the last 15 minutes.

import { el, write } from "./dom.js";
import { bytes, count, duration, plural, rate, seconds } from "./format.js";
import { Chart } from "./charts.js";

const sum = (sample) => (sample.read === null || sample.read === undefined ? null : sample.read + sample.write + sample.watch + sample.other);

function charts() {
  const perSecond = (n) => rate(n);
  return [
    new Chart({ title: "Requests a second", format: perSecond, series: [
      { name: "reads", get: (s) => s.read }, { name: "writes", get: (s) => s.write },
      { name: "watches", get: (s) => s.watch }, { name: "other", get: (s) => s.other },
      { name: "failed", get: (s) => s.failed }] }),
    new Chart({ title: "Write latency", hint: "of the last 10 s", format: seconds, least: 0.001, series: [
      { name: "p50", get: (s) => s.writeP50 }, { name: "p99", get: (s) => s.writeP99 }] }),
    new Chart({ title: "Read latency", hint: "of the last 10 s", format: seconds, least: 0.001, series: [
      { name: "p50", get: (s) => s.readP50 }, { name: "p99", get: (s) => s.readP99 }] }),
    new Chart({ title: "Disk syncs a second", format: perSecond, series: [{ name: "syncs", get: (s) => s.syncs }] }),
    new Chart({ title: "Watchers and connections", format: rate, least: 10, series: [
      { name: "watchers", get: (s) => s.watchers }, { name: "connections", get: (s) => s.connections }] }),
    new Chart({ title: "Memory by process", format: bytes, base: 2, series: (latest) =>
      Object.keys(latest.memory).map((name) => ({ name, get: (s) => s.memory?.[name] })) }),
  ];
}

/* A list of terms with what they are; the figures stay the same elements, so that they can be written. */
function facts(names) {
  const values = Object.fromEntries(names.map((name) => [name, el("dd", {}, "-")]));
  return { element: el("dl", { class: "facts" }, names.map((name) => el("div", {}, el("dt", {}, name), values[name]))), values };
}

function urls(dd, list, link) {
  const shown = list.join(" ");
  if (dd.dataset.shown === shown) return;
  dd.dataset.shown = shown;
  dd.replaceChildren(...(list.length ? list : ["-"]).map((url) =>
    link && /^https?:/.test(url) ? el("a", { href: `${url}/ui/`, rel: "noreferrer" }, url) : el("span", {}, url)));
}

const CARD = ["Client", "Peer", "Version", "Applied", "Behind", "Round trip", "Disk sync p99", "Restarts", "Certificates"];

/* What a member is: of this node its state, of another one as far as its role says. */
export function roleOf(member, node) {
  if (member.leader) return "leader";
  if (member.role !== "voter") return member.role;
  return member.self ? node.state : "follower";
}

class Card {
  constructor() {
    this.name = el("h3", {});
    this.role = el("span", { class: "tag" });
    this.self = el("span", { class: "tag quiet", hidden: true }, "this node");
    this.facts = facts(CARD);
    this.element = el("article", { class: "card" }, el("header", {}, this.name, this.role, this.self), this.facts.element);
  }

  update(member, node, samples) {
    const value = this.facts.values;
    write(this.name, member.name || "(not there yet)");
    const gone = member.active === false;
    write(this.role, gone ? "silent" : roleOf(member, node));
    this.element.classList.toggle("leads", member.leader && !gone);
    this.element.classList.toggle("gone", gone);
    this.self.hidden = !member.self;
    urls(value.Client, member.clientURLs ?? [], !member.self);
    urls(value.Peer, member.peerURLs ?? [], false);
    write(value.Version, member.version || "-");
    write(value.Applied, count(member.applied));
    write(value.Behind, member.behind === null || member.behind === undefined ? "-" : member.behind === 0 ? "0, up to date" : plural(member.behind, "entry", "entries"));
    write(value["Round trip"], member.leader ? "-" : seconds(member.roundTripSeconds));
    write(value["Disk sync p99"], seconds(samples.syncP99(member)));
    write(value.Restarts, member.self ? restarts(node.processes, "name", "restarts") : restarts(member.restarts, "process", "count"));
    write(value.Certificates, certificates(member.certificates));
  }
}

/* Of this node each process has its own, of others each kind of them. */
function restarts(list, name, number) {
  if (!list) return "-";
  return list.filter((one) => one[number] > 0).map((one) => `${one[name]}: ${count(one[number])}`).join(", ") || "none";
}

function certificates(list) {
  if (!list) return "-";
  return list.map((one) => `${one.name}: ${one.daysLeft} d left`).join(", ") || "none";
}

class Overview {
  constructor(main, app) {
    this.app = app;
    this.cards = new Map();
    this.lead = el("h1", { class: "lead" }, "Asking the node…");
    this.since = el("p", { class: "since" });
    this.figures = facts(["Requests/s", "Writes p99", "Keys, directories", "Store index", "Watchers", "Disk free"]);
    this.figures.element.className = "figures";
    this.members = el("div", { class: "cards" });
    this.charts = charts();
    this.processes = el("tbody", {});
    main.append(
      el("section", { class: "headline", "aria-label": "State of the cluster" }, this.lead, this.since, this.figures.element),
      el("section", { "aria-labelledby": "members-h" }, el("h2", { id: "members-h" }, "Members"), this.members,
        el("p", { class: "note" }, "“-” is what this node does not know: of a silent member, or because there was nothing to measure. Only the leader measures round trips.")),
      el("section", { "aria-labelledby": "charts-h" },
        el("h2", { id: "charts-h" }, "The last 15 minutes of this node"),
        el("p", { class: "note" }, "▲ election   ● restart   ◆ change of members. The lines begin when the page is opened; point at a chart, or use the arrow keys on it, for figures."),
        el("div", { class: "charts" }, this.charts.map((chart) => chart.element))),
      el("section", { "aria-labelledby": "processes-h" }, el("h2", { id: "processes-h" }, "Processes of this node"),
        el("div", { class: "wide", tabindex: "0", role: "region", "aria-labelledby": "processes-h" },
          el("table", {}, el("thead", {}, el("tr", {}, ["Process", "PID", "Up for", "Processor", "Memory", "Restarts"].map((text, i) =>
            el("th", { scope: "col", class: i ? "number" : null }, text)))), this.processes))));
    if (app.node) this.tick(app.node);
  }

  tick(node) {
    const { samples } = this.app;
    const now = Date.parse(node.now);
    const leader = node.members.find((member) => member.id === node.leader && node.leader);
    this.lead.replaceChildren(...(leader ? [el("strong", {}, leader.name), " leads"] : [el("strong", {}, "Nobody"), " leads"]));
    this.lead.classList.toggle("bad", !leader);
    const voters = node.members.filter((member) => member.role === "voter");
    const silent = voters.filter((member) => member.active === false);
    const since = leader && node.leaderSince ? `for ${duration((now - Date.parse(node.leaderSince)) / 1000)}, since ${new Date(node.leaderSince).toLocaleTimeString()}; ` : "";
    write(this.since, `${since}term ${count(node.term)}; ${voters.length === 1 ? "one voter" : `${voters.length} voters`}` +
      `${silent.length ? `, ${silent.length} silent` : ""}; this is ${node.name}, ${node.state}`);
    const latest = samples.latest ?? {};
    const value = this.figures.values;
    write(value["Requests/s"], rate(sum(latest)));
    write(value["Writes p99"], seconds(latest.writeP99));
    write(value["Keys, directories"], count(node.keys));
    write(value["Store index"], count(node.storeIndex));
    write(value.Watchers, count(node.watchers));
    write(value["Disk free"], bytes(node.disk?.freeBytes));
    this.showMembers(node, samples);
    this.showProcesses(node, latest, now);
    for (const chart of this.charts) chart.update(samples);
  }

  showMembers(node, samples) {
    for (const [id, card] of this.cards) {
      if (node.members.some((member) => member.id === id)) continue;
      card.element.remove();
      this.cards.delete(id);
    }
    for (const member of node.members) {
      let card = this.cards.get(member.id);
      if (!card) {
        card = new Card();
        this.cards.set(member.id, card);
        this.members.append(card.element);
      }
      card.update(member, node, samples);
    }
  }

  showProcesses(node, latest, now) {
    const list = node.processes ?? [];
    while (this.processes.children.length > list.length) this.processes.lastChild.remove();
    list.forEach((process, i) => {
      const row = this.processes.children[i] ?? this.processes.appendChild(el("tr", {},
        el("th", { scope: "row" }), [1, 2, 3, 4, 5].map(() => el("td", { class: "number" }))));
      const cpu = latest.cpu?.[process.name];
      [process.name, process.pid, duration((now - Date.parse(process.startTime)) / 1000),
        cpu === null || cpu === undefined ? "-" : `${(cpu * 100).toFixed(1)} %`, bytes(process.residentBytes),
        count(process.restarts)].forEach((text, column) => write(row.children[column], text));
      row.classList.toggle("alert", process.restarts > 0);
    });
  }

  close() {
    for (const chart of this.charts) chart.close();
  }
}

export function openOverview(main, app) {
  return new Overview(main, app);
}
