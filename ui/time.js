// Times as rows show them: local, UTC or relative. Pure.

import { duration } from "./text.js";

/** The forms there are, in the order in which a key goes through them. */
export const TIME_FORMS = ["local", "utc", "relative"];

const two = (number) => String(number).padStart(2, "0");
const three = (number) => String(number).padStart(3, "0");

/** A time in seconds, for a row. `now` in seconds. */
export function rowTime(time, form, now) {
  if (form === "relative") return relative(time, now);
  const date = new Date(Math.floor(time * 1000));
  if (Number.isNaN(date.getTime())) return String(time);
  if (form === "utc") {
    const text = date.toISOString();
    return sameDay(text, new Date(now * 1000).toISOString()) ? text.slice(11, 23) : text.slice(5, 23).replace("T", " ");
  }
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${three(date.getMilliseconds())}`;
  const today = new Date(now * 1000);
  const isToday = date.getDate() === today.getDate() && date.getMonth() === today.getMonth() && date.getFullYear() === today.getFullYear();
  return isToday ? clock : `${two(date.getMonth() + 1)}-${two(date.getDate())} ${clock}`;
}

const sameDay = (a, b) => a.slice(0, 10) === b.slice(0, 10);

/** `now`, `3 s ago`, `in 2 min`. */
export function relative(time, now) {
  const ago = now - time;
  if (Math.abs(ago) < 0.95) return "now";
  const text = Math.abs(ago) < 9.95 ? `${Math.round(Math.abs(ago))} s` : duration(Math.abs(ago));
  return ago > 0 ? `${text} ago` : `in ${text}`;
}

/** The whole of a time, as exact as it is known, for a tool tip or a file. */
export function fullTime(time, form = "utc") {
  const date = new Date(Math.floor(time * 1000));
  if (Number.isNaN(date.getTime())) return String(time);
  if (form === "utc") return date.toISOString();
  const minutes = -date.getTimezoneOffset();
  const zone = `${minutes < 0 ? "-" : "+"}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;
  const shifted = new Date(date.getTime() + minutes * 60_000).toISOString();
  return shifted.replace("T", " ").replace("Z", ` ${zone}`);
}

/** `12:03` or `12:03:55` for an axis or a span. */
export function clock(time, form, withSeconds = true) {
  const date = new Date(time * 1000);
  const [hours, minutes, seconds] =
    form === "utc" ? [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()] : [date.getHours(), date.getMinutes(), date.getSeconds()];
  return `${two(hours)}:${two(minutes)}${withSeconds ? `:${two(seconds)}` : ""}`;
}

/**
 * What somebody typed to go to, as seconds: `5m`, `2h` ago; `12:03`, `12:03:55` today (yesterday if that is to come);
 * a date and time. NaN if it is none.
 */
export function parseTime(text, form, now) {
  const trimmed = text.trim();
  const ago = /^-?(\d+(?:\.\d+)?)\s*([smhd])$/.exec(trimmed);
  if (ago) return now - Number(ago[1]) * { s: 1, m: 60, h: 3600, d: 86_400 }[ago[2]];
  const hour = /^(\d{1,2}):(\d\d)(?::(\d\d(?:\.\d+)?))?$/.exec(trimmed);
  if (hour) {
    const date = new Date(now * 1000);
    const parts = [Number(hour[1]), Number(hour[2]), Math.floor(Number(hour[3] ?? 0))];
    if (form === "utc") date.setUTCHours(...parts, 0);
    else date.setHours(...parts, 0);
    const seconds = date.getTime() / 1000 + (Number(hour[3] ?? 0) % 1);
    return seconds > now + 1 ? seconds - 86_400 : seconds;
  }
  if (!/^\d{4}-\d\d-\d\d/.test(trimmed)) return Number.NaN;
  const hasZone = /(?:Z|[+-]\d\d:?\d\d)$/i.test(trimmed.slice(10));
  const dated = trimmed.length === 10 ? `${trimmed}T00:00:00` : trimmed.replace(" ", "T");
  return Date.parse(form === "utc" && !hasZone ? `${dated}Z` : dated) / 1000;
}
