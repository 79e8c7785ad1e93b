// v3.js - the page of the keys of v3: a tree, and beside it what is chosen: a key (v3key.js), a prefix
// (v3prefix.js), or leases (v3leases.js). Behind #/v3/ of an address stands
//
//      KEY             as bytes.js writes it
//      PREFIX*         what begins so; with nothing before the "*": all
//      :leases         and :lease/ID, with its 16 digits
//
// A panel is what is beside the tree: load(), close(), and as it needs them second(), poll(), unsaved(),
// forget(). The one stream of this page is the panel's.

import { el, write, say, field } from "./dom.js";
import { explain, send, signAs, signedIn, TooLarge } from "./api.js";
import { actionForm, curlLine, dialog } from "./dialog.js";
import { left } from "./tree.js";
import { bytesOf, bytesOfAddress } from "./bytes.js";
import { getEntry, leaseOfName, v3Request } from "./v3api.js";
import { KeyPanel, NewKeyPanel } from "./v3key.js";
import { LeasePanel, LeasesPanel } from "./v3leases.js";
import { directoryOf, keyLink, prefixLink } from "./v3parts.js";
import { PrefixPanel } from "./v3prefix.js";
import { V3Tree } from "./v3tree.js";

const POLL_EVERY = 5;           // ticks: a lease is asked for in the place of the figures
const STAY_EVERY = 120;         // and so often is asked what any user may, while there is one: a token
                                // is forgotten when it is not used for five minutes
const MEMBERS = v3Request("cluster/member/list");

function wantsUser(error) {
  return /user name is empty|permission denied|invalid auth token/.test(error.message);
}

class V3 {
  constructor(main, app) {
    this.app = app;
    this.ticks = 0;
    this.tree = new V3Tree((key) => app.go(`#/v3/${key}`));
    this.detail = el("section", { class: "detail", "aria-label": "What is chosen", id: "detail" });
    this.search = el("input", { type: "search", id: "search", placeholder: "a key, or how keys begin", autocomplete: "off", spellcheck: "false" });
    this.user = el("span", { class: "user", id: "user" });
    main.append(el("h1", { class: "unseen" }, "v3 keys"), el("div", { class: "keys" },
      el("section", { class: "side", "aria-label": "Tree" },
        el("form", { class: "search", role: "search", submit: (event) => {
          event.preventDefault();
          this.lookFor(this.search.value);
        } }, el("label", { for: "search", class: "unseen" }, "Go to a key, or to all that begin so"), this.search, el("button", { type: "submit" }, "Go")),
        el("div", { class: "tools" },
          el("a", { class: "button quiet small", href: "#/v3/:leases", id: "leases" }, "Leases"),
          el("button", { type: "button", class: "quiet small", click: () => this.refresh() }, "Reload"),
          app.readOnly ? null : el("button", { type: "button", class: "quiet small", id: "new-key", click: () => this.create() }, "New key"),
          this.user),
        this.tree.element),
      this.detail));
    this.showUser();
  }

  tick() {}

  second() {
    for (const node of this.detail.querySelectorAll("[data-expires]")) write(node, left(Number(node.dataset.expires)));
    this.showUser();
    this.panel?.second?.();
  }

  poll() {
    this.ticks++;
    if (signedIn() && this.ticks % STAY_EVERY === 0) return send(MEMBERS).catch(() => {});
    return this.ticks % POLL_EVERY ? null : this.panel?.poll?.();
  }

  close() {
    this.panel?.close();
    this.tree.close();
    this.searching?.abort();
  }

  unsaved() {
    return this.panel?.unsaved?.();
  }

  forget() {
    this.panel?.forget?.();
  }

