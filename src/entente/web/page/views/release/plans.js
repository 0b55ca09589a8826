// Plans: each in its state; one of them with what leaves, why, what it teaches, and the yes or no to it.
//
// Invariants: an officer says yes to the digest of what he has seen, never to "the newest"; who has said yes already
// and how many are asked for stand beside the button; a plan that is not recorded is never shown as received.
//
//     /release?tab=plans&item=3
import { useLook } from "../../core/api.js";
import { html } from "../../core/dom.js";
import { setParams, useParam } from "../../core/route.js";
import { useSession } from "../../core/session.js";
import { formatNumber, t } from "../../core/words.js";
import { Badge, Empty, Looked } from "../../parts/notice.js";
import { Party } from "../../parts/party.js";
import { Table } from "../../parts/table.js";
import { Time } from "../../parts/time.js";
import { Words } from "../../parts/words.js";
import { GateButton, StateBadge } from "./act.js";
import { ExposureBars } from "./belief.js";
import { Original } from "./original.js";
import { VariantFacts } from "./variant.js";

const WITHDRAWABLE = new Set(["planned", "held", "stale"]);

const columns = () => [
  { key: "plan", label: t("release.plan"), isNumber: true, width: "4rem", get: (/** @type {any} */ row) => row.plan },
  {
    key: "state",
    label: t("release.state"),
    get: (/** @type {any} */ row) => row.state,
    render: (/** @type {any} */ row) => html`<${StateBadge} state=${row.state} />`,
  },
  {
    key: "report",
    label: t("release.report"),
    get: (/** @type {any} */ row) => row.report,
    render: (/** @type {any} */ row) => html`<${Words} text=${row.report || t("release.onward")} most=${40} />`,
  },
  {
    key: "recipient",
    label: t("release.to"),
    get: (/** @type {any} */ row) => row.recipient,
    render: (/** @type {any} */ row) => html`<${Party} id=${row.recipient} />`,
  },
  {
    key: "at",
    label: t("release.made"),
    get: (/** @type {any} */ row) => row.at,
    render: (/** @type {any} */ row) => html`<${Time} iso=${row.at} local=${false} short=${true} />`,
  },
];

/** @param {{ plan: any }} props */
function Approval({ plan }) {
  const session = useSession();
  const isOpen = plan.state === "planned" || plan.state === "refused";
  const hasSaidYes = plan.approved.includes(session.officer);
  return html`<section class="stack release-approval" aria-label=${t("release.decision")}>
    <p>
      <strong>${t("release.needs", { n: plan.needs, approved: formatNumber(plan.approved.length), needs: formatNumber(plan.needs) })}</strong>
      ${plan.approved.length
        ? html` ${t("release.approved-by")} <${Words} text=${plan.approved.join(", ")} />`
        : html` ${t("release.nobody-yet")}`}
    </p>
    ${plan.due ? html`<p>${t("release.not-before")} <${Time} iso=${plan.due} /></p>` : null}
    ${plan.cautions.map(
      (/** @type {string} */ one, /** @type {number} */ at) =>
        html`<p key=${at}><${Badge} kind="warn">${t("release.look-again")}</${Badge}> <${Words} text=${one} most=${400} /></p>`,
    )}
    ${isOpen && plan.sha256
      ? html`<${GateButton} verb="release-send" kind="primary" disabled=${hasSaidYes && plan.state === "planned"}
          label=${plan.state === "refused" ? t("release.send-again") : t("release.approve", { who: plan.recipient })}
          body=${{ plan: plan.plan, sha256: plan.sha256 }} />
          ${hasSaidYes && plan.state === "planned" ? html`<p>${t("release.another")}</p>` : null}
          <p class="muted">${t("release.digest")} <code>${plan.sha256.slice(0, 16)}…</code></p>`
      : null}
    ${WITHDRAWABLE.has(plan.state)
      ? html`<${GateButton} verb="release-withdraw" kind="danger" label=${t("release.withdraw")} body=${{ plan: plan.plan }} />`
      : null}
  </section>`;
}

