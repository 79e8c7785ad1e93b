// dialog.js - forms of what changes something. Each shows the line for a terminal that does the same,
// and says what went wrong where the button is.

import { el, copy, say } from "./dom.js";
import { curl, explain } from "./api.js";

/* The curl line of a request, with a button that copies it. update(request) writes it anew. */
export function curlLine(request) {
  const code = el("code", {}, curl(request));
  const button = el("button", { type: "button", class: "quiet small", "aria-label": "Copy the curl line", click: async () => {
    const done = await copy(code.textContent, code);
    button.textContent = done ? "Copied" : "Select it";
    say(done ? "Copied" : "It could not be copied");
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  } }, "Copy");
  const element = el("div", { class: "curl" }, code, button);
  return { element, update: (other) => { code.textContent = curl(other); } };
}

/*
 * A form whose request follows from its fields.
 *
 * request(): what is sent, or null while the fields do not say; its curl line is shown
 * done(answer): after it succeeded
 * failed(error, request): true if the error was dealt with; it may throw one that says more
 */
export function actionForm({ label, danger, fields, request, send, done, failed, cancel }) {
  const line = el("div", {});
  const wrong = el("p", { class: "wrong", role: "alert" });
  const go = el("button", { type: "submit", class: danger ? "danger" : "go" }, label);
  let shown = null;
  const follow = () => {
    const wanted = request();
    go.disabled = wanted === null;
    if (wanted === null) return line.replaceChildren();
    if (shown) shown.update(wanted);
    else shown = curlLine(wanted);
    line.replaceChildren(shown.element);
  };
  const form = el("form", { class: "action", input: follow, change: follow, submit: async (event) => {
    event.preventDefault();
    const wanted = request();
    if (wanted === null || go.disabled) return;
    go.disabled = true;
    wrong.textContent = "";
    try {
      const answer = await send(wanted);
      await done(answer);
    } catch (error) {
      try {
        if (!(failed && await failed(error, wanted))) wrong.textContent = explain(error);
      } catch (better) {
        wrong.textContent = explain(better);
      }
    } finally {
      go.disabled = request() === null;
    }
  } }, fields, wrong, el("p", { class: "buttons" }, go,
    cancel ? el("button", { type: "button", class: "quiet", click: cancel }, "Cancel") : null), line);
  follow();
  form.follow = follow;
  return form;
}

/* Asks in a window of the page's own. build(close) returns its content. */
export function dialog(title, build) {
  const before = document.activeElement;
  const box = el("dialog", { "aria-label": title });
  const close = () => box.close();
  box.append(el("h2", {}, title), ...[build(close)].flat());
  box.addEventListener("close", () => {
    box.remove();
    before?.focus?.();
  });
  document.body.append(box);
  box.showModal();
  // What is asked first is typed; where there is nothing to type, Enter changes nothing.
  (box.querySelector("input, select, textarea") ?? box.querySelector("button.quiet:not(.small)"))?.focus({ focusVisible: true });
  return box;
}
