// Plans: each in its state; one of them with what leaves, why, what it teaches, and the yes or no to it.
//
// Invariants: a plan that is not recorded is never shown as received; plans that were made together (`made`) stand side
// by side, and one among them that is older says so; what each recipient would learn stands beside what it would get.
//
//     /release?tab=plans&item=3        /release?tab=plans&item=3&made=3,4
import { useLook } from "../../core/api.js";
import { html } from "../../core/dom.js";
import { setParams, useParam } from "../../core/route.js";
import { t } from "../../core/words.js";
import { Badge, Empty, Looked } from "../../parts/notice.js";
import { Party } from "../../parts/party.js";
import { Table } from "../../parts/table.js";
import { Time } from "../../parts/time.js";
import { Words } from "../../parts/words.js";
import { StateBadge } from "./act.js";
import { Decision, Standing } from "./approval.js";
import { ExposureBars } from "./belief.js";
import { Chain } from "./chain.js";
import { Original } from "./original.js";
import { VariantFacts } from "./variant.js";

const ACTIONS = new Set(["grant", "pass"]);

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
    render: (/** @type {any} */ row) => html`${row.action === "grant" ? `${t("release.onward")}: ` : ""}<${Words} text=${row.report || t("release.onward")} most=${40} />`,
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
    width: "9rem",
    get: (/** @type {any} */ row) => row.at,
    render: (/** @type {any} */ row) => html`<${Time} iso=${row.at} local=${false} short=${true} />`,
  },
];

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

/** @param {{ plans: readonly any[] }} props What one press of "plan it" came to. */
function Made({ plans }) {
  const [item] = [useParam("item")];
  return html`<section class="release-made stack" role="status" aria-label=${t("release.made-now")}>
    <p><strong>${t("release.made-now")}</strong></p>
    <ul>${plans.map((one) => html`<li key=${one.plan}>
      <${Party} id=${one.recipient} name=${true} /> ${one.is_charged
        ? html`<${Badge} kind="warn">${t("release.old-plan", { plan: one.plan })}</${Badge}> ${t("release.old-why")} <${Time} iso=${one.at} local=${false} />`
        : html`<${StateBadge} state=${one.state} />`}
      ${" "}${String(one.plan) === item
        ? html`<span class="muted">${t("release.open-here", { plan: one.plan })}</span>`
        : html`<button type="button" class="link-button" onClick=${() => setParams({ item: String(one.plan) })}>
            ${t("release.open-plan", { plan: one.plan })}</button>`}
    </li>`)}</ul>
  </section>`;
}

/** @param {{ plans: readonly any[] }} props What each of them would learn, against its limit. */
function Teaches({ plans }) {
  return html`<section class="stack" aria-label=${t("release.teaches")}>
    <h3>${t("release.teaches")}</h3>
    <p class="muted">${t("release.teaches-hint")}</p>
    ${plans.map((plan) => html`<div class="stack" key=${plan.plan}>
      ${plan.exposures.map((/** @type {any} */ one, /** @type {number} */ at) => html`<${ExposureBars} key=${at} exposure=${one} recipient=${plan.recipient} />`)}
      ${plan.exposures.length
        ? null
        : html`<p><${Party} id=${plan.recipient} name=${true} /> ${plan.state === "denied" ? t("release.teaches-denied") : t("release.teaches-nothing")}</p>`}
      ${plan.exposures.length ? html`<p class="muted">${plan.is_charged ? t("release.charged") : t("release.not-charged")}</p>` : null}
    </div>`)}
  </section>`;
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
  const made = useParam("made").split(",").filter(Boolean);
  const plan = told.data?.plan;
  const same = useLook(plan?.report ? "release-plans" : null, { report: plan?.report, limit: 200 });
  const rows = same.data ?? [];
  const isMade = made.includes(number);
  const together = isMade ? rows.filter((/** @type {any} */ one) => made.includes(String(one.plan))) : [];
  const seen = new Set([plan?.recipient]);
  const others = isMade
    ? together.filter((/** @type {any} */ one) => String(one.plan) !== number)
    : rows.filter((/** @type {any} */ one) => !seen.has(one.recipient) && seen.add(one.recipient));
  const isOver = plan && ["denied", "stale", "withdrawn"].includes(plan.state);
  return html`<article class="stack release-detail" aria-label=${t("release.plan-number", { plan: number })}>
    <div class="row">
      <button type="button" onClick=${() => setParams({ item: null, made: null })}>← ${t("release.back")}</button>
      <h2>${t("release.plan-number", { plan: number })}</h2>
      ${plan ? html`<${StateBadge} state=${plan.state} />` : null}
    </div>
    ${together.length ? html`<${Made} plans=${together} />` : null}
    <${Looked} of=${told} />
    ${plan
      ? html`<p class="release-sentence"><${Party} id=${plan.recipient} name=${true} />: <${Words} text=${plan.words} most=${600} /></p>
          ${ACTIONS.has(plan.action) ? html`<p><${Badge} kind="info">${t(`release.action-${plan.action}`)}</${Badge}></p>` : null}
          <p>${t("release.for")} <${Words} text=${plan.purpose} /> · ${t("release.planned-by")} <${Words} text=${plan.officer} />
            ${" "}<${Time} iso=${plan.at} /></p>
          ${["recorded", "denied"].includes(plan.state) ? null : html`<p><${Badge} kind="quiet">${t("release.not-theirs")}</${Badge}></p>`}
          <${Standing} told=${told.data} />
          ${plan.report ? html`<${SideBySide} plan=${plan} others=${others} />` : html`<${VariantFacts} variant=${plan.variant} />`}
          ${plan.report ? html`<${Teaches} plans=${[plan, ...others]} />` : null}
          <${Decision} told=${told.data} />
          <section class="stack" aria-label=${t(isOver ? "release.why-cannot" : "release.why", { who: plan.recipient })}>
            <h3>${t(isOver ? "release.why-cannot" : "release.why", { who: plan.recipient })}</h3>
            <${Chain} steps=${told.data.steps} reasons=${plan.reasons} />
          </section>
          ${isOver ? null : html`<${Sentences} title=${t("release.needs-more")} list=${told.data.needs} />`}`
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
            onSelect=${(/** @type {any} */ row) => setParams({ item: String(row.plan), made: null })}
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
