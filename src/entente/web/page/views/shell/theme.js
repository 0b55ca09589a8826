// Light or dark: as the system has it, or as the officer wants it at this device.
import { createStore } from "../../core/store.js";

/** @type {import("../../core/store.js").Store<string>} */
export const theme = createStore("auto");

/** @param {string} name */
export function setTheme(name) {
  const root = document.documentElement;
  if (name === "light" || name === "dark") root.dataset["theme"] = name;
  else delete root.dataset["theme"];
  theme.set(name === "light" || name === "dark" ? name : "auto");
  try {
    window.localStorage.setItem("entente.theme", theme.get());
  } catch {
    // storage is switched off: the choice lives as long as the tab
  }
}

/** Take the choice from the address, or what was chosen here before. */
export function startTheme() {
  const asked = new URLSearchParams(window.location.search).get("theme");
  try {
    setTheme(asked ?? window.localStorage.getItem("entente.theme") ?? "auto");
  } catch {
    setTheme(asked ?? "auto");
  }
}
