// How far an entry has come, by the cosignatures that the page itself verified.
//
//     recorded   covered by a checkpoint that the log signed
//     firm       k of the parties' witnesses cosigned: no other history can reach k as well
//     settled    all of them did
//
// The rule of src/entente/record/quorum.py: f = floor((n - 1) / 3) unless the charter says otherwise; below
// four witnesses all must cosign; the host is no party and never counts; a key that serves two parties is
// refused.
//
//     decideStanding(witnesses, new Set(cosigned.map((one) => one.key)), null).standing     // 'firm'

import { failed } from "./bytes.js";

const UNANIMOUS_BELOW = 4;

/** @typedef {import('./note.js').NoteKey} NoteKey */
/** @typedef {{party: string, key: NoteKey}} Witness a party and its witness's key in force */
/** @typedef {'recorded' | 'firm' | 'settled'} Standing */
/** @typedef {{standing: Standing, needed: number, cosigned: string[], missing: string[]}} StandingDecision */

/**
 * @param {number} witnesses n >= 1 @param {number | null} dishonest f, as the charter has it
 * @returns {number} k
 */
export function quorumSize(witnesses, dishonest) {
  const liars = dishonest ?? Math.floor((witnesses - 1) / 3);
  if (!Number.isSafeInteger(witnesses) || witnesses < 1 || !(liars >= 0 && liars < witnesses)) {
    throw failed("bad-quorum", "quorum", `0 <= dishonest < ${witnesses} witnesses`, `${liars}`);
  }
  return witnesses < UNANIMOUS_BELOW ? witnesses : Math.floor((witnesses + liars) / 2) + 1;
}

/**
 * @param {readonly Witness[]} witnesses every party's that counts
 * @param {ReadonlySet<NoteKey>} keys those that were verified to have cosigned
 * @param {number | null} dishonest @returns {StandingDecision}
 */
export function decideStanding(witnesses, keys, dishonest) {
  checkKeys(witnesses);
  const sorted = [...witnesses].sort((one, other) => (one.party < other.party ? -1 : 1));
  const cosigned = sorted.filter((one) => keys.has(one.key)).map((one) => one.party);
  const missing = sorted.filter((one) => !keys.has(one.key)).map((one) => one.party);
  if (!sorted.length) return { standing: "recorded", needed: 0, cosigned, missing };
  const needed = quorumSize(sorted.length, dishonest);
  const standing = cosigned.length < needed ? "recorded" : missing.length ? "firm" : "settled";
  return { standing, needed, cosigned, missing };
}

/** @param {readonly Witness[]} witnesses */
function checkKeys(witnesses) {
  const seen = new Map();
  for (const { party, key } of witnesses) {
    const spelling = key.raw.join(",");
    // SECURITY: with one key in two places one signer would count twice
    // (tests/browser/test_page_record.py, one-key-twice).
    if (seen.has(spelling)) {
      const other = seen.get(spelling);
      throw failed("shared-key", `witness key of ${party}`, "one of its own", `that of ${other}`);
    }
    seen.set(spelling, party);
  }
}
