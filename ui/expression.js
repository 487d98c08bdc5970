// Filter expressions as text: how a field and a value are written, and how a filter is changed by a click. Pure.
//
// docs/filters.md has the language. What is changed here stays readable for whoever wrote the filter.

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const RESERVED = new Set(["true", "false", "null", "in"]);
/** Strings longer than this are not put into a filter (an expression may have 4096 bytes). */
const LITERAL_LENGTH_MAX = 1000;

const isName = (key) => NAME.test(key) && !RESERVED.has(key);

/** `["a", "b-c", 0]` as `record.a["b-c"][0]`. */
export function pathText(path, root = "record") {
  return path.reduce((text, step) => {
    if (typeof step === "number") return `${text}[${step}]`;
    return isName(step) ? `${text}.${step}` : `${text}[${quoted(step)}]`;
  }, root);
}

/** A string literal. */
export function quoted(text) {
  const escaped = text.replace(/["\\\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, (character) => {
    if (character === '"' || character === "\\") return `\\${character}`;
    if (character === "\n") return "\\n";
    if (character === "\t") return "\\t";
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
  return `"${escaped}"`;
}

/** A literal for a value, or null when there is none: maps, lists, very long texts. */
export function literal(value) {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : null;
  return typeof value === "string" && value.length <= LITERAL_LENGTH_MAX ? quoted(value) : null;
}

/** The terms of an expression that `&&` joins at its top, or null when something else does, or it is broken. */
export function terms(expression) {
  const found = [];
  let [depth, start] = [0, 0];
  for (let i = 0; i < expression.length; ) {
    const length = stringLength(expression, i);
    if (length < 0) return null;
    const two = expression.slice(i, i + 2);
    if (length === 0) {
      const character = expression[i];
      if ("([".includes(character)) depth += 1;
      if (")]".includes(character)) depth -= 1;
      if (depth < 0 || (depth === 0 && two === "||") || two === "//") return null;
      if (depth === 0 && two === "&&") {
        found.push(expression.slice(start, i).trim());
        start = i + 2;
      }
    }
    i += length || (two === "&&" || two === "||" ? 2 : 1);
  }
  found.push(expression.slice(start).trim());
  return depth === 0 && found.every(Boolean) ? found : null;
}

/** The length of the string literal that begins here: 0 if none does, -1 if it has no end. */
function stringLength(text, at) {
  const match = /^([rR]?)("""|'''|"|')/.exec(text.slice(at, at + 4));
  if (!match || (match[1] && /[A-Za-z0-9_]/.test(text[at - 1] ?? ""))) return 0;
  for (let i = at + match[0].length; i < text.length; i++) {
    if (text[i] === "\\" && !match[1]) i += 1;
    else if (text.startsWith(match[2], i)) return i + match[2].length - at;
  }
  return -1;
}

/** The filter that an expression and one more term make. */
export function joined(expression, term) {
  const text = expression.trim();
  if (!text) return term;
  const split = terms(text);
  if (split?.includes(term)) return text;
  return `${split ? text : `(${text})`} && ${term}`;
}

/**
 * The filter that lets only events pass whose field has this value; another value of a field that is asked for
 * already comes beside it. Null when a filter cannot say it.
 */
export function included(expression, path, value, root = "record") {
  const text = literal(value);
  if (text === null) return null;
  const name = pathText(path, root);
  const others = without(expression, excludingTerm(path, text, root));
  const split = terms(others.trim()) ?? [];
  const at = split.findIndex((term) => term.startsWith(`${name} == `) || term.startsWith(`${name} in [`));
  if (at < 0) return joined(others, `${name} == ${text}`);
  const asked = split[at].startsWith(`${name} == `) ? split[at].slice(name.length + 4) : split[at].slice(name.length + 5, -1);
  // Only what these functions write is taken apart.
  if (!listed(asked)) return joined(others, `${name} == ${text}`);
  if (listed(asked).includes(text)) return others.trim();
  return split.with(at, `${name} in [${asked}, ${text}]`).join(" && ");
}

/** The literals of `"a", "b", 5`, or null. */
function listed(text) {
  const literals = text.match(/"(?:[^"\\]|\\.)*"|-?[\d.]+(?:[eE][+-]?\d+)?|true|false|null/g);
  return literals?.join(", ") === text ? literals : null;
}

/** The filter that leaves out events whose field has this value. Null when a filter cannot say it. */
export function excluded(expression, path, value, root = "record") {
  const text = literal(value);
  if (text === null) return null;
  const name = pathText(path, root);
  let others = expression;
  const split = terms(expression.trim()) ?? [];
  const at = split.findIndex((term) => term === `${name} == ${text}` || term.startsWith(`${name} in [`));
  if (at >= 0) {
    const values = split[at].startsWith(`${name} in [`) ? listed(split[at].slice(name.length + 5, -1)) : [text];
    if (values?.includes(text)) {
      const left = values.filter((other) => other !== text);
      const term = left.length > 1 ? [`${name} in [${left.join(", ")}]`] : left.map((other) => `${name} == ${other}`);
      others = split.toSpliced(at, 1, ...term).join(" && ");
      // What is asked for no more needs no leaving out beside another value that is.
      if (left.length) return others;
    }
  }
  return joined(others, excludingTerm(path, text, root));
}

/** `!=`, which by itself would also leave out every record without the field. */
function excludingTerm(path, text, root) {
  const differs = `${pathText(path, root)} != ${text}`;
  const guards = root === "record" ? absences(path) : [];
  return guards.length ? `(${[...guards, differs].join(" || ")})` : differs;
}

/** Ways in which a field can be missing: itself, or a map that it is in. */
function absences(path) {
  const found = [];
  for (let i = 0; i < path.length; i++) {
    const step = path[i];
    const map = pathText(path.slice(0, i));
    if (typeof step === "number") found.push(`${map}.size() <= ${step}`);
    else found.push(isName(step) ? `!has(${map}.${step})` : `!(${quoted(step)} in ${map})`);
  }
  return found;
}

function without(expression, term) {
  const split = terms(expression.trim());
  return split?.includes(term) ? split.filter((other) => other !== term).join(" && ") : expression;
}

/** The filter that lets only events pass that have this field, whatever is in it. */
export function having(expression, path) {
  const name = pathText(path);
  const last = path.at(-1);
  const term = isName(last) ? `has(${name})` : `${quoted(String(last))} in ${pathText(path.slice(0, -1))}`;
  return joined(expression, term);
}
