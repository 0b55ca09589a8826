// How a party is told apart: a letter, a pattern and a colour, always the same three, everywhere on the page.
//
// Invariants: the parties are numbered as the charter names them, so that every desk draws them alike ("the striped
// one" is the same on both ends of a telephone); our own is marked as ours in words; no party is told by colour
// alone. What a party calls itself is its words.
//
//     html`<${Party} id="ru" />`       partyLook("ru").pattern   // "stripes"
import { html } from "../core/dom.js";
import { clean } from "../core/safe.js";
import { session } from "../core/session.js";
import { t } from "../core/words.js";

const PATTERNS = /** @type {const} */ (["solid", "stripes", "dots", "cross", "waves", "bars", "checks", "zigzag"]);

/** @typedef {{ number: number, isOwn: boolean, pattern: typeof PATTERNS[number], colour: string, letter: string,
 *   name: string }} PartyLook */

/** @returns {readonly string[]} In the charter's order. */
export function listPartyIds() {
  return session.get()?.parties.map((one) => one.party) ?? [];
}

/** @param {string} id @returns {PartyLook} */
export function partyLook(id) {
  const ids = listPartyIds();
  const place = ids.indexOf(id);
  const number = place < 0 ? ids.length : place;
  // Eight looks; with more parties the letter goes on telling them apart.
  const look = number % PATTERNS.length;
  const name = session.get()?.parties.find((one) => one.party === id)?.name ?? id;
  return {
    number,
    isOwn: id === session.get()?.party,
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
