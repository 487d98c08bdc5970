// What is going on, said honestly: the pill of the connection above, and figures below.

import { byId, make, setText } from "./dom.js";
import { BYTES_MAX, ROWS_MAX } from "./limits.js";
import { bytes, count, duration, plural, rate, short } from "./text.js";

/** Seconds by which an event may be late before that is worth a colour. */
const LAG_NOTABLE = 2;

export class StateBar {
  #figures = new Map();

  constructor() {
    const figure = (name, title, isButton = false) => {
      const value = make("b", {});
      const element = make(isButton ? "button" : "span", { class: "figure", id: `figure-${name}`, title, ...(isButton && { type: "button" }) }, value, " ");
      const label = make("span", {});
      element.append(label);
      this.#figures.set(name, { element, value, label });
      return element;
    };
    byId("status").append(
      figure("rate", "Events that came in a second, over the last three"),
      figure("lag", "From an event's own time until it is shown here; clocks that differ show in it"),
      figure("kept", `Rows on this page. At most ${count(ROWS_MAX)}, and ${bytes(BYTES_MAX)}`),
      figure("received", "Events that this page received"),
      make("span", { class: "spacer" }),
      figure("held", "Came while you are reading and did not fit; fetched when you resume"),
      figure("sampled", "The page cannot take all: it asked the server for so many, evenly chosen"),
      figure("left-out", "Events that the server left out, as this page asked it to. Press to go to where that began", true),
      figure("gaps", "Places where events are missing; they are rows of the list. Press to go to the last one ([ and ])", true),
      figure("version", "The server"),
    );
  }

  #put(name, value, label, isNotable = false) {
    const { element, value: number, label: text } = this.#figures.get(name);
    element.hidden = value === null;
    element.classList.toggle("notable", isNotable);
    setText(number, value ?? "");
    setText(text, label ?? "");
  }

  /** Shows figures: `{ stream, store, lag, gaps, hello }`. */
  draw({ stream, store, lag, gaps, hello }) {
    this.#put("rate", rate(stream.rate), "events/s");
    this.#put("lag", lag === null ? null : duration(lag), "lag", lag !== null && lag > LAG_NOTABLE);
    const isFull = store.held !== null;
    this.#put("kept", count(store.events), `${store.events === 1 ? "row" : "rows"} of ${short(ROWS_MAX)} · ${bytes(store.bytes)} of ${bytes(BYTES_MAX)}`, isFull);
    this.#put("received", short(stream.received), "received");
    this.#put("held", store.held ? short(store.held.events) : null, "wait in the history", true);
    this.#put("sampled", stream.maxRate === null ? null : `≤ ${short(stream.maxRate)}/s`, "sampled", true);
    this.#put("left-out", stream.leftOut ? short(stream.leftOut) : null, "left out", true);
    this.#put("gaps", gaps ? String(gaps) : null, gaps === 1 ? "gap" : "gaps", true);
    this.#put("version", hello ? "" : null, hello ? `Fluentcast ${hello.version}` : "");
  }

  /** The pill: what the connection does, and whether somebody reads. */
  drawState(state, isReading) {
    const [name, text] = told(state, isReading);
    const pill = byId("state");
    pill.dataset.state = name;
    setText(byId("state-text"), text);
    pill.title = { live: "Pause (space)", paused: "Resume (End)", waiting: "Try now" }[name] ?? "";
  }
}

function told(state, isReading) {
  switch (state.name) {
    case "connected":
      if (isReading) return ["paused", "Paused"];
      return ["live", state.transport === "sse" ? "Live (by HTTP)" : "Live"];
    case "connecting":
      return ["connecting", state.attempt ? "Reconnecting…" : "Connecting…"];
    case "waiting": {
      const seconds = Math.max(0, Math.ceil((state.retryAt - Date.now()) / 1000));
      return ["waiting", Number.isNaN(seconds) ? "Waiting" : `Reconnecting in ${seconds} s`];
    }
    default:
      return ["closed", state.status === 401 ? "Token needed" : "Not connected"];
  }
}

/** What hinders the connection, for the line below the boxes; null when nothing does. */
export function troubleOf(state) {
  if (state.name === "waiting") return `${sentence(state.reason ?? "the connection was cut")} What comes meanwhile is fetched when it is back.`;
  if (state.name === "closed" && state.status !== 401 && state.status !== 400) return sentence(state.reason ?? "Not connected");
  return null;
}

function sentence(text) {
  const whole = /[.!?]$/.test(text) ? text : `${text}.`;
  return whole[0].toUpperCase() + whole.slice(1);
}

/** Tells those who listen what comes, not too often: each event when they are few, else how many. */
export class Announcer {
  #count = 0;
  #last = null;

  add(rows) {
    this.#count += rows.length;
    this.#last = rows.at(-1) ?? this.#last;
  }

  /** Called every few seconds. `line(row)` is a row as text. */
  tell(line) {
    if (this.#count === 0) return;
    const text = this.#count === 1 ? line(this.#last) : `${plural(this.#count, "new event")}, the last: ${line(this.#last)}`;
    byId("announcer").textContent = text.slice(0, 200);
    this.#count = 0;
  }
}
