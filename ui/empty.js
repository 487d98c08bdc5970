// What stands in an empty list: why it is empty, and what to do.

import { byId, button, make } from "./dom.js";
import { BACKLOG_FILTERED } from "./limits.js";
import { count } from "./text.js";

/** What was drawn last; it is drawn anew only when it changes. */
let drawn = null;

/** Draws it for this choice of events. `clear` takes the choice away. */
export function drawEmpty(isEmpty, { filter, tags }, clear) {
  const empty = byId("empty");
  empty.hidden = !isEmpty;
  const choice = JSON.stringify([filter, tags]);
  if (!isEmpty || drawn === choice) return;
  drawn = choice;
  empty.replaceChildren(...(filter || tags.length ? nothingMatches(clear) : nothingYet()));
}

const nothingMatches = (clear) => [
  make("h2", {}, "Nothing matches yet"),
  make("p", {}, `None of the last ${count(BACKLOG_FILTERED)} events does. What comes and matches is shown here.`),
  button("Show everything", clear, { class: "primary" }),
];

const nothingYet = () => [
  make("div", { class: "waves", "aria-hidden": "true" }, make("i", {}), make("i", {}), make("i", {})),
  make("h2", {}, "Waiting for events"),
  make("p", {}, "What is sent to this stream is shown here as it comes. To try it:"),
  make("pre", {}, `curl -X POST -d 'json={"action":"login","user":6}' http://${location.hostname}:8888/foo/bar`),
];
