// Keys: every action has one, and `?` lists them all.
//
// Invariants: no key acts while somebody types in a field or a dialog is open, but for those that say so; a key is
// taken by the part that was mounted last; what a key does stands in the list with the same words as its button.
//
//     useKeys([{ keys: "j", label: t("inbox.next"), run: next }]);
import { useEffect } from "./dom.js";
import { createStore } from "./store.js";

/** @typedef {{ keys: string, label: string, run: (event: KeyboardEvent) => void, group?: string }} Binding */

/** @type {import("./store.js").Store<readonly Binding[][]>} */
export const bindings = createStore(/** @type {readonly Binding[][]} */ ([]));
/** The first key of two, as in `g m`, and when it was pressed. */
let pending = { key: "", at_ms: 0 };

/** @param {readonly Binding[]} list @param {readonly unknown[]} [when] What the functions in the list depend on. */
export function useKeys(list, when = []) {
  useEffect(() => {
    const own = [...list];
    bindings.set((old) => [...old, own]);
    return () => bindings.set((old) => old.filter((one) => one !== own));
  }, when);
}

/** @param {KeyboardEvent} event @returns {string} */
function nameKey(event) {
  const key = event.key === " " ? "space" : event.key.length === 1 ? event.key : event.key.toLowerCase();
  return (event.ctrlKey || event.metaKey ? "ctrl+" : "") + (event.altKey ? "alt+" : "") + key;
}

/** @param {EventTarget | null} target */
function isTyping(target) {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) &&
    !(target instanceof HTMLInputElement && /^(checkbox|radio|button|range)$/.test(target.type))
  );
}

/** Listen for keys. Called once. */
export function startKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented) return;
    const name = nameKey(event);
    if (name === "escape" && isTyping(event.target)) /** @type {HTMLElement} */ (event.target).blur();
    else if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
    // A focused button or link keeps its own keys.
    if (/^(enter|space)$/.test(name) && event.target instanceof Element && event.target.closest("button,a,summary"))
      return;
    const first = event.timeStamp - pending.at_ms < 1500 ? pending.key : "";
    pending = { key: "", at_ms: 0 };
    const all = bindings.get().flat();
    const find = (/** @type {string} */ keys) => all.findLast((one) => one.keys.split(" / ").includes(keys));
    const found = (first && find(`${first} ${name}`)) || find(name);
    if (found) {
      event.preventDefault();
      found.run(event);
    } else if (all.some((one) => one.keys.startsWith(`${name} `))) {
      pending = { key: name, at_ms: event.timeStamp };
    }
  });
}
