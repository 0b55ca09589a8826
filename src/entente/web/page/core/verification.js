// What this page itself has checked of the record, for every view to show: `record/` finds it out.
//
// Invariants: "failed" is final until somebody who looked at the evidence says otherwise in the record's view; what
// was not checked is never called checked.
//
//     verification.set({ state: "checked", size: 17, at_ms: deskNowMs(), root, fingerprint, trouble: null });
import { createStore } from "./store.js";

/**
 * @typedef {{
 *   state: "unknown" | "checking" | "checked" | "unable" | "failed",
 *   size: number,
 *   at_ms: number,
 *   root: string,
 *   fingerprint: string,
 *   trouble: { code: string, words: string, expected: string, got: string } | null,
 * }} Verification `size`: entries up to here hang together, by this page's own sums; `root`: theirs, in hex.
 *   `fingerprint`: of the charter. `unable`: this browser cannot.
 */

/** Where this browser keeps what it verified. */
export const KEPT = "entente.record";

/** @returns {Verification} A failure that was kept stands from the first picture on; `record/watch.js` reads all of it. */
function readKept() {
  const unknown = { size: 0, at_ms: 0, root: "", fingerprint: "" };
  try {
    const failure = JSON.parse(window.localStorage.getItem(KEPT) ?? "null")?.failure;
    if (typeof failure?.code === "string") return { ...unknown, state: "failed", trouble: failure };
  } catch {
    // Nothing that can be read was kept.
  }
  return { ...unknown, state: "unknown", trouble: null };
}

/** @type {import("./store.js").Store<Verification>} */
export const verification = createStore(readKept());
