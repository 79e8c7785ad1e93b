// v3leases.js - the leases of v3, with what is left of them and the keys that hang on them.

import { el, redraw, say, field } from "./dom.js";
import { explain, send } from "./api.js";
import { actionForm, curlLine, dialog } from "./dialog.js";
import { shownOf } from "./bytes.js";
import { count, duration, plural } from "./format.js";
import { getLease, leaseName, leaseRequest, v3Request } from "./v3api.js";
import { box, facts, keyLink, leaseLink, leftOf } from "./v3parts.js";

const LEASES_AT_ONCE = 50;
const KEYS_BESIDE = 3;          // of a lease in the list
const KEYS_SHOWN = 200;
const LIST = v3Request("lease/leases");

function title(text) {
  return el("h2", { class: "path", id: "path" }, text);
}

export class LeasesPanel {
  constructor(view) {
    this.view = view;
    this.stop = new AbortController();
  }

  close() {
    this.stop.abort();
  }

  async load() {
    const { view } = this;
    try {
      const answer = await send(LIST, this.stop.signal);
      this.left = (answer.leases ?? []).map((lease) => lease.ID);
      this.build(this.left.length);
      await this.more();
    } catch (error) {
      if (error.name !== "AbortError") view.fault(error, title("Leases"), LIST, () => this.load());
    }
  }

  build(number) {
    const { view } = this;
    this.body = el("tbody", {});
    this.after = el("p", { class: "note" });
    // The table grows as they are told: nothing that is clicked on stands below it.
    view.detail.replaceChildren(title("Leases"), facts([["Leases", count(number)]]), view.app.readOnly ? "" : this.grantForm(),
      number ? el("div", { class: "wide leases", tabindex: "0", role: "region", "aria-label": "Leases" }, el("table", { class: "stack" },
        el("thead", {}, el("tr", {}, ["ID", "Left", "Granted", "Keys"].map((text) => el("th", { scope: "col" }, text)))), this.body)) : "",
      this.after, curlLine(LIST).element);
    if (!number) this.after.append("There are no leases.");
  }

  /* One after the other: each is a request. */
  async more() {
    this.after.replaceChildren(...this.left.length ? ["Asking…"] : this.body.children.length ? [] : ["There are no leases."]);
    for (const lease of this.left.splice(0, LEASES_AT_ONCE)) this.body.append(this.row(await getLease(lease, true, this.stop.signal)));
    if (!this.left.length) {
      if (this.body.children.length) this.after.replaceChildren();
      return;
    }
    this.after.replaceChildren(el("button", { type: "button", class: "quiet small", id: "more", click: async () => {
      try {
        await this.more();
      } catch (error) {
        if (error.name !== "AbortError") this.after.replaceChildren(explain(error));
      }
    } }, `${LEASES_AT_ONCE} more of ${count(this.left.length)}`));
  }

  row(lease) {
    const keys = lease.keys.slice(0, KEYS_BESIDE).map((key, i) => [i ? ", " : " ", el("a", { href: keyLink(key) }, shownOf(key))]);
    return el("tr", {}, el("th", { scope: "row", class: "id" }, el("a", { href: leaseLink(lease.lease) }, leaseName(lease.lease))),
      el("td", { "data-label": "Left" }, leftOf(lease)), el("td", { "data-label": "Granted" }, duration(lease.granted)),
      el("td", { class: "wrap", "data-label": "Keys" }, el("span", {}, count(lease.keys.length), lease.keys.length ? ":" : "", keys, lease.keys.length > KEYS_BESIDE ? ", …" : "")));
  }

  grantForm() {
    const ttl = el("input", { id: "grant-ttl", inputmode: "numeric", size: 10, placeholder: "seconds" });
    const form = actionForm({
      label: "Grant", send, fields: [field("How long it lasts without being renewed, s", ttl)],
      request: () => (/^[1-9]\d{0,9}$/.test(ttl.value.trim()) ? v3Request("lease/grant", { TTL: ttl.value.trim() }) : null),
      done: (answer) => {
        say(`Lease ${leaseName(answer.ID)} was granted`);
        this.view.app.go(leaseLink(answer.ID));
      },
    });
    form.id = "grant-form";
    return el("details", { class: "panel", id: "grant" }, el("summary", {}, "Grant a lease"), form);
  }
}

export class LeasePanel {
  constructor(view, lease) {
    Object.assign(this, { view, lease });
    this.stop = new AbortController();
  }

  close() {
    this.stop.abort();
  }

  /* Somebody may renew it, and keys come and go. */
  poll() {
    return this.told && this.told.ends !== null ? this.load() : null;
  }

  async load() {
    try {
      const told = await getLease(this.lease, true, this.stop.signal);
      const shape = JSON.stringify([told.ends === null, told.granted, told.keys]);
      this.told = told;
      if (shape === this.shape) this.time.replaceChildren(leftOf(told));
      else this.show();
      this.shape = shape;
    } catch (error) {
      if (error.name === "AbortError") return;
      this.shape = null;
      this.told = null;
      this.view.fault(error, title(`Lease ${leaseName(this.lease)}`), leaseRequest(this.lease, true), () => this.load());
    }
  }

  show() {
    const { told, view } = this;
    const gone = told.ends === null;
    this.time = el("dd", {}, leftOf(told));
    const buttons = view.app.readOnly || gone ? [] : [el("button", { type: "button", class: "go", id: "renew", click: () => this.renew() }, "Renew"),
      el("button", { type: "button", class: "danger", id: "revoke", click: () => this.revoke() }, "Revoke")];
    this.wrong = el("p", { class: "wrong", role: "alert" });
    redraw(view.detail, title(`Lease ${leaseName(this.lease)}`),
      gone ? el("p", { class: "wrong" }, "There is no such lease: it ended, or never was.")
        : facts([["Left", this.time], ["Granted", duration(told.granted)], ["Keys", count(told.keys.length)], ["As a number", this.lease]]),
      ...buttons.length ? [el("p", { class: "buttons" }, buttons)] : [], this.wrong,
      box(el("ul", { class: "contents" }, told.keys.slice(0, KEYS_SHOWN).map((key) => el("li", {}, el("a", { href: keyLink(key) }, shownOf(key)))))),
      told.keys.length > KEYS_SHOWN ? el("p", { class: "note" }, `and ${count(told.keys.length - KEYS_SHOWN)} more`) : "",
      gone || told.keys.length ? "" : el("p", { class: "note" }, "No key hangs on it."),
      curlLine(leaseRequest(this.lease, true)).element);
  }

  async renew() {
    try {
      const { result } = await send(v3Request("lease/keepalive", { ID: this.lease }), this.stop.signal);
      say(result?.TTL ? `Renewed for ${duration(Number(result.TTL))}` : "It is not there any more");
      await this.load();
    } catch (error) {
      if (error.name !== "AbortError") this.wrong.textContent = explain(error);
    }
  }

  revoke() {
    const { told, view } = this;
    dialog(`Revoke ${leaseName(this.lease)}?`, (close) => {
      const form = actionForm({
        label: "Revoke", danger: true, send, cancel: close, request: () => v3Request("lease/revoke", { ID: this.lease }),
        fields: [el("p", { id: "delete-what" }, told.keys.length ? `${plural(told.keys.length, "key")} ${told.keys.length === 1 ? "hangs" : "hang"} on it, and what is put on it until then: all go with it.`
          : "No key hangs on it.")],
        done: async () => {
          close();
          say("Revoked");
          await view.tree.refresh();
          view.app.go("#/v3/:leases");
        },
      });
      form.id = "revoke-form";
      return form;
    });
  }
}
