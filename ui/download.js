// Downloads what matches: what is on the page, or what the server's history has since some time.

import { byId, toast } from "./dom.js";
import { Csv, toNdjson } from "./csv.js";
import { CSV_COLUMNS_MAX, DOWNLOAD_BYTES_MAX } from "./limits.js";
import { bytes, count } from "./text.js";
import { parseTime } from "./time.js";

/** Lines that go into one piece of a file. */
const PIECE_LINES = 2000;

export class Download {
  #stop = null;

  /** `on`: `{ rows() → events on the page, gaps() → how many gaps, history(options), columns(), keys(), time() }`. */
  constructor(on) {
    this.on = on;
    this.dialog = byId("download-dialog");
    byId("download-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#run();
    });
    byId("download-since").addEventListener("focus", () => (byId("download-form").elements.source.value = "history"));
    this.dialog.addEventListener("close", () => this.#stop?.abort());
    byId("download-cancel").addEventListener("click", () => this.dialog.close());
  }

  open() {
    byId("download-page").textContent = `(${count(this.on.rows().length)} events)`;
    this.#tell("");
    this.dialog.showModal();
  }

  #tell(text) {
    byId("download-told").textContent = text;
  }

  async #run() {
    const { source, form } = byId("download-form").elements;
    const since = parseTime(byId("download-since").value, this.on.time(), Date.now() / 1000);
    if (source.value === "history" && Number.isNaN(since)) return this.#tell("Since when? Such as 1h, 12:03 or 2026-01-31 12:03:55.");
    this.#stop?.abort();
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    byId("download-go").disabled = true;
    try {
      const events = source.value === "history" ? this.#past(since, signal) : this.on.rows();
      const { parts, lines, gaps, isWhole } = await this.#file(events, form.value, signal);
      if (signal.aborted) return;
      save(new Blob(parts, { type: form.value === "csv" ? "text/csv" : "application/x-ndjson" }), form.value);
      const missing = gaps ? ` There ${gaps === 1 ? "is 1 gap" : `are ${count(gaps)} gaps`} in it.` : "";
      this.#tell(`${count(lines)} events${isWhole ? "" : `: the first ${bytes(DOWNLOAD_BYTES_MAX)}; take the rest with curl`}.${missing}`);
      if (!isWhole) return;
      toast(`${count(lines)} events are downloaded.${missing}`);
      this.dialog.close();
    } catch (error) {
      if (!signal.aborted) this.#tell(`Not downloaded: ${error.message}`);
    } finally {
      byId("download-go").disabled = false;
    }
  }

  async *#past(since, signal) {
    yield* this.on.history({ since: new Date(since * 1000).toISOString(), signal });
  }

  /** The file in pieces, which the browser may keep out of memory. */
  async #file(events, form, signal) {
    const chosen = this.on.columns();
    const csv = new Csv(chosen.length ? chosen : this.on.keys().slice(0, CSV_COLUMNS_MAX).map((key) => [key]), chosen.length === 0);
    const parts = form === "csv" ? [csv.head()] : [];
    let [piece, pieceLines, lines, size] = ["", 0, 0, 0];
    let gaps = Array.isArray(events) ? this.on.gaps() : 0;
    for await (const event of events) {
      if (signal.aborted) break;
      if (event.gap) {
        gaps += 1;
        // As the server tells them; a table has no place for them.
        if (form !== "csv") piece += `${JSON.stringify({ gap: event.gap })}\n`;
        continue;
      }
      piece += form === "csv" ? csv.line(event) : toNdjson(event);
      lines += 1;
      if (++pieceLines < PIECE_LINES) continue;
      size += piece.length;
      parts.push(new Blob([piece]));
      [piece, pieceLines] = ["", 0];
      this.#tell(`${count(lines)} events, ${bytes(size)} …`);
      // Others have their turn.
      await new Promise((resolve) => setTimeout(resolve));
      if (size > DOWNLOAD_BYTES_MAX) return { parts, lines, gaps, isWhole: false };
    }
    return { parts: [...parts, piece], lines, gaps, isWhole: true };
  }
}

function save(blob, form) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `fluentcast-${new Date().toISOString().slice(0, 19).replaceAll(":", "-")}.${form}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
