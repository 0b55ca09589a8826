// Items given and got: what stands in the record, what was recalled, who holds it, and why they can see it.
//
// Invariants: a recalled item is loud wherever it stands and never gone; a recall says how far it came with each
// holder, and that it deletes nothing; why a partner can see it is told from our own plan, and only where it is ours.
//
//     /release?tab=items&item=31&why=1
import { useLook } from "../../core/api.js";
import { html, useState } from "../../core/dom.js";
import { linkTo, setParams, useParam } from "../../core/route.js";
import { clean } from "../../core/safe.js";
import { useSession } from "../../core/session.js";
import { t } from "../../core/words.js";
import { ExportMenu, saveFile, toCsv } from "../../parts/export.js";
import { Choice, Field } from "../../parts/form.js";
import { Badge, Empty, Looked } from "../../parts/notice.js";
import { Party } from "../../parts/party.js";
import { Table } from "../../parts/table.js";
import { Time } from "../../parts/time.js";
import { Words } from "../../parts/words.js";
import { GateButton, StateBadge } from "./act.js";
import { Chain } from "./chain.js";
import { Holders } from "./holders.js";
import { Onward } from "./onward.js";
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
  const [scope, setScope] = useState("item");
  const isAll = scope === "report" && row.report !== "";
  return html`<section class="panel">
    <h3>${t("release.recall")}</h3>
    <p>${t("release.recall-hint")}</p>
    <${Choice} label=${t("release.reason")} value=${reason} onChange=${setReason}
      options=${REASONS.map((one) => ({ value: one, label: t(`release.reason-${one}`) }))} />
    <${Field} label=${t("release.words")} hint=${t("release.note-hint")}>
      <textarea maxlength="2000" value=${words} onInput=${(/** @type {any} */ event) => setWords(event.currentTarget.value)}></textarea>
    </${Field}>
    ${row.report
      ? html`<${Choice} label=${t("release.recall-scope")} value=${scope} onChange=${setScope}
          options=${["item", "report"].map((one) => ({ value: one, label: t(`release.recall-${one}`) }))} />`
      : null}
    <${GateButton} verb="release-recall" kind="danger" hasToken=${true}
      label=${isAll ? t("release.recall-all") : t("release.recall-it", { who: row.to })}
      body=${isAll ? { report: row.report, reason, words } : { of: [row.leaf], reason, words }} />
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
      <dt>${t("release.receipt")}</dt><dd>${row.receipt ? t(`release.receipt-${row.receipt}`) : t("release.no-receipt")}</dd>
      ${row.note ? html`<dt>${t("release.note")}</dt><dd><${Words} text=${row.note} as="block" /></dd>` : null}
    </dl>
    <a href=${linkTo("record", { item: String(row.index) })}>${t("release.in-record")}</a>
    ${session.may("release-holders") ? html`<${Holders} row=${row} />` : null}
    ${isOwn && !isRecalled(row) && session.may("release-recall") ? html`<${Recall} row=${row} />` : null}
    ${row.plan && session.may("release-explain") ? html`<${WhyIt} row=${row} />` : null}
    ${isOwn ? null : html`<p class="muted">${t("release.why-theirs", { who: row.originator })}</p>`}
    <h3>${t("release.what-it-says")}</h3>
    <${VariantFacts} variant=${row.variant} />
    ${!isOwn && !isRecalled(row) && row.onward !== "never" && session.may("release-ask") ? html`<${AskOnward} row=${row} />` : null}
  </article>`;
}

/** @param {{ row: any }} props Why its recipient can see it: the chain of the plan that gave it. */
function WhyIt({ row }) {
  const isOpen = useParam("why") !== "";
  const told = useLook(isOpen && row.plan ? "release-explain" : null, { plan: row.plan });
  return html`<details class="release-more" open=${isOpen}
    onToggle=${(/** @type {any} */ event) => setParams({ why: event.currentTarget.open ? "1" : null }, { replace: true })}>
    <summary>${t("release.why-item", { who: row.to })}</summary>
    <${Looked} of=${told} />
    ${told.data
      ? html`<${Chain} steps=${told.data.steps} reasons=${told.data.plan.reasons} />
          <p><a href=${linkTo("release", { tab: "plans", item: String(row.plan) })}>${t("release.open-plan", { plan: row.plan })}</a></p>`
      : null}
  </details>`;
}

const exportColumns = () => [
  ...["index", "at", "author", "to", "originator", "purpose", "marking", "until", "receipt", "replaced_by", "words", "note"].map((key) => ({
    key, label: key, get: (/** @type {any} */ row) => row[key],
  })),
  { key: "recall", label: "recall", get: (/** @type {any} */ row) => row.recall?.state ?? "" },
];

export function Items() {
  const [item, sort] = [useParam("item"), useParam("sort")];
  const found = useLook("release-items", { limit: 500 });
  const rows = found.data ?? [];
  const chosen = rows.find((/** @type {any} */ row) => String(row.index) === item || (item !== "" && row.leaf === item));
  return html`<div class=${chosen ? "split release-split split-chosen" : "split release-split"}>
    <div class="release-pane stack">
      <${Looked} of=${found} />
      ${found.data && !rows.length
        ? html`<${Empty}>${t("release.no-items")}</${Empty}>`
        : html`<${Table} label=${t("release.items")} rows=${rows} columns=${columns()} selected=${item} sort=${sort}
            rowKey=${(/** @type {any} */ row) => String(row.index)}
            rowClass=${(/** @type {any} */ row) => (isRecalled(row) ? "release-recalled" : "")}
            onSort=${(/** @type {string} */ next) => setParams({ sort: next }, { replace: true })}
            onSelect=${(/** @type {any} */ row) => setParams({ item: String(row.index), why: null })}
            cardHeight_px=${96}
            card=${(/** @type {any} */ row) => html`<div>
              <strong>${row.index}</strong> <${ItemBadge} row=${row} /> <${Party} id=${row.author} /> → <${Party} id=${row.to} />
              <div><bdi>${clean(row.words, 70)}</bdi></div>
            </div>`} />`}
      ${rows.length
        ? html`<div class="row"><${ExportMenu} items=${[{
            label: t("release.items-csv"),
            run: () => saveFile("released-items.csv", "text/csv", toCsv(exportColumns(), rows)),
          }]} /></div>`
        : null}
      <${Onward} chosen=${item} />
    </div>
    <div class="release-pane">
      ${chosen ? html`<${ItemPanel} key=${item} row=${chosen} />` : html`<${Empty}>${t("release.choose-item")}</${Empty}>`}
    </div>
  </div>`;
}
