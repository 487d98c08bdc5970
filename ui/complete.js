// What the filter box offers where the cursor is. Pure.

import { literal, quoted } from "./expression.js";

const SHOWN_MAX = 12;
const OPERATORS = [
  ["==", "is"], ["!=", "is not"], [">=", "at least"], [">", "more than"], ["<=", "at most"], ["<", "less than"],
  ["in [", "is one of"],
];
const JOINERS = [["&&", "and"], ["||", "or"]];
const METHODS = [
  ["contains(\"", "has this in it"], ["startsWith(\"", "begins so"], ["endsWith(\"", "ends so"],
  ["matches(r\"", "regular expression"], ["size()", "how long"],
];
const STARTS = [
  ["record.", "a field"], ["tag", "the event's tag"], ["time", "the event's time"], ["has(record.", "the field is there"], ["!", "not"],
];

/** The name before a comparison, with a literal that is not ended. */
const IN_STRING = /(?:^|[^A-Za-z0-9_."\]])(tag|record[\w.[\]"-]*)\s*(?:==|!=|in\s*\[(?:\s*"[^"]*"\s*,)*)\s*"([^"]*)$/;
const AFTER_COMPARISON = /(?:^|[^A-Za-z0-9_."\]])(tag|record[\w.[\]"-]*)\s*(?:==|!=|in\s*\[)\s*$/;
const METHOD = /((?:record(?:\.\w+|\["[^"]*"\]|\[\d+\])+|tag))\.(\w*)$/;
const WORD = /(?:record(?:\.\w*|\["[^"]*"?\]?|\[\d*\]?)*|[A-Za-z_][\w.]*)$/;
const OPERAND_ENDED = /(?:[\w\])"'])\s+$/;
const LITERAL_ENDED = /[\d"'\])]$/;
const COMPARED = /(?:==|!=|<=?|>=?|\bin)\s*(?:"[^"]*"|'[^']*'|[-\w.]+|\[[^\]]*\])\s+$|\)\s+$/;

/**
 * What may be put for `text.slice(from, cursor)`: `{ from, items: [{ insert, label, detail }] }`. `fields` as
 * `Fields.list()`, `values(name)` the values of one, `tags` those seen.
 */
export function complete(text, cursor, { fields, values, tags }) {
  const before = text.slice(0, cursor);
  const valuesOf = (name) => (name === "tag" ? tags : values(name));
  const inString = IN_STRING.exec(before);
  if (inString) {
    const typed = inString[2];
    const fit = valuesOf(inString[1]).filter((value) => typeof value === "string" && includes(value, typed));
    return result(cursor - typed.length - 1, fit.map((value) => item(`${quoted(value)} `, value, "")));
  }
  if (isInString(before)) return result(cursor, []);
  const compared = AFTER_COMPARISON.exec(before);
  if (compared) {
    const fit = valuesOf(compared[1]).map(literal).filter((value) => value !== null);
    return result(cursor, fit.map((value) => item(`${/\s$/.test(before) ? "" : " "}${value} `, value, "")));
  }
  const word = WORD.exec(before)?.[0] ?? "";
  const items = [];
  if (word) {
    const from = cursor - word.length;
    const method = METHOD.exec(before);
    const whole = new Set([word]);
    items.push(...fieldItems(fields, word));
    if (method) {
      const methods = METHODS.filter(([name]) => name.startsWith(method[2]) && name !== method[2]);
      items.push(...methods.map(([name, detail]) => item(`${method[1]}.${name}`, `.${name.replace(/["(r]*$/, "")}(…)`, detail)));
    }
    items.push(...STARTS.filter(([name]) => name.startsWith(word)).map(([name, detail]) => item(name, name, detail)));
    return result(from, items.filter(({ insert }) => !whole.has(insert)));
  }
  if (LITERAL_ENDED.test(before)) return result(cursor, []);
  if (COMPARED.test(before)) return result(cursor, JOINERS.map(([name, detail]) => item(`${name} `, name, detail)));
  if (OPERAND_ENDED.test(before)) return result(cursor, OPERATORS.map(([name, detail]) => item(name.endsWith("[") ? name : `${name} `, name, detail)));
  items.push(...fieldItems(fields, "").slice(0, SHOWN_MAX - 4));
  items.push(...STARTS.map(([name, detail]) => item(name, name, detail)));
  return result(cursor, items);
}

const item = (insert, label, detail) => ({ insert, label, detail });

function result(from, items) {
  const unique = items.filter(({ insert }, i) => items.findIndex((other) => other.insert === insert) === i);
  return { from, items: unique.slice(0, SHOWN_MAX) };
}

const includes = (value, typed) => value.toLowerCase().includes(typed.toLowerCase());

/** Fields whose name begins so, then those that have it in it: `lev` finds `record.level`. */
function fieldItems(fields, word) {
  const begin = fields.filter(({ name }) => name.startsWith(word));
  const inner = /^record[.[]/.test(word) ? word.replace(/^record[.[]"?/, "") : word;
  const within = inner ? fields.filter(({ name }) => !name.startsWith(word) && includes(name.slice(6), inner)) : [];
  return [...begin, ...within].map(({ name, type }) => item(name, name, type));
}

/** Whether a text ends within a string literal. */
function isInString(text) {
  let quote = "";
  for (let i = 0; i < text.length; i++) {
    if (quote && text[i] === "\\") i += 1;
    else if (quote ? text[i] === quote : text[i] === '"' || text[i] === "'") quote = quote ? "" : text[i];
  }
  return quote !== "";
}

/** The column of a mistake as the server tells it, from 0; null when it names none. */
export function mistakeAt(message) {
  const column = /column (\d+)/.exec(message)?.[1];
  return column === undefined ? null : Number(column) - 1;
}
