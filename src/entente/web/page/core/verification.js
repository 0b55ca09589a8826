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

/** @type {import("./store.js").Store<Verification>} */
export const verification = createStore(
  /** @type {Verification} */ ({ state: "unknown", size: 0, at_ms: 0, root: "", fingerprint: "", trouble: null }),
);
