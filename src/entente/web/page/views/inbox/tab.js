// What the browser shows of this tab: its title, its icon, and, for whom asked for it, a notification of the device.
//
// Invariants: nothing that a partner wrote is in any of them: they are seen by who sits beside an officer, and kept by
// the device; they change at once, also while the tab is hidden; the marks differ in shape and letter, not in colour
// alone; the icon is made here, so that a mark needs no line.
//
//     nameTab(t("shell.view-map"));
//     markTab(3, false);   // "(3!) Map · entente"
import { createStore } from "../../core/store.js";

const SLOT = "entente.notify";
const ICON =
  '<rect width="32" height="32" rx="7" fill="#14313f"/><circle cx="12.5" cy="16" r="7" fill="none" stroke="#e9c46a" stroke-width="2.4"/>' +
  '<circle cx="19.5" cy="16" r="7" fill="none" stroke="#8ecae6" stroke-width="2.4"/>';
const URGENT = '<rect x="13" y="0" width="19" height="32" rx="4" fill="#a5161d" stroke="#fff"/><path d="M22.5 5V19M22.5 23V27" stroke="#fff" stroke-width="5"/>';
const DEAF =
  '<path d="M16 1L31 16L16 31L1 16Z" fill="#fdeecb" stroke="#7a4b00" stroke-width="2"/><path d="M11.5 12.5A4.6 4.6 0 1 1 16 17V20M16 22.5V26" fill="none" stroke="#7a4b00" stroke-width="3.2"/>';

let [title, prefix, mark] = ["entente", "", ""];

function write() {
  document.title = prefix + title;
}

/** @param {string} name What the view is called. */
export function nameTab(name) {
  title = `${name} · entente`;
  write();
}

/** @param {number} urgent How many things. @param {boolean} isDeaf */
export function markTab(urgent, isDeaf) {
  prefix = urgent || isDeaf ? `(${urgent ? `${urgent}!` : ""}${isDeaf ? "?" : ""}) ` : "";
  write();
  const next = urgent ? "urgent" : isDeaf ? "deaf" : "";
  const link = document.querySelector('link[rel="icon"]');
  if (next === mark || !(link instanceof HTMLLinkElement)) return;
  mark = next;
  link.dataset["plain"] ??= link.href;
  const drawn = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">${ICON}${next === "urgent" ? URGENT : DEAF}</svg>`;
  link.href = next ? `data:image/svg+xml,${encodeURIComponent(drawn)}` : link.dataset["plain"];
}

/** Whether the officer asked for notifications of the device: "off", "on", or "denied" and "none" where he cannot. */
export const notifying = createStore(/** @type {"off" | "on" | "denied" | "none"} */ ("off"));

/** @param {boolean} isOn Asked for by an officer's own click: the browser may ask him in turn. */
export async function askToNotify(isOn) {
  if (typeof Notification !== "function") return notifying.set("none");
  const allowed = isOn ? await Notification.requestPermission() : "default";
  notifying.set(allowed === "granted" ? "on" : isOn ? "denied" : "off");
  try {
    window.localStorage.setItem(SLOT, allowed === "granted" ? "1" : "");
  } catch {
    // storage is switched off: it holds as long as the tab
  }
}

/** Take up what was asked for at this device before. */
export function startNotifying() {
  if (typeof Notification !== "function") return notifying.set("none");
  try {
    if (window.localStorage.getItem(SLOT) === "1" && Notification.permission === "granted") notifying.set("on");
  } catch {
    // as above
  }
}

/**
 * Tell it by the device, while this tab is out of sight. All tabs tell the same one.
 *
 * @param {string} words The page's own: never a partner's. @param {() => void} onOpen
 */
export function notify(words, onOpen) {
  if (notifying.get() !== "on" || document.visibilityState === "visible") return;
  try {
    const told = new Notification("entente", { body: words, tag: "entente-alarm", silent: true, requireInteraction: true });
    told.onclick = () => {
      window.focus();
      onOpen();
      told.close();
    };
  } catch {
    notifying.set("none"); // some phones let a page have none
  }
}
