// Events as lines of a file. Pure.

import { valueAt } from "./summary.js";
import { fullTime } from "./time.js";

/** What spreadsheets take for the beginning of a formula. */
const FORMULA = /^[=+\-@\t\r]/;

/** An event as one line of JSON, as `GET /events` writes it. */
export function toNdjson({ seq, tag, time, record }) {
  return `${JSON.stringify({ seq, tag, time, record }, readable)}\n`;
}

/** Bytes, which JSON has not, as hexadecimal digits. */
function readable(key, value) {
  return value instanceof Uint8Array ? Array.from(value, (byte) => byte.toString(16).padStart(2, "0")).join("") : value;
}

/** One field of a CSV file (RFC 4180). A text that a spreadsheet would compute gets an apostrophe first. */
export function csvField(value) {
  if (value === undefined || value === null) return "";
  let text = typeof value === "object" ? JSON.stringify(value, readable) : String(value);
  if (typeof value === "string" && FORMULA.test(text)) text = `'${text}`;
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Makes the lines of a CSV file with these columns (paths); `rest` adds one for all other fields, as JSON. */
export class Csv {
  constructor(columns, hasRest) {
    this.columns = columns;
    this.hasRest = hasRest;
  }

  head() {
    const names = this.columns.map((path) => path.join("."));
    return line(["time", "tag", "seq", ...names, ...(this.hasRest ? ["other fields"] : [])]);
  }

  line({ seq, tag, time, record }) {
    const fields = [fullTime(time), tag, seq, ...this.columns.map((path) => valueAt(record, path))];
    if (this.hasRest) fields.push(this.#rest(record));
    return line(fields);
  }

  #rest(record) {
    const named = new Set(this.columns.map(([first]) => first));
    const rest = Object.fromEntries(Object.entries(record).filter(([key]) => !named.has(key)));
    return Object.keys(rest).length ? rest : "";
  }
}

const line = (fields) => `${fields.map(csvField).join(",")}\r\n`;
