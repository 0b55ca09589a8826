// What this browser keeps of the record from one visit to the next: the charter, and how far it verified.
//
// Invariants: kept per origin of the page; a text of another form is nothing known, never half of it; a failure
// stays with its evidence until an officer has looked at it.
//
// It decides no check: `check.js` does.
//
//     const pins = readPins(store.read());        // null: nothing is known yet
import { toHex } from "./bytes.js";

const PINS = 1;
/** A witness's clock may be this far ahead of ours before it is told. */
const AHEAD_S = 600;

/** @typedef {import("./founding.js").Founding} Founding */
/** @typedef {import("./note.js").Checkpoint} Checkpoint */
/** @typedef {import("./quorum.js").StandingDecision} StandingDecision */
/** @typedef {{size: number, decision: StandingDecision, times: Record<string, number>}} Cosigned */
/**
 * What a check found that cannot be. `evidence`: exact texts, for anyone to judge.
 * @typedef {object} Failure
 * @property {string} code @property {string} words @property {string} expected @property {string} got
 * @property {number} at_ms @property {Record<string, string>} evidence
 */
/**
 * What this browser keeps.
 * @typedef {object} Pins
 * @property {number} v @property {string} origin @property {string} fingerprint
 * @property {number} size @property {string} root @property {string} note @property {number} at_ms
 * @property {number} since_ms when it was taken on first use
 * @property {Record<string, number>} versions of each party's roster
 * @property {Record<string, number>} times newest cosignature of each party, POSIX seconds
 * @property {number} compared_ms when somebody said that the fingerprint was compared; 0: never
 * @property {Failure | null} failure @property {Failure[]} past failures that an officer has looked at
 */

/** @param {string | null} text @returns {Pins | null} */
export function readPins(text) {
  try {
    const pins = JSON.parse(text ?? "null");
    return pins?.v === PINS ? pins : null;
  } catch {
    return null;
  }
}

/** @param {number} now_ms @returns {Pins} */
export function emptyPins(now_ms) {
  return {
    v: PINS,
    origin: "",
    fingerprint: "",
    size: 0,
    root: "",
    note: "",
    at_ms: 0,
    since_ms: now_ms,
    versions: {},
    times: {},
    compared_ms: 0,
    failure: null,
    past: [],
  };
}

/**
 * @param {Pins | null} pins @param {Founding} founding @param {Checkpoint} head @param {Cosigned} newest
 * @param {number} at_ms @returns {Pins}
 */
export function makePins(pins, founding, head, newest, at_ms) {
  return {
    ...(pins ?? emptyPins(at_ms)),
    origin: founding.origin,
    fingerprint: founding.fingerprint,
    size: head.size,
    root: toHex(head.root),
    note: noteText(head),
    at_ms,
    versions: Object.fromEntries([...founding.rosters].map(([party, roster]) => [party, roster.version])),
    times: { ...(pins?.times ?? {}), ...newest.times },
  };
}

/** @param {Checkpoint} checkpoint */
export const noteText = (checkpoint) => new TextDecoder().decode(checkpoint.note);

/** @param {Pins | null} pins @param {Cosigned} newest @param {number} now_ms @returns {string[]} */
export function findCautions(pins, newest, now_ms) {
  const cautions = [];
  for (const [party, timeS] of Object.entries(newest.times)) {
    if (timeS > now_ms / 1000 + AHEAD_S) cautions.push(`ahead:${party}`);
    if (timeS < (pins?.times[party] ?? 0)) cautions.push(`backwards:${party}`);
  }
  return cautions;
}

/** At most 100,000 letters each: a browser keeps some megabytes. @param {Record<string, string>} evidence */
export function shorten(evidence) {
  return Object.fromEntries(Object.entries(evidence).map(([name, text]) => [name, text.slice(0, 100_000)]));
}