/** @param {{ plan: any, others: readonly any[] }} props */
function SideBySide({ plan, others }) {
  return html`<div class="release-columns">
    <${Original} report=${plan.report} version=${plan.version} />
    ${[plan, ...others].map(
      (one) => html`<section class="panel" key=${one.plan}>
        <h3>${t("release.gets")} <${Party} id=${one.recipient} name=${true} /></h3>
        <p><${StateBadge} state=${one.state} />${one === plan
          ? null
          : html` <button type="button" class="link-button" onClick=${() => setParams({ item: String(one.plan) })}>
              ${t("release.open-plan", { plan: one.plan })}
            </button>`}</p>
        ${one.marking ? html`<p>${t("release.marked")} <strong><${Words} text=${one.marking} /></strong></p>` : null}
        <${VariantFacts} variant=${one.variant} level=${one.level} />
      </section>`,
    )}
  </div>`;
}

/** @param {{ title: string, list: readonly string[] }} props */
function Sentences({ title, list }) {
  if (!list.length) return null;
  return html`<section class="stack">
    <h3>${title}</h3>
    <ul class="release-list">
      ${list.map((one, at) => html`<li key=${at}><${Words} text=${one} most=${500} /></li>`)}
    </ul>
  </section>`;
}

/** @param {{ number: string }} props */
function PlanPanel({ number }) {
  const told = useLook("release-explain", { plan: number });
  const plan = told.data?.plan;
  const same = useLook(plan?.report ? "release-plans" : null, { report: plan?.report });
  const seen = new Set([plan?.recipient]);
  const others = (same.data ?? []).filter(
    (/** @type {any} */ one) => !seen.has(one.recipient) && seen.add(one.recipient),
  );
  return html`<article class="stack release-detail" aria-label=${t("release.plan-number", { plan: number })}>
    <div class="row">
      <button type="button" onClick=${() => setParams({ item: null })}>← ${t("release.back")}</button>
      <h2>${t("release.plan-number", { plan: number })}</h2>
      ${plan ? html`<${StateBadge} state=${plan.state} />` : null}
    </div>
    <${Looked} of=${told} />
    ${plan
      ? html`<p class="release-sentence"><${Words} text=${plan.words} most=${600} /></p>
          <p>${t("release.for")} <${Words} text=${plan.purpose} /> · ${t("release.planned-by")} <${Words} text=${plan.officer} />
            ${" "}<${Time} iso=${plan.at} /></p>
          ${plan.state === "recorded" ? null : html`<p><${Badge} kind="quiet">${t("release.not-theirs")}</${Badge}></p>`}
          <${Approval} plan=${plan} />
          <${SideBySide} plan=${plan} others=${others} />
          <h3>${t("release.teaches")}</h3>
          ${plan.exposures.length
            ? plan.exposures.map((/** @type {any} */ one, /** @type {number} */ at) => html`<${ExposureBars} key=${at} exposure=${one} />`)
            : html`<p>${t("release.teaches-nothing")}</p>`}
          <p>${plan.is_charged ? t("release.charged") : t("release.not-charged")}</p>
          <${Sentences} title=${plan.state === "denied" ? t("release.why-not") : t("release.reasons")} list=${plan.reasons} />
          <${Sentences} title=${t("release.why")} list=${told.data.steps} />
          <${Sentences} title=${t("release.needs-more")} list=${told.data.needs} />
          <${Sentences} title=${t("release.blockers")} list=${plan.blockers.map((/** @type {any} */ one) => one.words)} />`
      : null}
  </article>`;
}

export function Plans() {
  const [item, sort] = [useParam("item"), useParam("sort")];
  const plans = useLook("release-plans", { limit: 500 });
  const rows = plans.data ?? [];
  return html`<div class=${item ? "split release-split split-chosen" : "split release-split"}>
    <div class="release-pane">
      <${Looked} of=${plans} />
      ${plans.data && !rows.length
        ? html`<${Empty}>${t("release.no-plans")}</${Empty}>`
        : html`<${Table} label=${t("release.plans")} rows=${rows} columns=${columns()} selected=${item} sort=${sort}
            rowKey=${(/** @type {any} */ row) => String(row.plan)}
            onSort=${(/** @type {string} */ next) => setParams({ sort: next }, { replace: true })}
            onSelect=${(/** @type {any} */ row) => setParams({ item: String(row.plan) })}
            card=${(/** @type {any} */ row) => html`<div>
              <strong>${row.plan}</strong> <${StateBadge} state=${row.state} /> <${Party} id=${row.recipient} />
              <div><${Words} text=${row.report || t("release.onward")} most=${50} /></div>
            </div>`} />`}
    </div>
    <div class="release-pane">
      ${item ? html`<${PlanPanel} key=${item} number=${item} />` : html`<${Empty}>${t("release.choose-plan")}</${Empty}>`}
    </div>
  </div>`;
}