  async move(path, raw) {
    const place = raw.slice(1);
    const lease = /^:lease\/(.*)$/.exec(place);
    if (place === ":leases") return this.show(new LeasesPanel(this), this.root());
    if (lease && leaseOfName(lease[1])) return this.show(new LeasePanel(this, leaseOfName(lease[1])), this.root());
    const prefix = place === "" || place.endsWith("*");
    const bytes = bytesOfAddress(prefix ? place.slice(0, -1) : place);
    // Chosen in the tree, it is there already; by a link or the search it has to be reached.
    const there = this.tree.selected === place && this.tree.isReached();
    await this.show(prefix ? new PrefixPanel(this, bytes) : new KeyPanel(this, bytes), there ? null : this.tree.reach(bytes, prefix));
  }

  async root() {
    this.tree.selected = "";
    this.tree.flatten();
    if (!this.tree.root.children) await this.tree.load(this.tree.root);
  }

  async show(panel, reached) {
    this.panel?.close();
    this.panel = panel;
    await Promise.all([reached, panel.load()]);
  }

  async refresh() {
    await Promise.all([this.tree.refresh(), this.panel?.unsaved?.() ? null : this.panel?.load()]);
    say("Read again");
  }

  create(begin) {
    const there = this.panel?.key ?? this.panel?.prefix ?? "";
    const panel = new NewKeyPanel(this, begin ?? (this.panel?.prefix === undefined ? directoryOf(there) : there));
    this.panel?.close();
    this.panel = panel;
    panel.load();
  }

  /* What went wrong, in the place of what was to be seen. */
  fault(error, head, request, again) {
    // Of /v2 the user is asked for by the browser, when it asks again.
    const user = wantsUser(error);
    const ask = user ? () => this.signIn() : error.status === 401 ? again : null;
    this.detail.replaceChildren(head, el("p", { class: error.status === 401 || user ? "wrong signin" : "wrong", role: "alert" },
      error instanceof TooLarge ? `${error.message}: it is not shown here.` : explain(error)),
    el("p", { class: "buttons" },
      ask ? el("button", { type: "button", class: "go", id: "sign-in", click: () => ask() }, "Sign in") : null,
      el("button", { type: "button", class: "quiet", click: again }, "Try again")), curlLine(request).element);
  }

  // ---- who asks

  showUser() {
    const user = signedIn();
    if (this.shownUser === user) return;
    this.shownUser = user;
    this.user.replaceChildren(...user ? [`${user.name} `, el("button", { type: "button", class: "quiet small", id: "sign-out", click: () => this.signedAs(null) }, "Sign out")] : []);
  }

  async signedAs(user) {
    signAs(user);
    this.showUser();
    say(user ? `You are ${user.name}` : "Signed out");
    await this.refresh();
  }

  signIn() {
    dialog("Sign in as a user of v3", (close) => {
      const name = el("input", { id: "user-name", autocomplete: "username", spellcheck: "false" });
      const password = el("input", { id: "user-password", type: "password", autocomplete: "current-password" });
      const form = actionForm({
        label: "Sign in", send, cancel: close,
        request: () => (name.value === "" ? null : { ...v3Request("auth/authenticate", { name: name.value, password: password.value }),
          shown: { name: name.value, password: "PASSWORD" }, open: true }),
        fields: [field("User", name), field("Password", password),
          el("p", { class: "note" }, "The password is sent once. The token that comes of it is kept in this window only, until it is left or loaded again.")],
        done: async (answer) => {
          close();
          await this.signedAs({ name: name.value, token: answer.token });
        },
      });
      form.id = "sign-in-form";
      return form;
    });
  }

  // ---- searching

  async lookFor(text) {
    const bytes = bytesOf(text);
    if (text === "" || text.endsWith("/")) return this.app.go(prefixLink(bytes));
    if (text.endsWith("*")) return this.app.go(prefixLink(bytes.slice(0, -1)));
    this.searching?.abort();
    this.searching = new AbortController();
    try {
      const { entry } = await getEntry(bytes, { keys_only: true }, this.searching.signal);
      this.app.go(entry === null ? prefixLink(bytes) : keyLink(bytes));
    } catch (error) {
      // Why it cannot be read is said there.
      if (error.name !== "AbortError") this.app.go(keyLink(bytes));
    }
  }
}

export function openV3(main, app) {
  return new V3(main, app);
}
