// The few ways in which the page makes elements. All text goes in as text.

/** The element of the page with that id. */
export const byId = (id) => document.getElementById(id);

/** Makes an element with properties (`class`, `data-…`, `aria-…` and other attributes, `on…`) and children. */
export function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** A button. */
export const button = (text, onclick, properties = {}) => make("button", { type: "button", ...properties, onclick }, text);

/** Sets a text, if it is another one: a selection in it stays. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Writes to the clipboard; also on plain HTTP, where browsers have no clipboard for scripts. */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = make("textarea", { class: "unseen", readonly: true, "aria-hidden": "true" });
    area.value = text;
    const focused = document.activeElement;
    (focused?.closest("dialog") ?? document.body).append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    focused?.focus({ preventScroll: true });
  }
}

/** Shows a short message for some seconds. */
export function toast(text) {
  const shown = make("div", { class: "toast" }, text);
  const all = byId("toasts");
  all.append(shown);
  while (all.children.length > 3) all.firstChild.remove();
  setTimeout(() => shown.remove(), 4000);
}
