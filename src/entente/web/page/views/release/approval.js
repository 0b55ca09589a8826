// The yes or no to a plan: who has said yes to exactly this, what has changed since, and what can be done instead.
//
// Invariants: an officer says yes to the digest of what he has on the screen, never to "the newest"; where the desk says
// that a plan would not leave as it was planned, no yes is offered, and why is told; a plan that changed under the
// reader's eyes says so; two officers in two browsers see the same plan, digest and yeses; the button comes after what leaves.
//
//     html`<${Standing} told=${told.data} /> … <${Decision} told=${told.data} />`     // an answer of release-explain
import { html, useRef } from "../../core/dom.js";
import { setParams } from "../../core/route.js";
import { useSession } from "../../core/session.js";
import { formatNumber, t } from "../../core/words.js";
import { Badge } from "../../parts/notice.js";
import { Time } from "../../parts/time.js";
import { Words } from "../../parts/words.js";
import { GateButton } from "./act.js";
import { openPlans } from "./compose.js";

const WITHDRAWABLE = new Set(["planned", "held", "stale"]);
const STUCK = new Set(["denied", "stale"]);

/** @param {string} sha256 @returns {string} Sixteen digits in fours: what two people can read to each other. */
export function sayDigest(sha256) {
  return (sha256.slice(0, 16).match(/.{4}/g) ?? []).join(" ");
}

/** @param {{ told: any }} props */
function Yeses({ told }) {
  const { plan, approvals } = told;
  const counted = approvals.filter((/** @type {any} */ one) => one.counts).length;
  const open = Math.max(0, plan.needs - counted);
  return html`<div class="stack">
    <p><strong>${t("release.needs", { n: plan.needs, approved: formatNumber(counted), needs: formatNumber(plan.needs) })}</strong></p>
    <ol class="release-yeses">
      ${approvals.map((/** @type {any} */ one) => html`<li key=${one.officer}>
        ${one.counts
          ? html`<${Badge} kind="ok">${t("release.yes")}</${Badge}>`
          : html`<${Badge} kind="off">${t("release.yes-void")}</${Badge}>`}
        ${" "}<strong><${Words} text=${one.officer} most=${40} /></strong> <${Time} iso=${one.at} seconds=${true} local=${false} />
      </li>`)}
      ${Array.from({ length: open }, (_, at) => html`<li key=${`open-${at}`}><${Badge} kind="quiet">${t("release.yes-missing")}</${Badge}></li>`)}
    </ol>
  </div>`;
}

/** @param {{ told: any }} props A plan whose ground has moved: said above everything that could be pressed. */
function Changed({ told }) {
  const first = useRef(/** @type {any} */ (null));
  const now = { state: told.plan.state, sha256: told.plan.sha256, change: told.change };
  if (first.current === null) first.current = now;
  const came = first.current;
  const hasMoved = came.state !== now.state || came.sha256 !== now.sha256 || came.change !== now.change;
  return html`<div role="status">
    ${hasMoved
      ? html`<p><${Badge} kind="warn">${t("release.moved")}</${Badge}> ${t(`release.state-${came.state}`)} → ${t(`release.state-${now.state}`)}</p>`
      : null}
    ${now.change
      ? html`<div class="error-box"><span class="badge-shape" aria-hidden="true">■</span><div>
          <p><strong>${t("release.changed")}</strong></p>
          <p class="error-words"><${Words} text=${now.change} most=${600} /></p>
          <p>${t("release.changed-what")}</p>
        </div></div>`
      : null}
  </div>`;
}

