// Passing on: who asks, what the originator says, and passing on under a yes.
//
// Invariants: only the originator's yes lets an item go on; a yes is a plan and is decided like any release; what is
// passed on is the same variant, under the originator's label, and nothing of ours is added but the note.
//
//     html`<${Onward} />`
import { useLook } from "../../core/api.js";
import { html, useState } from "../../core/dom.js";
import { linkTo, setParams } from "../../core/route.js";
import { useSession } from "../../core/session.js";
import { t } from "../../core/words.js";
import { Field } from "../../parts/form.js";
import { Badge, Looked } from "../../parts/notice.js";
import { Party } from "../../parts/party.js";
import { Time } from "../../parts/time.js";
import { Words } from "../../parts/words.js";
import { GateButton, StateBadge } from "./act.js";

/** @param {{ row: any }} props The originator's answer. */
function Answer({ row }) {
  const [words, setWords] = useState("");
  const body = (/** @type {boolean} */ granted) => ({ ask: row.ask, granted, words });
  return html`<div class="stack">
    <p class="muted">${t("release.grant-hint")}</p>
    <${Field} label=${t("release.words")} hint=${t("release.note-hint")}>
      <input maxlength="500" value=${words} onInput=${(/** @type {any} */ event) => setWords(event.currentTarget.value)} />
    </${Field}>
    <div class="row">
      <${GateButton} verb="release-grant" kind="primary" label=${t("release.grant")} body=${body(true)}
        onDone=${(/** @type {any} */ made) => made.plan && setParams({ tab: "plans", item: String(made.plan) })} />
      <${GateButton} verb="release-grant" kind="danger" label=${t("release.refuse")} body=${body(false)} />
    </div>
  </div>`;
}

/** @param {{ row: any }} props The holder passes it on. */
function PassOn({ row }) {
  const [note, setNote] = useState("");
  return html`<div class="stack">
    <p class="muted">${t("release.pass-hint")}</p>
    <${Field} label=${t("release.note")} hint=${t("release.note-hint")}>
      <input maxlength="500" value=${note} onInput=${(/** @type {any} */ event) => setNote(event.currentTarget.value)} />
    </${Field}>
    <${GateButton} verb="release-pass" kind="primary" label=${t("release.pass", { who: row.to })} body=${{ grant: row.grant, note }} />
  </div>`;
}

/** @param {{ row: any, isChosen: boolean }} props */
function Question({ row, isChosen }) {
  const session = useSession();
  const isGranted = row.state === "granted";
  return html`<li class=${isChosen ? "panel stack release-chosen" : "panel stack"} aria-current=${isChosen ? "true" : undefined}>
    <p><${StateBadge} state=${row.state} /> <${Party} id=${row.originator} /> · <${Party} id=${row.holder} /> → <${Party} id=${row.to} name=${true} />
      ${" "}· <${Words} text=${row.purpose} most=${60} /> <${Time} iso=${row.at} local=${false} /></p>
    ${row.words ? html`<p><${Words} text=${row.words} most=${400} /></p>` : null}
    ${row.answer ? html`<p>${t("release.answered")} <${Words} text=${row.answer} most=${400} /></p>` : null}
    ${row.until ? html`<p>${t("release.pass-by")} <${Time} iso=${row.until} /></p>` : null}
    ${row.originator === session.party && row.state === "open" ? html`<${Answer} row=${row} />` : null}
    ${row.holder === session.party && row.passed
      ? html`<p><${Badge} kind="ok">${t("release.passed")}</${Badge}> <a href=${linkTo("release", { tab: "items", item: String(row.passed) })}>${t("release.item-number", { index: row.passed })}</a></p>`
      : null}
    ${row.holder === session.party && isGranted && !row.passed ? html`<${PassOn} row=${row} />` : null}
    ${row.originator === session.party && isGranted
      ? html`<${GateButton} verb="release-recall" kind="danger" hasToken=${true} label=${t("release.recall-yes")}
          body=${{ of: [row.grant], reason: "not-stated", words: "" }} />`
      : null}
  </li>`;
}

/** @param {{ chosen: string }} props Shown to who may ask about it; nothing where there is nothing. `chosen`: a question. */
export function Onward({ chosen }) {
  const session = useSession();
  const asked = useLook(session.may("release-onward") ? "release-onward" : null);
  if (!asked.data?.length) return html`<${Looked} of=${asked} />`;
  return html`<section class="stack">
    <h2>${t("release.onward")}</h2>
    <ul class="stack">${asked.data.map((/** @type {any} */ row, /** @type {number} */ at) => html`<${Question} key=${row.ask || row.grant || at} row=${row} isChosen=${chosen !== "" && chosen === row.ask} />`)}</ul>
  </section>`;
}
