// Items given and got: what stands in the record, what was recalled, and who asks to pass something on.
//
// Invariants: a recalled item is loud wherever it stands and never gone; a recall says how far it came with its
// holder, and that it deletes nothing; a yes to passing on is a plan, decided like any release.
//
//     /release?tab=items&item=31
import { useLook } from "../../core/api.js";
import { html, useState } from "../../core/dom.js";
import { linkTo, setParams, useParam } from "../../core/route.js";
import { clean } from "../../core/safe.js";
import { useSession } from "../../core/session.js";
import { t } from "../../core/words.js";
import { Choice, Field } from "../../parts/form.js";
import { Badge, Empty, Looked } from "../../parts/notice.js";
import { Party } from "../../parts/party.js";
import { Table } from "../../parts/table.js";
import { Time } from "../../parts/time.js";
import { Words } from "../../parts/words.js";
import { GateButton, StateBadge } from "./act.js";
import { VariantFacts } from "./variant.js";

const REASONS = /** @type {const} */ (["wrong", "replaced", "sent-in-error", "not-stated"]);

/** @param {any} row */
const isRecalled = (row) =>
  String(row.words).startsWith("RECALLED") || (row.recall !== null && row.recall.state !== "refused");

/** @param {{ row: any }} props */
export function ItemBadge({ row }) {
  if (isRecalled(row)) return html`<${Badge} kind="bad">${t("release.recalled")}</${Badge}>`;
  if (row.replaced_by) return html`<${Badge} kind="warn">${t("release.replaced")}</${Badge}>`;
  if (row.is_over) return html`<${Badge} kind="off">${t("release.over")}</${Badge}>`;
  return html`<${Badge} kind="ok">${t("release.in-use")}</${Badge}>`;
}

const columns = () => [
  { key: "index", label: t("release.entry"), isNumber: true, width: "4rem", get: (/** @type {any} */ row) => row.index },
  {
    key: "state",
    label: t("release.state"),
    get: (/** @type {any} */ row) => (isRecalled(row) ? 0 : 1),
    render: (/** @type {any} */ row) => html`<${ItemBadge} row=${row} />`,
  },
  {
    key: "author",
    label: t("release.from"),
    get: (/** @type {any} */ row) => row.author,
    render: (/** @type {any} */ row) => html`<${Party} id=${row.author} />`,
  },
  {
    key: "to",
    label: t("release.to"),
    get: (/** @type {any} */ row) => row.to,
    render: (/** @type {any} */ row) => html`<${Party} id=${row.to} />`,
  },
  {
    key: "words",
    label: t("release.what"),
    get: (/** @type {any} */ row) => row.words,
    render: (/** @type {any} */ row) => html`<bdi>${clean(row.words, 110)}</bdi>`,
  },
];

/** @param {{ row: any }} props */
function Recall({ row }) {
  const [reason, setReason] = useState("wrong");
  const [words, setWords] = useState("");
  return html`<section class="panel">
    <h3>${t("release.recall")}</h3>
    <p>${t("release.recall-hint")}</p>
    <${Choice} label=${t("release.reason")} value=${reason} onChange=${setReason}
      options=${REASONS.map((one) => ({ value: one, label: t(`release.reason-${one}`) }))} />
    <${Field} label=${t("release.words")} hint=${t("release.note-hint")}>
      <textarea maxlength="2000" value=${words} onInput=${(/** @type {any} */ event) => setWords(event.currentTarget.value)}></textarea>
    </${Field}>
    <${GateButton} verb="release-recall" kind="danger" hasToken=${true} label=${t("release.recall-it", { who: row.to })}
      body=${{ of: [row.leaf], reason, words }} />
  </section>`;
}

/** @param {{ row: any }} props */
function AskOnward({ row }) {
  const session = useSession();
  const [party, setParty] = useState("");
  const [words, setWords] = useState("");
  const others = session.parties.filter((one) => one.party !== session.party && one.party !== row.originator);
  if (!others.length) return null;
  return html`<section class="panel">
    <h3>${t("release.ask")}</h3>
    <p>${t("release.ask-hint")}</p>
    <${Choice} label=${t("release.to")} value=${party} onChange=${setParty}
      options=${others.map((one) => ({ value: one.party, label: one.party }))} />
    <${Field} label=${t("release.words")} hint=${t("release.note-hint")}>
      <input maxlength="500" value=${words} onInput=${(/** @type {any} */ event) => setWords(event.currentTarget.value)} />
    </${Field}>
    <${GateButton} verb="release-ask" hasToken=${true} disabled=${!party} label=${t("release.ask-it")}
      body=${{ item: row.leaf, party, purpose: row.purpose, words }} />
  </section>`;
}

