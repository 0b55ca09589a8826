// What is due at this desk: a list by urgency, and beside it the thing that was chosen, with its acts.
//
// Invariants: what is chosen stands in the address, and does not move by itself: a thing that the desk lists no more
// says so and stays until the reader goes on; an empty list is only called empty when the desk said so, with when.
//
// It makes no sound and does not count what is new.
//
//     /inbox?item=acknowledge:<message>
import { html, useEffect, useRef } from "../../core/dom.js";
import { useKeys } from "../../core/keys.js";
import { setParams, useParam } from "../../core/route.js";
import { useSession } from "../../core/session.js";
import { useStore } from "../../core/store.js";
import { hasWords, t, tx } from "../../core/words.js";
import { ActButton } from "../../parts/dialog.js";
import { Badge, Empty, ErrorBox } from "../../parts/notice.js";
import { Party } from "../../parts/party.js";
import { Left, Since, Time } from "../../parts/time.js";
import { Words } from "../../parts/words.js";
import { deskNowMs } from "../../core/time.js";
import { About } from "./about.js";
import { Acts } from "./act.js";
import { askSoon, dueStore, startDue } from "./due.js";
import { askName, findClock } from "./items.js";
import { LadderClock } from "./ladder.js";
import { ReadBack } from "./readback.js";

/** @typedef {import("./items.js").Item} Item */

const KINDS = /** @type {const} */ ({ now: "bad", soon: "warn", later: "quiet" });

/** @param {Item} item @returns {string} What is asked, in a few words of the page's own. */
function sayAsk(item) {
  const name = `inbox.${askName(item)}`;
  return t(hasWords(name) ? name : `inbox.ask-${item.kind}`);
}

/** @param {{ item: Item, from_ms: number }} props */
function Clock({ item, from_ms }) {
  const clock = findClock(item, from_ms);
  if (item.facts.has_lapsed) return html`<${Badge} kind="bad">${t("inbox.clock-has-lapsed")}</${Badge}>`;
  if (clock === null) return null;
  const now_ms = deskNowMs();
  return html`<span>${t(`inbox.next-${clock.kind}`)} <${Left} seconds=${(clock.at_ms - now_ms) / 1000} from_ms=${now_ms} /></span>`;
}

/** @param {{ item: Item, from_ms: number, isChosen: boolean }} props */
function Line({ item, from_ms, isChosen }) {
  return html`<li><button type="button" class="due-line" data-item=${item.key} aria-current=${isChosen ? "true" : undefined}
      onClick=${() => setParams({ item: item.key })}>
    <strong>${sayAsk(item)}</strong>
    ${item.author ? html` <${Party} id=${item.author} />` : null}
    <span class="due-title"><${Words} text=${item.facts.title || item.words} most=${120} /></span>
    <small><${Clock} item=${item} from_ms=${from_ms} /></small>
  </button></li>`;
}

/** @param {{ item: Item, from_ms: number }} props */
function Detail({ item, from_ms }) {
  return html`<div class="stack due-detail">
    <h2>${sayAsk(item)} <${Badge} kind=${KINDS[item.urgency]}>${t(`inbox.urgency-${item.urgency}`)}</${Badge}></h2>
    <p><${Words} text=${item.words} most=${600} language="en" /></p>
    <p>${item.since ? html`${t("inbox.since")} <${Time} iso=${item.since} />` : null}</p>
    <p><${Clock} item=${item} from_ms=${from_ms} /></p>
    <${LadderClock} item=${item} from_ms=${from_ms} />
    ${item.facts.silence ? html`<p class="muted">${t(`inbox.silence-${item.facts.silence}`)}</p>` : null}
    ${item.kind === "read-back" ? html`<${ReadBack} key=${item.key} item=${item} />` : null}
    <${Acts} key=${item.key} item=${item} />
    <${About} key=${`about-${item.key}`} item=${item} />
  </div>`;
}

/** Whether this tab asks already. */
let isStarted = false;

export default function Inbox() {
  const due = useStore(dueStore);
  const chosen = useParam("item");
  const session = useSession();
  const list = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    if (isStarted) askSoon();
    else startDue();
    isStarted = true;
  }, []);
  const place = due.all.findIndex((one) => one.key === chosen || one.key.startsWith(`${chosen}:`));
  const item = chosen ? due.all[place] : undefined;
  const step = (/** @type {number} */ by) => {
    const next = due.all[item ? Math.min(due.all.length - 1, Math.max(0, place + by)) : 0];
    if (next) setParams({ item: next.key }, { replace: true });
  };
  useKeys(
    [
      { keys: "j / arrowdown", label: t("inbox.key-next"), group: "inbox", run: () => step(1) },
      { keys: "k / arrowup", label: t("inbox.key-previous"), group: "inbox", run: () => step(-1) },
      { keys: "escape", label: t("inbox.key-back"), group: "inbox", run: () => setParams({ item: null }) },
    ],
    [due, chosen],
  );
  const owed = due.all.filter((one) => one.kind === "acknowledge" && one.facts.message);
  return html`<div class="view inbox">
    <h1>${t("shell.view-inbox")}</h1>
    ${due.isStale ? html`<${Badge} kind="warn">${t("shell.stale-answer")}</${Badge}>` : null}
    <${ErrorBox} error=${due.error} onAgain=${askSoon} />
    <div class=${chosen ? "split split-chosen" : "split"}>
      <section ref=${list} aria-label=${t("inbox.list")}>
        ${!due.isKnown && !due.error ? html`<p class="loading" role="status">${t("shell.loading")}</p>` : null}
        ${due.isKnown && !due.all.length
          ? html`<${Empty}>${tx("inbox.nothing-due", { time: html`<${Time} ms=${due.at_ms} local=${false} />` })}</${Empty}>`
          : null}
        ${owed.length > 1 && session.may("acknowledge")
          ? html`<p class="no-print"><${ActButton} verb="acknowledge" body=${{ messages: owed.map((one) => one.subject) }}
              label=${t("inbox.acknowledge-all", { n: owed.length })} /></p>`
          : null}
        ${due.groups.map(
          (group) => html`<div key=${group.urgency} class="due-group">
            <h2><${Badge} kind=${KINDS[group.urgency]}>${t(`inbox.urgency-${group.urgency}`)} · ${group.items.length}</${Badge}></h2>
            <ol class="due-list">${group.items.map((one) => html`<${Line} key=${one.key} item=${one} from_ms=${due.at_ms} isChosen=${one === item} />`)}</ol>
          </div>`,
        )}
        ${due.isKnown ? html`<p class="muted"><small>${t("inbox.last-asked")} <${Since} ms=${due.at_ms} /></small></p>` : null}
      </section>
      <section aria-label=${t("inbox.chosen")}>
        ${chosen ? html`<button type="button" class="quiet no-print" onClick=${() => setParams({ item: null })}>${t("inbox.key-back")} <kbd>Esc</kbd></button>` : null}
        ${item
          ? html`<${Detail} item=${item} from_ms=${due.at_ms} />`
          : html`<${Empty}>${chosen && due.isKnown ? t("inbox.no-longer") : t("inbox.choose")}</${Empty}>`}
      </section>
    </div>
  </div>`;
}
