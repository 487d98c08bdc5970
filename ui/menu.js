// A menu at a place: what can be done with a value, a tag, a level.

import { button, make } from "./dom.js";

let shown = null;

/** Shows a menu below an element. `items`: `{ label, code?, key?, run }`, or null for a line between. */
export function showMenu(anchor, items) {
  closeMenu();
  const before = document.activeElement;
  const menu = make("div", { class: "menu", role: "menu" });
  for (const item of items) {
    if (item === null) menu.append(make("div", { class: "menu-line", role: "separator" }));
    else menu.append(makeItem(item));
  }
  const box = anchor.getBoundingClientRect();
  (anchor.closest("dialog") ?? document.body).append(menu);
  menu.style.left = `${Math.max(8, Math.min(box.left, innerWidth - menu.offsetWidth - 8))}px`;
  const below = box.bottom + 4 + menu.offsetHeight <= innerHeight;
  menu.style.top = `${Math.max(8, below ? box.bottom + 4 : box.top - menu.offsetHeight - 4)}px`;
  menu.addEventListener("keydown", onKey);
  menu.addEventListener("focusout", ({ relatedTarget }) => menu.contains(relatedTarget) || closeMenu());
  shown = { menu, before };
  menu.firstChild?.focus();
}

function makeItem({ label, code, key, run }) {
  const element = button("", () => {
    closeMenu();
    run();
  }, { role: "menuitem", tabindex: "-1", class: "menu-item" });
  element.append(make("span", {}, label));
  if (code) element.append(make("code", {}, code));
  if (key) element.append(make("kbd", {}, key));
  return element;
}

/** Takes the menu away, and gives the focus back. */
export function closeMenu() {
  if (!shown) return;
  const { menu, before } = shown;
  shown = null;
  const hadFocus = menu.contains(document.activeElement);
  menu.remove();
  if (hadFocus && before?.isConnected) before.focus({ preventScroll: true });
}

function onKey(event) {
  const items = [...event.currentTarget.querySelectorAll(".menu-item")];
  const at = items.indexOf(document.activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
  if (to !== undefined) items.at(to % items.length).focus();
  else if (event.key === "Escape" || event.key === "Tab") closeMenu();
  else return event.stopPropagation();
  event.preventDefault();
  event.stopPropagation();
}
