// The token: asked for when the server wants one, kept for this tab, and in no address and no log.

import { byId } from "./dom.js";
import { takeToken } from "./address.js";

/** One for each stream of the host. */
const KEY = `fluentcast-token ${location.pathname}`;

export class Token {
  /** `on`: `{ given() }`. */
  constructor(on) {
    this.on = on;
    this.dialog = byId("token-dialog");
    const { token, url } = takeToken(location.href);
    if (token !== null) {
      history.replaceState(null, "", url);
      this.value = token;
    }
    byId("token-form").addEventListener("submit", () => {
      this.value = byId("token").value;
      byId("token").value = "";
      this.on.given();
    });
    // Without one there is nothing to see: it stays.
    this.dialog.addEventListener("cancel", (event) => event.preventDefault());
  }

  get value() {
    try {
      return sessionStorage.getItem(KEY) ?? undefined;
    } catch {
      return this.kept;
    }
  }

  set value(token) {
    this.kept = token;
    try {
      if (token === undefined) sessionStorage.removeItem(KEY);
      else sessionStorage.setItem(KEY, token);
    } catch {
      // Storage can be forbidden; then it is kept as long as the page.
    }
  }

  /** Asks for one: the server refused, with or without one. */
  ask() {
    byId("token-wrong").hidden = this.value === undefined;
    this.value = undefined;
    if (!this.dialog.open) this.dialog.showModal();
  }
}
