// Who sits here: the officer, the party, and what he may do.
//
// Invariants: what an officer may do is the desk's to judge; what is read here only hides what would be refused.
//
//     const session = useSession();
//     if (session.may("acknowledge")) ...
import { createStore, useStore } from "./store.js";
import { setDeskClock } from "./time.js";

/**
 * @typedef {{
 *   officer: string, name: string, party: string, party_name: string, center: string, center_name: string,
 *   roles: readonly string[], verbs: readonly string[], language: string, demo: boolean, exercise: boolean, link: string, is_forked: boolean, expires: string, now_ms: number, rate: number,
 *   parties: readonly { party: string, name: string }[],
 * }} SessionAnswer
 */

/** @type {import("./store.js").Store<SessionAnswer | null>} */
export const session = createStore(/** @type {SessionAnswer | null} */ (null));

/** Ask the desk who is signed in; without anybody, go and sign in. @returns {Promise<SessionAnswer | null>} */
export async function loadSession() {
  const answer = await fetch("/session", { headers: { accept: "application/json" }, cache: "no-store" });
  if (answer.status === 401 || answer.status === 403) {
    goToSignIn();
    return null;
  }
  if (!answer.ok) throw new Error(`session: expected an answer, got ${answer.status}`);
  /** @type {SessionAnswer} */
  const found = await answer.json();
  setDeskClock(found.now_ms, found.rate);
  session.set(found);
  return found;
}

/** Go and sign in, and come back to where we are. */
export function goToSignIn() {
  const back = window.location.pathname + window.location.search;
  window.location.assign(`/signin?back=${encodeURIComponent(back)}`);
}

/** @returns {SessionAnswer & { may: (verb: string) => boolean }} `may`: whether the desk would let him ask a verb. */
export function useSession() {
  const found = useStore(session);
  if (found === null) throw new Error("session: expected one before a view is drawn");
  return { ...found, may: (verb) => found.verbs.includes(verb) };
}

/** End the session at the desk and go to the sign-in. */
export async function endSession() {
  await fetch("/session/end", { method: "POST", headers: { "content-type": "application/json" }, body: "{}" });
  session.set(null);
  window.location.assign("/signin");
}
