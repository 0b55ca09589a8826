// How a party is told apart: a letter, a pattern and a colour, always the same three, everywhere on the page.
//
// Invariants: our own party is number 0, drawn solid; the others follow in the order of their names, so that every
// desk draws them alike but for its own; no party is told by colour alone. What a party calls itself is its words.
//
//     html`<${Party} id="ru" />`       partyLook("ru").pattern   // "stripes"
import { html } from "../core/dom.js";
import { clean } from "../core/safe.js";
import { session } from "../core/session.js";
import { t } from "../core/words.js";

const PATTERNS = /** @type {const} */ (["solid", "stripes", "dots", "cross", "waves", "bars", "checks", "zigzag"]);

/** @typedef {{ number: number, isOwn: boolean, pattern: typeof PATTERNS[number], colour: string, letter: string,
 *   name: string }} PartyLook */

/** @returns {readonly string[]} Our own party first, then the others by name. */
export function listPartyIds() {
  const found = session.get();
  if (found === null) return [];
  const others = found.parties.map((one) => one.party).filter((one) => one !== found.party);
  return [found.party, ...others.sort()];
}

/** @param {string} id @returns {PartyLook} */
export function partyLook(id) {
  const ids = listPartyIds();
  const place = ids.indexOf(id);
  const number = place < 0 ? ids.length : place;
  // Eight looks; with more parties the letter goes on telling them apart.
  const look = number === 0 ? 0 : 1 + ((number - 1) % 7);
  const name = session.get()?.parties.find((one) => one.party === id)?.name ?? id;
  return {
    number,
    isOwn: number === 0,
    pattern: PATTERNS[look] ?? "zigzag",
    colour: `var(--party-${look})`,
    letter: clean(id, 3).toUpperCase(),
    name,
  };
}

/** @param {{ id: string, name?: boolean }} props `name`: with the name it gives itself. */
export function Party({ id, name = false }) {
  const look = partyLook(id);
  const label = `${clean(look.name, 80)}${look.isOwn ? ` (${t("shell.own")})` : ""}`;
  return html`<span class=${`party party-${PATTERNS.indexOf(look.pattern)}`} title=${label}
    ><span class="party-mark" aria-hidden="true"></span><bdi>${clean(id, 24)}</bdi>${
      name ? html` <bdi class="party-name">${clean(look.name, 80)}</bdi>` : null
    }${look.isOwn ? html` <span class="party-own">${t("shell.own")}</span>` : null}</span>`;
}

/** @param {{ ids: readonly string[] }} props Empty: open to every party. */
export function Parties({ ids }) {
  if (!ids.length) return html`<span class="parties">${t("shell.all-parties")}</span>`;
  return html`<span class="parties">${ids.map((id) => html`<${Party} key=${id} id=${id} /> `)}</span>`;
}