/** @param {{ told: any }} props What can be planned instead, the least changed first; then what only others can give. */
export function Ways({ told }) {
  const { plan, ways, needs } = told;
  const session = useSession();
  if (!STUCK.has(plan.state) && !told.change) return null;
  return html`<section class="stack release-ways" aria-label=${t("release.ways")}>
    <h3>${t("release.ways")}</h3>
    ${ways.length ? null : html`<p>${t("release.no-ways")}</p>`}
    <ol class="stack">
      ${ways.map((/** @type {any} */ one, /** @type {number} */ at) => html`<li key=${at} class="panel">
        <p>
          ${at === 0 ? html`<${Badge} kind="ok">${t("release.nearest")}</${Badge}> ` : null}
          ${one.purpose === plan.purpose ? t("release.way-again") : t("release.way-purpose")}
          ${one.purpose === plan.purpose ? null : html` <strong><${Words} text=${one.purpose} most=${60} /></strong>`}
          ${one.tear_line ? html` · <${Words} text=${one.tear_line} most=${60} />` : null}
        </p>
        <p>${t("release.way-shows")} <${Words} text=${one.words} most=${300} /></p>
        <p class="muted">${t("release.way-officers", { n: one.officers, officers: formatNumber(one.officers) })} ·
          ${" "}${t("release.not-before")} <${Time} iso=${one.due} local=${false} /></p>
        <${GateButton} verb="release-plan" label=${t("release.plan-it")} kind=${at === 0 ? "primary" : ""} onDone=${openPlans}
          body=${{ report: plan.report, to: [plan.recipient], purpose: one.purpose, tear_line: one.tear_line }} />
      </li>`)}
    </ol>
    ${session.may("release-plan") && plan.report
      ? html`<p><button type="button" onClick=${() => setParams({ new: "1", report: plan.report, to: plan.recipient, purpose: plan.purpose })}>
          ${t("release.compose-again")}</button></p>`
      : null}
    ${needs.length
      ? html`<h4>${t("release.others-only")}</h4>
          <ul class="release-list">${needs.map((/** @type {string} */ one, /** @type {number} */ at) => html`<li key=${at}><${Words} text=${one} most=${500} /></li>`)}</ul>`
      : null}
  </section>`;
}

/** @param {{ told: any }} props How it stands, above what leaves: who has said yes, what has changed, what else can be done. */
export function Standing({ told }) {
  const { plan } = told;
  if (plan.state === "denied") {
    return html`<section class="stack" aria-label=${t("release.standing")}>
      <div class="error-box"><span class="badge-shape" aria-hidden="true">■</span><div>
        <p><strong>${t("release.nothing-leaves", { who: plan.recipient })}</strong></p>
        <p class="error-words"><${Words} text=${plan.reasons.join("; ") || plan.words} most=${800} /></p>
      </div></div>
      <${Ways} told=${told} />
    </section>`;
  }
  return html`<section class="stack release-standing" aria-label=${t("release.standing")}>
    <${Yeses} told=${told} />
    <${Changed} told=${told} />
    ${plan.due ? html`<p>${t("release.not-before")} <${Time} iso=${plan.due} /></p>` : null}
    ${plan.cautions.map(
      (/** @type {string} */ one, /** @type {number} */ at) =>
        html`<p key=${at}><${Badge} kind="warn">${t("release.look-again")}</${Badge}> <${Words} text=${one} most=${400} /></p>`,
    )}
    <${Ways} told=${told} />
  </section>`;
}

/** @param {{ told: any }} props Yes or no: below what leaves and what it teaches, so that it is read before. */
export function Decision({ told }) {
  const { plan } = told;
  const session = useSession();
  const canYes = (plan.state === "planned" || plan.state === "refused") && plan.sha256 !== "" && !told.change;
  const hasSaidYes = told.approvals.some((/** @type {any} */ one) => one.officer === session.officer && one.counts);
  const isWaiting = hasSaidYes && plan.state === "planned";
  const isLast = plan.approved.length + 1 >= plan.needs;
  const canWithdraw = WITHDRAWABLE.has(plan.state);
  if (!canYes && !canWithdraw) return null;
  return html`<section class="stack release-approval" aria-label=${t("release.decision")}>
    <h3>${t("release.decision")}</h3>
    ${canYes
      ? html`<p>${t("release.digest")} <code class="release-digest">${sayDigest(plan.sha256)}</code>
          ${plan.needs > 1 ? html` <span class="muted">${t("release.digest-hint")}</span>` : null}</p>
          <${GateButton} verb="release-send" kind="primary" disabled=${isWaiting}
            label=${plan.state === "refused" ? t("release.send-again") : t("release.approve", { who: plan.recipient })}
            body=${{ plan: plan.plan, sha256: plan.sha256 }} />
          <p class="muted">${t(isWaiting ? "release.another" : isLast ? "release.last-yes" : "release.not-last-yes")}</p>`
      : null}
    ${canWithdraw
      ? html`<${GateButton} verb="release-withdraw" kind="danger" label=${t("release.withdraw")} body=${{ plan: plan.plan }} />`
      : null}
  </section>`;
}
