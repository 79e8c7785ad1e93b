// cluster.js - who belongs to the cluster, what it is to be like, a backup, and what this node logs.

import { el, redraw, write, say, field } from "./dom.js";
import { send, sendText, open, explain } from "./api.js";
import { bytes, count, seconds } from "./format.js";
import { roleOf } from "./overview.js";
import { actionForm, curlLine, dialog } from "./dialog.js";

const LOG_LINES = 300;
const LOG_EVERY = 5;            // ticks: the log is asked for in the place of the figures
const LOG_REQUEST = { method: "GET", path: "v2/stats/log", query: { lines: LOG_LINES } };
const CONFIG = { method: "GET", path: "v2/admin/config" };
const CONFIG_TEXT = {
  activeSize: "Active size: how many members vote at most",
  removeDelay: "Remove delay, s: a member silent for longer is removed if others wait",
  syncInterval: "Sync interval, s: how often machines that stand by ask",
  maxKeyNames: "Names in a key", maxKeyBytes: "Bytes of a key", historyBytes: "Bytes of history", historyEvents: "Events of history",
};

class Cluster {
  constructor(main, app) {
    this.app = app;
    this.ticks = 0;
    this.members = el("tbody", {});
    this.backup = el("div", { class: "panel" });
    this.config = el("div", { class: "panel" });
    this.lines = el("pre", { class: "log", tabindex: "0", role: "log", "aria-label": "Log of this node", "aria-live": "off", id: "log" });
    this.filter = el("input", { id: "log-filter", type: "search", spellcheck: "false", input: () => this.showLog() });
    this.logState = el("span", { class: "note", role: "status" });
    const columns = ["Name", "Role", "Client", "Peer", "Applied", "Behind", "Round trip", app.readOnly ? null : "Do"].filter(Boolean);
    main.append(el("h1", { class: "unseen" }, "Cluster"),
      el("section", { "aria-labelledby": "who-h" }, el("h2", { id: "who-h" }, "Members"),
        el("div", { class: "wide", tabindex: "0", role: "region", "aria-labelledby": "who-h" }, el("table", { class: "stack" },
          el("thead", {}, el("tr", {}, columns.map((text) => el("th", { scope: "col", class: /Applied|Behind|Round/.test(text) ? "number" : null }, text)))),
          this.members)),
        app.readOnly ? el("p", { class: "note" }, "This page only shows (-ui read-only).") : this.addForm()),
      el("div", { class: "two" },
        el("section", { "aria-labelledby": "config-h" }, el("h2", { id: "config-h" }, "What the cluster is to be like"), this.config),
        el("section", { "aria-labelledby": "backup-h" }, el("h2", { id: "backup-h" }, "Backup"), this.backup)),
      el("section", { "aria-labelledby": "log-h" }, el("h2", { id: "log-h" }, "What this node logged"),
        el("div", { class: "tools" }, el("label", { for: "log-filter" }, "Only lines with "), this.filter, this.logState),
        this.lines, curlLine(LOG_REQUEST).element));
    this.offerBackup();
    if (app.node) this.tick(app.node);
    this.loadConfig();
    this.loadLog();
  }

  close() {
    this.downloading?.abort();
    if (this.file) URL.revokeObjectURL(this.file);
  }

  /* In the place of the request for the figures, now and then: one request a second is the most. */
  poll() {
    this.ticks++;
    if (this.ticks % LOG_EVERY || this.logRefused) return null;
    return this.loadLog();
  }

  // ---- members

  tick(node) {
    const shape = JSON.stringify([node.members.map((m) => [m.id, m.name, m.role, m.leader, m.self, m.active, m.clientURLs, m.peerURLs]), node.leader, node.state]);
    if (shape !== this.shape) {
      this.shape = shape;
      this.rows = node.members.map((member) => this.row(member));
      redraw(this.members, ...this.rows.map((row) => row.element));
    }
    node.members.forEach((member, i) => {
      const row = this.rows[i];
      write(row.applied, count(member.applied));
      write(row.behind, count(member.behind));
      write(row.trip, member.leader ? "-" : seconds(member.roundTripSeconds));
    });
  }

  row(member) {
    const name = member.name || member.id;
    const [applied, behind, trip] = ["Applied", "Behind", "Round trip"].map((label) => el("td", { class: "number", "data-label": label }));
    const role = member.active === false ? "silent" : roleOf(member, this.app.node);
    const element = el("tr", { class: member.active === false ? "alert" : null },
      el("th", { scope: "row" }, name, member.self ? el("span", { class: "tag quiet" }, "this node") : null),
      el("td", {}, el("span", { class: `tag ${member.leader ? "lead" : ""}` }, role)),
      el("td", { "data-label": "Client" }, (member.clientURLs ?? []).join(" ") || "-"), el("td", { "data-label": "Peer" }, (member.peerURLs ?? []).join(" ") || "-"), applied, behind, trip,
      this.app.readOnly ? null : el("td", {}, el("span", { class: "buttons" },
        !member.leader && member.role === "voter" ? this.leadGiver(member, name) : null,
        el("button", { type: "button", class: "small danger", "aria-label": `Remove ${name}`, click: () => this.remove(member, name) }, "Remove"))));
    return { element, applied, behind, trip };
  }

