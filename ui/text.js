// Text of strangers made fit to be shown, and figures for people. Pure.
//
// Nothing here makes markup: all of it goes into text nodes.

/**
 * Characters that show nothing, or change how others are shown: controls, marks that turn the direction of text,
 * spaces of no width, line separators, and halves of characters.
 */
const INVISIBLE = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

const NAMED = { "\n": "⏎", "\t": "⇥", "\r": "⟨CR⟩", "\0": "⟨NUL⟩", "\u001b": "⟨ESC⟩", "\u00ad": "⟨SHY⟩", "\u200e": "⟨LRM⟩", "\u200f": "⟨RLM⟩", "\u200d": "⟨ZWJ⟩", "\u200b": "⟨ZWSP⟩", "\ufeff": "⟨BOM⟩" };

function shown(character) {
  const code = character.charCodeAt(0);
  if (NAMED[character]) return NAMED[character];
  return `⟨${code.toString(16).toUpperCase().padStart(code < 0x100 ? 2 : 4, "0")}⟩`;
}

/** The text with everything in it visible. */
export const visible = (text) => text.replace(INVISIBLE, shown);

/** The beginning of a text, not cut within a character. */
export function head(text, length) {
  if (text.length <= length) return text;
  const isHalf = (text.charCodeAt(length - 1) & 0xfc00) === 0xd800;
  return text.slice(0, isHalf ? length - 1 : length);
}

/** The beginning of a text, visible, with an ellipsis when there is more. */
export const clipped = (text, length) => (text.length <= length ? visible(text) : `${visible(head(text, length))}…`);

const GROUPS = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** `12,345` */
export const count = (number) => GROUPS.format(number);

/** `1 event`, `2 events`. */
export const plural = (number, word) => `${count(number)} ${word}${number === 1 ? "" : "s"}`;

/** `980`, `12.3k`, `4.56M` */
export function short(number) {
  if (number < 1000) return String(Math.round(number));
  const [divided, unit] = number < 999_500 ? [number / 1000, "k"] : [number / 1e6, "M"];
  return `${divided < 10 ? divided.toFixed(2) : divided < 100 ? divided.toFixed(1) : Math.round(divided)}${unit}`;
}

/** `0`, `0.4`, `12`, `1.20k` */
export const rate = (perSecond) => (perSecond > 0 && perSecond < 9.95 ? perSecond.toFixed(1).replace(/\.0$/, "") : short(perSecond));

/** `12 B`, `3.4 KB`, `56 MB` */
export function bytes(number) {
  if (number < 1024) return `${number} B`;
  const [divided, unit] = number < 1023 * 1024 ? [number / 1024, "KB"] : [number / 1024 / 1024, "MB"];
  return `${divided < 10 ? divided.toFixed(1) : Math.round(divided)} ${unit}`;
}

/** `0.3 s`, `12 s`, `4 min`, `3 h`, `2 d` */
export function duration(seconds) {
  if (seconds < 9.95) return `${Math.max(0, seconds).toFixed(1)} s`;
  if (seconds < 99.5) return `${Math.round(seconds)} s`;
  if (seconds < 99.5 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}
