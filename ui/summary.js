// What a row says of a record: its level, and the rest in one line of bounded length. Pure.

import { SUMMARY_KEYS_MAX, SUMMARY_LENGTH_MAX, SUMMARY_VALUE_LENGTH_MAX } from "./limits.js";
import { clipped, head, visible } from "./text.js";

/** Names under which programs write how bad it is, and what they say; the first that is there counts. */
const LEVEL_KEYS = ["level", "severity", "lvl", "log.level", "loglevel", "log_level", "levelname", "priority"];
const MESSAGE_KEYS = ["message", "msg", "log", "MESSAGE", "text", "error", "event"];

/** Fields of a map that are shown one by one. */
const SMALL_MAP_KEYS = 8;

/** The levels there are, worst first. */
export const LEVELS = ["fatal", "error", "warn", "info", "debug", "trace"];

const NAMES = {
  emerg: "fatal", emergency: "fatal", alert: "fatal", crit: "fatal", critical: "fatal", fatal: "fatal", panic: "fatal",
  error: "error", err: "error", severe: "error",
  warn: "warn", warning: "warn",
  info: "info", information: "info", informational: "info", notice: "info",
  debug: "debug", fine: "debug", verbose: "debug",
  trace: "trace", finest: "trace", silly: "trace",
};

/** A number as syslog has it (0 to 7), or as Bunyan and Pino do (10 to 60). */
function numbered(number) {
  if (number >= 0 && number <= 7) return number <= 2 ? "fatal" : ["error", "warn", "info", "info", "debug"][number - 3];
  if (number < 10 || number > 60) return null;
  return ["trace", "debug", "info", "warn", "error", "fatal"][Math.floor(number / 10) - 1];
}

/** The level of a record: the field's name, its text, and which of `LEVELS` that is, if it is any. */
export function levelOf(record) {
  for (const key of LEVEL_KEYS) {
    if (!Object.hasOwn(record, key)) continue;
    const value = record[key];
    if (typeof value === "number") {
      const level = numbered(value);
      if (level) return { key, level };
    } else if (typeof value === "string" && value.length > 0 && value.length <= 16) {
      const level = NAMES[value.toLowerCase()] ?? null;
      if (level || key !== "priority") return { key, level };
    }
  }
  return null;
}

/** The level that a row counts under. */
export const levelName = (record) => levelOf(record)?.level ?? "none";

/** A value in a line, of bounded length. */
export function inline(value, length = SUMMARY_VALUE_LENGTH_MAX) {
  if (typeof value === "string") return clipped(value, length);
  if (value === null || typeof value !== "object") return String(value);
  return clipped(compact(value, length), length);
}

/** The beginning of a value as JSON: never much longer than asked for, however large or deep the value. */
export function compact(value, length) {
  if (typeof value === "string") return JSON.stringify(head(value, length));
  if (value === null || typeof value !== "object") return String(value);
  if (ArrayBuffer.isView(value)) return `<${value.byteLength} bytes>`;
  const isList = Array.isArray(value);
  let text = isList ? "[" : "{";
  let isFirst = true;
  for (const key in value) {
    if (text.length > length) break;
    text += `${isFirst ? "" : ","}${isList ? "" : `${JSON.stringify(head(key, length))}:`}`;
    text += compact(value[key], length - text.length);
    isFirst = false;
  }
  return text.length > length ? text : text + (isList ? "]" : "}");
}

/**
 * A record as parts of one line: `{ kind, text }` with kinds `message`, `key`, `value` and `more`. Without the level,
 * and without fields that are columns, which a row shows apart.
 */
export function summaryOf(record, columns = []) {
  const parts = [];
  let length = 0;
  const add = (kind, text) => {
    parts.push({ kind, text });
    length += text.length;
  };
  const levelKey = levelOf(record)?.key;
  const shown = new Set(columns.map((path) => path.join(".")));
  const messageKey = MESSAGE_KEYS.find((key) => typeof record[key] === "string" && Object.hasOwn(record, key));
  if (messageKey && !shown.has(messageKey)) add("message", clipped(record[messageKey].trimEnd(), SUMMARY_LENGTH_MAX));
  let keys = 0;
  for (const [key, value] of flattened(record)) {
    if (key === levelKey || key === messageKey || shown.has(key)) continue;
    if (length > SUMMARY_LENGTH_MAX || keys === SUMMARY_KEYS_MAX) {
      add("more", "…");
      break;
    }
    keys += 1;
    add("key", clipped(key, SUMMARY_VALUE_LENGTH_MAX));
    add("value", inline(value));
  }
  if (parts.length === 0) add("more", levelKey ? "" : "{}");
  return parts;
}

/** Fields with their values; those of a small map within as `map.field`. */
function* flattened(record) {
  for (const key in record) {
    const value = record[key];
    if (isSmallMap(value)) for (const inner in value) yield [`${key}.${inner}`, value[inner]];
    else yield [key, value];
  }
}

function isSmallMap(value) {
  if (value === null || typeof value !== "object" || Array.isArray(value) || ArrayBuffer.isView(value)) return false;
  let keys = 0;
  for (const _ in value) if (++keys > SMALL_MAP_KEYS) return false;
  return keys > 0;
}

/** The line of a summary, as text. */
export function lineOf(parts) {
  let line = "";
  for (const { kind, text } of parts) line += kind === "key" ? `${line ? "  " : ""}${text}=` : text;
  return line;
}

/** The value at a path of a record, or undefined. */
export function valueAt(record, path) {
  let value = record;
  for (const step of path) {
    if (value === null || typeof value !== "object" || !Object.hasOwn(value, step)) return undefined;
    value = value[step];
  }
  return value;
}

/** Text as a cell of a column shows it. */
export const cellText = (value) => (value === undefined ? "" : inline(value));

export { visible };