/** @param {{ row: any }} props */
function ItemPanel({ row }) {
  const session = useSession();
  const isOwn = row.author === session.party;
  return html`<article class="stack release-detail" aria-label=${t("release.item-number", { index: row.index })}>
    <div class="row">
      <button type="button" onClick=${() => setParams({ item: null })}>← ${t("release.back")}</button>
      <h2>${t("release.item-number", { index: row.index })}</h2>
      <${ItemBadge} row=${row} />
    </div>
    ${isRecalled(row)
      ? html`<div class="error-box" role="alert"><span class="badge-shape" aria-hidden="true">■</span><div>
          <strong>${t("release.do-not-use")}</strong>
          ${row.recall
            ? html`<p><${StateBadge} state=${row.recall.state} /> <${Time} iso=${row.recall.at} /></p>
                <p><${Words} text=${row.recall.words} most=${400} /></p>`
            : null}
        </div></div>`
      : row.recall
        ? html`<p><${StateBadge} state=${row.recall.state} /> ${t("release.recall-failed")}</p>`
        : null}
    <p><${Party} id=${row.author} name=${true} /> → <${Party} id=${row.to} name=${true} /> · <${Time} iso=${row.at} /></p>
    <p class="release-sentence"><${Words} text=${row.words} most=${600} /></p>
    <dl class="facts">
      <dt>${t("release.marked")}</dt><dd><${Words} text=${row.marking} /></dd>
      <dt>${t("release.purpose")}</dt><dd><${Words} text=${row.purpose} /></dd>
      <dt>${t("release.originator")}</dt><dd><${Party} id=${row.originator} /></dd>
      <dt>${t("release.until")}</dt><dd>${row.until ? html`<${Time} iso=${row.until} />` : "—"}</dd>
      <dt>${t("release.receipt")}</dt><dd>${row.receipt ? html`<${Words} text=${row.receipt} />` : t("release.no-receipt")}</dd>
      ${row.note ? html`<dt>${t("release.note")}</dt><dd><${Words} text=${row.note} as="block" /></dd>` : null}
    </dl>
    <a href=${linkTo("record", { item: String(row.index) })}>${t("release.in-record")}</a>
    <${VariantFacts} variant=${row.variant} />
    ${isOwn && !isRecalled(row) ? html`<${Recall} row=${row} />` : null}
    ${!isOwn && !isRecalled(row) && row.onward !== "no" ? html`<${AskOnward} row=${row} />` : null}
  </article>`;
}

/** @param {{ row: any }} props */
function Question({ row }) {
  const session = useSession();
  const isOurs = row.originator === session.party;
  const body = (/** @type {boolean} */ granted) => ({ ask: row.ask, granted });
  return html`<li class="panel">
    <p><${StateBadge} state=${row.state} /> <${Party} id=${row.holder} /> → <${Party} id=${row.to} /> · <${Words} text=${row.purpose} />
      ${" "}<${Time} iso=${row.at} local=${false} /></p>
    ${row.words ? html`<p><${Words} text=${row.words} most=${400} /></p>` : null}
    ${row.answer ? html`<p>${t("release.answered")} <${Words} text=${row.answer} most=${400} /></p>` : null}
    ${isOurs && row.state === "open"
      ? html`<div class="row">
          <${GateButton} verb="release-grant" label=${t("release.grant")} body=${body(true)}
            onDone=${(/** @type {any} */ made) => made.plan && setParams({ tab: "plans", item: String(made.plan) })} />
          <${GateButton} verb="release-grant" kind="danger" label=${t("release.refuse")} body=${body(false)} />
        </div>`
      : null}
  </li>`;
}

function Onward() {
  const asked = useLook("release-onward");
  if (!asked.data?.length) return html`<${Looked} of=${asked} />`;
  return html`<section class="stack">
    <h2>${t("release.onward")}</h2>
    <ul class="stack">${asked.data.map((/** @type {any} */ row, /** @type {number} */ at) => html`<${Question} key=${row.ask || at} row=${row} />`)}</ul>
  </section>`;
}

/** @param {{ party?: string, isGiven?: boolean }} props `party`: only between us and it; `isGiven`: only ours. */
export function Items({ party = "", isGiven = false }) {
  const [item, sort] = [useParam("item"), useParam("sort")];
  const session = useSession();
  const found = useLook("release-items", { party, limit: 500 });
  const rows = (found.data ?? []).filter((/** @type {any} */ row) => !isGiven || row.author === session.party);
  const chosen = rows.find((/** @type {any} */ row) => String(row.index) === item);
  return html`<div class=${chosen ? "split release-split split-chosen" : "split release-split"}>
    <div class="release-pane stack">
      <${Looked} of=${found} />
      ${found.data && !rows.length
        ? html`<${Empty}>${t("release.no-items")}</${Empty}>`
        : html`<${Table} label=${t("release.items")} rows=${rows} columns=${columns()} selected=${item} sort=${sort}
            rowKey=${(/** @type {any} */ row) => String(row.index)}
            rowClass=${(/** @type {any} */ row) => (isRecalled(row) ? "release-recalled" : "")}
            onSort=${(/** @type {string} */ next) => setParams({ sort: next }, { replace: true })}
            onSelect=${(/** @type {any} */ row) => setParams({ item: String(row.index) })}
            cardHeight_px=${96}
            card=${(/** @type {any} */ row) => html`<div>
              <strong>${row.index}</strong> <${ItemBadge} row=${row} /> <${Party} id=${row.author} /> → <${Party} id=${row.to} />
              <div><bdi>${clean(row.words, 70)}</bdi></div>
            </div>`} />`}
      ${party ? null : html`<${Onward} />`}
    </div>
    <div class="release-pane">
      ${chosen ? html`<${ItemPanel} key=${item} row=${chosen} />` : html`<${Empty}>${t("release.choose-item")}</${Empty}>`}
    </div>
  </div>`;
}
