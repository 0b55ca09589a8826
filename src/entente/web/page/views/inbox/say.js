// An item in a few words of the page's own, and its clock: alike in the list, beside the thing and in the alarm.
//
// Invariants: none of it is a partner's text; a clock that is over says what was to happen and since when it is over.
//
//     html`<strong>${sayAsk(item)}</strong> <${Clock} item=${item} from_ms=${due.at_ms} />`
import { html } from "../../core/dom.js";
import { deskNowMs } from "../../core/time.js";
import { hasWords, t } from "../../core/words.js";
import { Badge } from "../../parts/notice.js";
import { Left } from "../../parts/time.js";
import { askName, findClock } from "./items.js";

/** @typedef {import("./items.js").Item} Item */

/** @param {Item} item @returns {string} What is asked, in a few words of the page's own. */
export function sayAsk(item) {
  const name = `inbox.${askName(item)}`;
  return t(hasWords(name) ? name : `inbox.ask-${item.kind}`);
}

/** @param {{ item: Item, from_ms: number }} props */
export function Clock({ item, from_ms }) {
  const clock = findClock(item, from_ms);
  if (item.facts.has_lapsed) return html`<${Badge} kind="bad">${t("inbox.clock-has-lapsed")}</${Badge}>`;
  if (clock === null) return null;
  const now_ms = deskNowMs();
  return html`<span><span class="clock-what">${t(`inbox.${clock.at_ms < now_ms ? "was" : "next"}-${clock.kind}`)}</span> <${Left} seconds=${(clock.at_ms - now_ms) / 1000} from_ms=${now_ms} /></span>`;
}
