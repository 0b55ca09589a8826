// How far an entry has come: recorded, firm, settled.
//
// Invariants: an entry is only called firm or settled where the desk's last word covers it; without that word it is
// "recorded", which is the least that its being shown means.
//
//     html`<${Standing} index=${17} pulse=${pulse.data} />`
import { html } from "../../core/dom.js";
import { linkTo } from "../../core/route.js";
import { t } from "../../core/words.js";
import { Badge } from "../../parts/notice.js";

/** Events after which something new may have been said, or acknowledged. */
export const SAID = ["entry", "reset", "awake", "own"];
/** Events after which an entry may have come further. */
export const MOVED = ["standing", "entry", "reset", "awake"];

/** @param {number} index @param {any} pulse @returns {"recorded" | "firm" | "settled"} */
export function findStanding(index, pulse) {
  if (pulse && index < pulse.record.settled_size) return "settled";
  return pulse && index < pulse.record.firm_size ? "firm" : "recorded";
}

const KINDS = /** @type {const} */ ({ recorded: "info", firm: "ok", settled: "ok" });

/**
 * The same in plain words, where "settled" could be taken for what a thing is rather than its entry.
 *
 * @param {{ index: number, pulse: any }} props
 */
export function InRecord({ index, pulse }) {
  return html`<span class="muted"><a href=${linkTo("record", { item: String(index) })}>${t("talk.entry", { index })}</a> (${t(`talk.entry-${findStanding(index, pulse)}`)})</span>`;
}

/** @param {{ index: number, pulse: any }} props */
export function Standing({ index, pulse }) {
  const standing = findStanding(index, pulse);
  return html`<span class="talk-standing"><${Badge} kind=${KINDS[standing]} title=${t(`talk.meaning-${standing}`)}>${t(`talk.standing-${standing}`)}</${Badge}>
    <a href=${linkTo("record", { item: String(index) })}>${t("talk.entry", { index })}</a></span>`;
}
