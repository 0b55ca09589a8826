// What is due at this desk: a list by urgency, and beside it the thing that was chosen, with its acts.
//
// Invariants: what is chosen stands in the address, and does not move by itself: a thing that the desk lists no more
// says so and stays until the reader goes on; an empty list is only called empty when the desk said so, with when.
//
// The alarm is not its matter: that speaks on every view (`alarm.js`).
//
//     /inbox?item=acknowledge:<message>
import { html, useEffect, useRef, useState } from "../../core/dom.js";
import { useKeys } from "../../core/keys.js";
import { route, setParams, useParam } from "../../core/route.js";
import { useSession } from "../../core/session.js";
import { clean } from "../../core/safe.js";
import { useStore } from "../../core/store.js";
import { t, tx } from "../../core/words.js";
import { ActButton } from "../../parts/dialog.js";
import { Badge, Empty, ErrorBox } from "../../parts/notice.js";
import { Party } from "../../parts/party.js";
import { Since, Time } from "../../parts/time.js";
import { Words } from "../../parts/words.js";
import { About } from "./about.js";
import { Acts } from "./act.js";
import { AlarmSettings } from "./banner.js";
import { askSoon, dueStore, startDue } from "./due.js";
import { Gone, Lately, sayKind } from "./lately.js";
import { LadderClock } from "./ladder.js";
import { ReadBack } from "./readback.js";
import { Clock, sayAsk } from "./say.js";

/** @typedef {import("./items.js").Item} Item */

const KINDS = /** @type {const} */ ({ now: "bad", soon: "warn", later: "quiet" });

/**
 * @param {{ item: Item, from_ms: number, isChosen: boolean, mark: { isOn: boolean, set: (isOn: boolean) => void } | null }} props
 *   `mark`: for acknowledging several at once.
 */
function Line({ item, from_ms, isChosen, mark }) {
  const ask = sayAsk(item);
  const kind = item.kind === "acknowledge" ? sayKind(item.facts.message_kind) : "";
  return html`<li class=${`due-row due-${item.urgency}`}>
    ${mark
      ? html`<input type="checkbox" class="due-mark no-print" checked=${mark.isOn} aria-label=${`${t("inbox.mark")}: ${clean(item.facts.title || item.words, 80)}`}
          onChange=${(/** @type {any} */ event) => mark.set(event.currentTarget.checked)} />`
      : html`<span class="due-mark"></span>`}
    <button type="button" class="due-line" aria-current=${isChosen ? "true" : undefined} onClick=${() => setParams({ item: item.key })}>
      <span class="due-head"><strong>${ask}</strong>${kind ? html`<span>${kind}</span>` : null}${item.author ? html`<${Party} id=${item.author} />` : null}</span>
      <span class="due-title"><bdi>${clean(item.facts.title || item.facts.text || item.words, 110)}</bdi></span>
      <small><${Clock} item=${item} from_ms=${from_ms} /></small>
    </button></li>`;
}

/** @param {{ item: Item, from_ms: number, isGone: boolean }} props */
function Detail({ item, from_ms, isGone }) {
  return html`<div class="stack due-detail">
    <h2>${sayAsk(item)} ${isGone ? null : html`<${Badge} kind=${KINDS[item.urgency]}>${t(`inbox.urgency-${item.urgency}`)}</${Badge}>`}</h2>
    ${isGone ? html`<${Gone} item=${item} />` : null}
    <p><${Words} text=${item.words} most=${600} language="en" /></p>
    ${isGone
      ? null
      : html`<p class="due-clock">${item.since ? html`<span>${t("inbox.since")} <${Time} iso=${item.since} /></span>` : null}
            <strong><${Clock} item=${item} from_ms=${from_ms} /></strong></p>
          <${LadderClock} item=${item} from_ms=${from_ms} />
          ${item.reminders[0] ? html`<p class="muted">${t("inbox.reminders")} <${Time} iso=${item.reminders[0].since} /></p>` : null}
          ${item.facts.silence ? html`<p class="muted">${t(`inbox.silence-${item.facts.silence}`)}</p>` : null}
          ${item.kind === "read-back" ? html`<${ReadBack} key=${item.key} item=${item} />` : null}
          <${Acts} key=${item.key} item=${item} />`}
    <${About} key=${`about-${item.key}`} item=${item} />
  </div>`;
}

/** @param {{ owed: readonly Item[], marked: readonly Item[], setMarks: (keys: ReadonlySet<string>) => void }} props */
function Several({ owed, marked, setMarks }) {
  if (owed.length < 2) return null;
  return html`<div class="row no-print">
    ${marked.length
      ? html`<${ActButton} verb="acknowledge" kind="primary" body=${{ messages: marked.map((one) => one.subject) }}
            label=${t("inbox.acknowledge-marked", { n: marked.length })} onDone=${() => setMarks(new Set())} />
          <button type="button" class="quiet" onClick=${() => setMarks(new Set())}>${t("inbox.unmark")}</button>`
      : html`<button type="button" class="quiet" onClick=${() => setMarks(new Set(owed.map((one) => one.key)))}>${t("inbox.mark-all", { n: owed.length })}</button>`}
  </div>`;
}

