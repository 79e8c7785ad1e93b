// app.js - the frame of the page: which view is open, and the one request a second.
//
// A view is made by its open function and has tick(node), called with each answer of
// /v2/stats/node, and close(). Others are as it needs them: move(path, raw) when the address changes
// within the view (path: its names; raw: as it stands there), second() once a second, poll() to ask something else in the place of the
// figures; unsaved() and forget() where something can be written. While the page is not to be seen nothing is asked.

import { el, write } from "./dom.js";
import { send } from "./api.js";
import { dialog } from "./dialog.js";
import { duration } from "./format.js";
import { Samples } from "./samples.js";
import { openOverview } from "./overview.js";
import { openKeys } from "./keys.js";
import { openLive } from "./live.js";
import { openCluster } from "./cluster.js";
import { openV3 } from "./v3.js";

const TICK_MS = 1000;
const ANSWER_MS = 1500;         // a node that says nothing for so long does not answer
const VIEWS = {
  overview: { open: openOverview, title: "Overview" },
  keys: { open: openKeys, title: "Keys" },
  v3: { open: openV3, title: "v3 keys" },
  live: { open: openLive, title: "Live" },
  cluster: { open: openCluster, title: "Cluster" },
};

class App {
  constructor() {
    this.main = document.getElementById("view");
    this.banner = document.getElementById("banner");
    this.here = document.getElementById("here");
    this.samples = new Samples();
    this.node = null;
    this.silentSince = null;
    this.asking = false;
  }

  async start() {
    this.main.replaceChildren(el("p", { class: "note" }, "Asking the node…"));
    await this.ask();
    window.addEventListener("hashchange", () => this.route());
    window.addEventListener("beforeunload", (event) => this.view?.unsaved?.() && event.preventDefault());
    document.addEventListener("visibilitychange", () => this.wake());
    this.route();
    this.wake();
  }

  get readOnly() {
    return this.node?.ui === "read-only";
  }

  /* Its program was made without. While it is not known it may have it. */
  get lacksV3() {
    return this.node !== null && this.node.v3 !== true;
  }

  go(hash) {
    if (location.hash === hash) this.route();
    else location.hash = hash;
  }

  // ---- views

  route() {
    const found = /^#\/(\w+)(\/.*)?$/.exec(location.hash);
    // The link that skips to the content is no page.
    if (location.hash === "#view") return;
    if (this.hash !== undefined && this.hash !== location.hash && this.view?.unsaved?.()) {
      const wanted = location.hash;
      history.replaceState(null, "", this.hash || "#/overview");
      this.askToLeave(() => this.go(wanted));
      return;
    }
    this.hash = location.hash;
    const name = found && VIEWS[found[1]] && !(found[1] === "v3" && this.lacksV3) ? found[1] : "overview";
    let path = "/";
    try {
      path = (found?.[2] ?? "/").split("/").map(decodeURIComponent).join("/");
    } catch {
      // No address of ours: the root is shown.
    }
    if (name !== this.name) {
      this.view?.close();
      this.name = name;
      this.main.replaceChildren();
      this.main.className = `view-${name}`;
      this.view = VIEWS[name].open(this.main, this);
      for (const link of document.querySelectorAll("nav a")) {
        if (link.id === `nav-${name}`) link.setAttribute("aria-current", "page");
        else link.removeAttribute("aria-current");
      }
    }
    this.view.move?.(path === "/" ? "/" : path.replace(/\/+$/, ""), found?.[2] ?? "/");
    this.title();
  }

  /* What was written and not saved is lost by leave(): only if that is meant. */
  askToLeave(leave) {
    dialog("Leave what is not saved?", (close) => [
      el("p", {}, "What you wrote here is not saved, and is lost if you leave it."),
      el("p", { class: "buttons" }, el("button", { type: "button", class: "danger", id: "leave", click: () => {
        close();
        this.view.forget();
        leave();
      } }, "Leave it"), el("button", { type: "button", class: "quiet", id: "stay", click: close }, "Go on writing"))]);
  }