  // The lead is given by who has it: elsewhere there is the way to that node's page.
  leadGiver(member, name) {
    if (this.app.node.state === "leader") {
      return el("button", { type: "button", class: "small", "aria-label": `Give the lead to ${name}`,
        click: () => this.moveLead(member, name) }, "Give the lead");
    }
    const leader = this.app.node.members.find((one) => one.leader);
    return leader?.clientURLs?.length ? el("a", { href: `${leader.clientURLs[0]}/ui/#/cluster` }, `Give the lead at ${leader.name}`) : null;
  }

  addForm() {
    const url = el("input", { id: "add-url", placeholder: "http://10.0.0.4:7001", size: 30, autocomplete: "off", spellcheck: "false" });
    const told = el("p", { class: "note", role: "status", id: "add-said" });
    const form = actionForm({
      label: "Make a place", send,
      request: () => (url.value.trim() ? { method: "POST", path: "v2/members", json: { peerURLs: url.value.trim().split(/[\s,]+/) } } : null),
      fields: [field("Peer URL of the new machine", url), told],
      done: (member) => {
        url.value = "";
        form.follow();
        write(told, `There is a place (${member.id}). Start the machine now, with -peers naming a member: ./etcd -peer-addr ${
          member.peerURLs[0].replace(/^https?:\/\//, "")} -peers ${this.aPeer()} …`);
      },
    });
    form.id = "add-form";
    return el("details", { class: "panel", id: "add" }, el("summary", {}, "Add a member"), form);
  }