/** @param {Item} item @param {string} name As the address has it: a part may be left out. */
const isNamed = (item, name) => item.key === name || item.key.startsWith(`${name}:`);

/** @param {readonly Item[]} all @param {string} name @returns {number} */
const findPlace = (all, name) => (name ? all.findIndex((one) => isNamed(one, name)) : -1);

/** @param {{ isShown?: boolean }} _props */
export default function Inbox(_props) {
  const due = useStore(dueStore);
  const chosen = useParam("item");
  const session = useSession();
  const detail = useRef(/** @type {HTMLElement | null} */ (null));
  const held = useRef(/** @type {{ item: Item, place: number } | null} */ (null));
  const [marks, setMarks] = useState(/** @type {ReadonlySet<string>} */ (new Set()));
  useEffect(startDue, []);
  const place = findPlace(due.all, chosen);
  const item = due.all[place];
  if (item) held.current = { item, place };
  else if (held.current && !isNamed(held.current.item, chosen)) held.current = null;
  const shown = item ?? held.current?.item;
  // What went leaves the next one in its place: so one key goes on, and none is skipped. Asked anew at each key, since
  // keys may come quicker than the screen is drawn.
  const step = (/** @type {number} */ by) => {
    const { all } = dueStore.get();
    const here = findPlace(all, route.get().params["item"] ?? "");
    const from = here >= 0 ? here + by : held.current ? held.current.place + Math.min(0, by) : 0;
    const next = all[Math.min(all.length - 1, Math.max(0, from))];
    if (next) setParams({ item: next.key }, { replace: true });
  };
  useEffect(() => {
    document.querySelector(".due-line[aria-current]")?.scrollIntoView({ block: "nearest" });
    detail.current?.scrollTo?.(0, 0);
  }, [item?.key]);
  useKeys(
    [
      { keys: "j / arrowdown", label: t("inbox.key-next"), group: "inbox", run: () => step(1) },
      { keys: "k / arrowup", label: t("inbox.key-previous"), group: "inbox", run: () => step(-1) },
      { keys: "enter", label: t("inbox.key-act"), group: "inbox",
        run: () => /** @type {HTMLElement | null | undefined} */ (detail.current?.querySelector(".acts button, .acts a, .readback button"))?.focus() },
      { keys: "escape", label: t("inbox.key-back"), group: "inbox", run: () => setParams({ item: null }) },
    ],
    [due, chosen],
  );
  const owed = session.may("acknowledge") ? due.all.filter((one) => one.kind === "acknowledge") : [];
  const mark = (/** @type {string} */ key, /** @type {boolean} */ isOn) =>
    setMarks((old) => new Set([...old].filter((one) => one !== key).concat(isOn ? [key] : [])));
  return html`<div class="view inbox">
    <header class="view-head"><h1>${t("shell.view-inbox")}</h1>
      ${due.isKnown ? html`<small class="muted">${t("inbox.last-asked")} <${Since} ms=${due.at_ms} /></small>` : null}
      <${AlarmSettings} />
      <button type="button" class="quiet no-print" onClick=${() => window.print()}>${t("shell.print")}</button></header>
    ${due.isStale && due.isKnown ? html`<p><${Badge} kind="warn">${t("shell.stale-answer")}</${Badge}></p>` : null}
    <${ErrorBox} error=${due.error} onAgain=${askSoon} />
    <div class=${chosen ? "split split-chosen" : "split"}>
      <section class="due-side" aria-label=${t("inbox.list")}>
        ${!due.isKnown && !due.error ? html`<p class="loading" role="status">${t("shell.loading")}</p>` : null}
        ${due.isKnown && !due.all.length
          ? html`<${Empty}>✓ ${tx("inbox.nothing-due", { time: html`<${Time} ms=${due.at_ms} local=${false} />` })}</${Empty}>`
          : null}
        <${Several} owed=${owed} marked=${owed.filter((one) => marks.has(one.key))} setMarks=${setMarks} />
        ${due.groups.map(
          (group) => html`<div key=${group.urgency} class="due-group">
            <h2><${Badge} kind=${KINDS[group.urgency]}>${t(`inbox.urgency-${group.urgency}`)} · ${group.items.length}</${Badge}></h2>
            <ol class="due-list">${group.items.map((one) => html`<${Line} key=${one.key} item=${one} from_ms=${due.at_ms} isChosen=${one === item}
              mark=${owed.length > 1 && owed.includes(one) ? { isOn: marks.has(one.key), set: (/** @type {boolean} */ isOn) => mark(one.key, isOn) } : null} />`)}</ol>
          </div>`,
        )}
        ${session.may("done") ? html`<${Lately} />` : null}
      </section>
      <section class="due-chosen" ref=${detail} aria-label=${t("inbox.chosen")}>
        ${chosen ? html`<div class="no-print"><button type="button" class="quiet" onClick=${() => setParams({ item: null })}>${t("inbox.key-back")} <kbd>Esc</kbd></button></div>` : null}
        ${shown
          ? html`<${Detail} key=${shown.key} item=${shown} from_ms=${due.at_ms} isGone=${!item} />`
          : html`<${Empty}>${chosen && due.isKnown ? t("inbox.not-listed") : t("inbox.choose")}</${Empty}>`}
      </section>
    </div>
  </div>`;
}