  title() {
    document.title = `${this.trouble ? "! " : ""}${VIEWS[this.name]?.title ?? ""} - ${this.node?.name ?? "moothall"}`;
  }

  // ---- the one request a second

  wake() {
    clearInterval(this.timer);
    if (document.hidden) return;
    this.timer = setInterval(() => this.beat(), TICK_MS);
    if (this.view) this.beat();
  }

  beat() {
    this.view?.second?.();
    if (this.asking) return;
    const other = this.view?.poll?.();
    if (other) {
      this.asking = true;
      other.finally(() => { this.asking = false; });
    } else {
      this.ask();
    }
  }

  async ask() {
    this.asking = true;
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), ANSWER_MS);
    try {
      const node = await send({ method: "GET", path: "v2/stats/node" }, stop.signal);
      this.silentSince = null;
      const changed = this.node && this.node.ui !== node.ui;
      this.node = node;
      const gone = this.name === "v3" && this.lacksV3;
      this.samples.add(node);
      if (changed || gone) this.again();
      this.view?.tick(node);
    } catch (error) {
      if (error.status) {
        this.refusal = error.message;
      } else if (error.status === 0 || error.name === "AbortError") {
        this.silentSince ??= Date.now();
        this.refusal = null;
      } else {
        throw error;
      }
    } finally {
      clearTimeout(timer);
      this.asking = false;
      this.show();
    }
  }

  /* What may be done here is another thing now: the view is made anew. */
  again() {
    this.name = null;
    this.route();
  }

  // ---- what is wrong

  problems() {
    const { node } = this;
    if (this.silentSince !== null) {
      const others = (node?.members ?? []).filter((member) => !member.self).flatMap((member) =>
        (member.clientURLs ?? []).filter((url) => /^https?:/.test(url)).slice(0, 1).map((url) => [`${url}/ui/`, `Ask ${member.name}`]));
      return [{ severity: "error", runbook: "The processes",
        text: `${node?.name ?? "The node"} has not answered for ${duration((Date.now() - this.silentSince) / 1000)}. What is below is old. Look whether it runs; the page goes on by itself.`,
        links: others }];
    }
    if (this.refusal && !node) return [{ severity: "error", text: `This node does not give its figures: ${this.refusal}.` }];
    const list = [...(node?.problems ?? [])];
    if (node && !node.leader && !list.some((problem) => problem.kind === "no-leader")) {
      list.unshift({ severity: "error", runbook: "Backup, restore, a lost majority",
        text: "There is no leader, so nothing can be written: start the members that do not run, until a majority answers." });
    }
    return list;
  }

  show() {
    const problems = this.problems();
    this.trouble = problems.some((problem) => problem.severity === "error");
    const shown = JSON.stringify(problems);
    if (shown !== this.shown) {
      this.shown = shown;
      this.banner.replaceChildren(...problems.map((problem) => el("div", { class: `problem ${problem.severity === "warning" ? "warning" : "error"}` },
        el("p", {}, el("strong", {}, problem.text), problem.runbook ? el("span", { class: "runbook" }, ` docs/operations.md, “${problem.runbook}”`) : null,
          (problem.links ?? []).map(([url, text]) => [" ", el("a", { href: url }, text)])))));
    }
    const { node } = this;
    document.getElementById("nav-v3").hidden = node?.v3 !== true;
    this.main.classList.toggle("old", this.silentSince !== null && Boolean(node));
    this.here.replaceChildren(el("span", { class: this.silentSince !== null || !node ? "dot bad" : this.trouble ? "dot bad" : problems.length ? "dot warn" : "dot", "aria-hidden": "true" }),
      node ? el("b", {}, node.name) : "no answer", node ? ` ${this.silentSince !== null ? "silent" : node.state}` : "");
    this.title();
  }
}

new App().start();
