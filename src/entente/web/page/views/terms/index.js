// What a terms file holds, found by the name that an answer uses; and whose it is, as mark and words.
//
// Invariants: a thing is named "kind.id", so that a measure and a position of one id are two things; a party of the
// file that is also a party of the charter looks as it does elsewhere on the page, the others take the looks left.
//
// It shows no more than the file says: what a name stands for that is not in the file is not guessed.
//
//     const index = indexTerms(file.terms);
//     index.find("pentagon-methods")?.sentence
import { html } from "../../core/dom.js";
import { clean } from "../../core/safe.js";
import { listPartyIds } from "../../parts/party.js";

/** @typedef {{ name: string, kind: string, id: string, one: any }} Thing `name`: "position.pentagon-methods" */
/** @typedef {ReturnType<typeof indexTerms>} Index */

const KINDS = /** @type {const} */ ({
  position: "positions", designation: "designations", rule: "rules", link: "links", measure: "measures",
  programme: "programmes", clause: "clauses", zone: "zones", obligation: "obligations",
});
/** Looks that the style sheets know: see parts/party.js. */
const LOOKS = 8;

/** @param {any} terms A file's `terms`. */
export function indexTerms(terms) {
  /** @type {Map<string, Thing>} */
  const things = new Map();
  for (const [kind, list] of Object.entries(KINDS)) {
    for (const one of terms[list]) things.set(`${kind}.${one.id}`, { name: `${kind}.${one.id}`, kind, id: one.id, one });
  }
  /** @type {Map<string, string>} */
  const partyOf = new Map(terms.parties.map((/** @type {any} */ one) => [one.id, one.id]));
  for (const one of terms.agencies) partyOf.set(one.id, one.party);
  const names = new Map([...terms.parties, ...terms.agencies].map((/** @type {any} */ one) => [one.id, one.name]));
  const charter = listPartyIds();
  /** @type {Map<string, number>} */
  const looks = new Map();
  const used = new Set();
  for (const one of terms.parties) {
    const place = charter.indexOf(one.id);
    if (place >= 0) looks.set(one.id, place % LOOKS);
    if (place >= 0) used.add(place % LOOKS);
  }
  let next = 0;
  for (const one of terms.parties) {
    if (looks.has(one.id)) continue;
    while (used.has(next % LOOKS) && used.size < LOOKS) next += 1;
    looks.set(one.id, next % LOOKS);
    used.add(next % LOOKS);
  }
  return {
    terms,
    things,
    /** @param {string} id A member of an obstacle, or what it rests on. @returns {Thing | undefined} */
    find: (id) => ["position", "designation", "rule", "link"].map((kind) => things.get(`${kind}.${id}`)).find(Boolean),
    /** @param {string} id A party or an agency. */
    party: (id) => partyOf.get(id) ?? id,
    /** @param {string} id */
    nameOf: (id) => names.get(id) ?? id,
    /** @param {string} id @returns {number} */
    look: (id) => looks.get(partyOf.get(id) ?? id) ?? LOOKS - 1,
    /** @param {Thing} thing @returns {string[]} Who holds it: parties and agencies. */
    holders: ({ one, kind }) => (kind === "position" ? one.by : kind === "designation" ? [one.party] : []),
  };
}

/**
 * A party or an agency of the file: its party's mark, and its name.
 *
 * @param {{ index: Index, id: string }} props
 */
export function Holder({ index, id }) {
  const party = index.party(id);
  const of = party === id ? null : html` <span class="party-name">(<bdi>${clean(index.nameOf(party), 80)}</bdi>)</span>`;
  return html`<span class=${`party party-${index.look(id)}`}><span class="party-mark" aria-hidden="true"></span
    ><bdi>${clean(index.nameOf(id), 80)}</bdi>${of}</span>`;
}

/** @param {Thing} thing @returns {string} What a thing says, in one sentence. */
export function sayThing({ kind, one }) {
  if (kind === "measure" || kind === "programme" || kind === "zone") return one.name;
  return kind === "clause" || kind === "obligation" ? one.says : one.sentence;
}