  aPeer() {
    const own = this.app.node?.members.find((member) => member.self);
    return (own?.peerURLs?.[0] ?? "HOST:PORT").replace(/^https?:\/\//, "");
  }

  moveLead(member, name) {
    dialog(`Give the lead to ${name}?`, (close) => actionForm({
      label: "Give the lead", send, cancel: close,
      request: () => ({ method: "POST", path: "v2/members/leader", json: { id: member.id } }),
      fields: [el("p", {}, `Writes wait for the moment that this takes. ${name} has to have all that the leader has; the node sees to that.`)],
      done: () => {
        close();
        say(`${name} leads`);
      },
    }));
  }

  remove(member, name) {
    const voters = (this.app.node?.members ?? []).filter((one) => one.role === "voter");
    const left = voters.length - (member.role === "voter" ? 1 : 0);
    dialog(`Remove ${name}?`, (close) => {
      const leads = this.app.node?.leader;
      const sure = el("input", { id: "sure", autocomplete: "off", spellcheck: "false" });
      const form = actionForm({
        label: "Remove for good", danger: true, send, cancel: close,
        request: () => (leads && sure.value.trim() === name ? { method: "DELETE", path: `v2/members/${encodeURIComponent(member.id)}` } : null),
        fields: [leads ? null : el("p", { class: "notice" }, "There is no leader, so nobody can be removed now: start the members that are down."),
          el("p", {}, member.role === "place" ? "It is a place that nobody has taken yet."
          : `The machine ends, and may join again with an empty data directory only. ${left} voters are left; ${Math.floor(left / 2) + 1} of them have to be there.`),
        field(`To be sure, type ${name}`, sure)],
        done: () => {
          close();
          say(`${name} was removed`);
        },
      });
      form.id = "remove-form";
      return form;
    });
  }

  // ---- what it is to be like

  async loadConfig() {
    let config;
    try {
      config = await send(CONFIG);
    } catch (error) {
      this.config.replaceChildren(el("p", { class: "wrong" }, explain(error)), el("p", { class: "buttons" },
        el("button", { type: "button", class: "quiet", click: () => (error.status === 401 ? this.app.again() : this.loadConfig()) }, error.status === 401 ? "Sign in" : "Try again")),
      curlLine(CONFIG).element);
      return;
    }
    const names = Object.keys(CONFIG_TEXT).filter((name) => name in config);
    if (this.app.readOnly) {
      this.config.replaceChildren(el("dl", { class: "facts" }, names.map((name) =>
        el("div", {}, el("dt", {}, CONFIG_TEXT[name]), el("dd", {}, count(config[name]))))));
      return;
    }
    const inputs = Object.fromEntries(names.map((name) => [name, el("input", { id: `config-${name}`, inputmode: "numeric", size: 12, value: String(config[name]) })]));
    const form = actionForm({
      label: "Change", send,
      request: () => {
        const changed = names.filter((name) => inputs[name].value.trim() !== String(config[name]));
        if (!changed.length || changed.some((name) => !/^\d+(\.\d+)?$/.test(inputs[name].value.trim()))) return null;
        return { method: "PUT", path: "v2/admin/config", json: Object.fromEntries(changed.map((name) => [name, Number(inputs[name].value)])) };
      },
      fields: [names.slice(0, 1).map((name) => field(CONFIG_TEXT[name], inputs[name])),
        el("details", {}, el("summary", {}, "All else"), names.slice(1).map((name) => field(CONFIG_TEXT[name], inputs[name])))],
      done: async () => {
        say("Changed");
        await this.loadConfig();
      },
    });
    form.id = "config-form";
    this.config.replaceChildren(form);
  }

  // ---- backup

  backupRequest() {
    return { method: "GET", path: "v2/admin/backup", file: `${this.app.node?.name ?? "moothall"}.backup` };
  }

  offerBackup(said) {
    this.backup.replaceChildren(el("p", {}, "All keys, users and members as this node has applied them, at one index, as a file, for root. Whoever has it can read every key."),
      said ?? "", el("p", { class: "buttons" }, el("button", { type: "button", class: "go", id: "backup", click: () => this.download() }, "Make a backup")),
      curlLine(this.backupRequest()).element);
  }

  async download() {
    this.downloading = new AbortController();
    const progress = el("progress", { "aria-label": "Backup" });
    const figure = el("span", { id: "backup-figure" }, "0 B");
    const expected = this.app.node?.disk?.dataBytes;
    this.backup.replaceChildren(el("p", { class: "progress" }, progress, " ", figure),
      el("p", { class: "buttons" }, el("button", { type: "button", class: "quiet", click: () => this.downloading.abort() }, "Cancel")));
    try {
      const response = await open(this.backupRequest(), this.downloading.signal);
      const reader = response.body.getReader();
      const parts = [];
      let read = 0;
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        parts.push(value);
        read += value.length;
        write(figure, expected ? `${bytes(read)} (the data on the disk is ${bytes(expected)})` : bytes(read));
      }
      this.keep(new Blob(parts, { type: "application/octet-stream" }), read, response.headers.get("X-Raft-Index"));
    } catch (error) {
      const text = error.name === "AbortError" ? "Cancelled." : error.status ? explain(error) : "It was cut off: what came is no backup.";
      this.offerBackup(el("p", { class: "wrong", role: "alert" }, text));
    }
  }

  keep(blob, size, index) {
    if (this.file) URL.revokeObjectURL(this.file);
    this.file = URL.createObjectURL(blob);
    const name = `${this.app.node?.name ?? "moothall"}-${index ?? "0"}.backup`;
    const link = el("a", { href: this.file, download: name }, name);
    this.offerBackup(el("p", { id: "backup-done", role: "status" }, "Done: ", link, `, ${bytes(size)}, raft index ${count(Number(index))}.`));
    link.click();
  }

  // ---- log

  async loadLog() {
    try {
      this.log = (await sendText(LOG_REQUEST)).split("\n").filter(Boolean);
      this.logRefused = false;
      this.showLog();
    } catch (error) {
      this.logRefused = error.status >= 400 && error.status < 500;
      this.logState.replaceChildren(explain(error), " ", el("button", { type: "button", class: "quiet small", click: () => (error.status === 401 ? this.app.again() : this.loadLog()) },
        error.status === 401 ? "Sign in" : "Try again"));
    }
  }

  showLog() {
    if (!this.log) return;
    const atEnd = this.lines.scrollTop + this.lines.clientHeight >= this.lines.scrollHeight - 4;
    const wanted = this.filter.value.toLowerCase();
    const shown = this.log.filter((line) => line.toLowerCase().includes(wanted));
    write(this.logState, `${count(shown.length)} of the newest ${count(this.log.length)} lines`);
    const last = shown.join("\n");
    if (last === this.lastLog) return;
    this.lastLog = last;
    this.lines.replaceChildren(...shown.map((line) => el("span", { class: level(line) }, `${line}\n`)));
    if (atEnd) this.lines.scrollTop = this.lines.scrollHeight;
  }
}

function level(line) {
  const found = / (error|crit|alert|emerg|warning|warn) /.exec(line.slice(0, 120));
  return found ? (found[1].startsWith("warn") ? "warn" : "bad") : "plain";
}

export function openCluster(main, app) {
  return new Cluster(main, app);
}
