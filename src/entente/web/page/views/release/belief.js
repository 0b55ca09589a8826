// What a release teaches: the best guess at first, before, after, and the worst that this level could have done,
// against the budget; as bars, as numbers, and as the desk's sentence.
//
// Invariants: the numbers are the desk's, rounded up there, never here; every bar has its number and its word; the
// budget is a line with its number; nothing here knows which hypothesis is true.
//
//     html`<${ExposureBars} exposure=${plan.exposures[0]} />`
import { html } from "../../core/dom.js";
import { clean } from "../../core/safe.js";
import { formatUtc, parseUtc } from "../../core/time.js";
import { formatNumber, t } from "../../core/words.js";
import { Badge } from "../../parts/notice.js";
import { Party } from "../../parts/party.js";
import { Time } from "../../parts/time.js";
import { Words } from "../../parts/words.js";

const BARS = /** @type {const} */ (["prior", "before", "after", "worst"]);
const [WIDTH, ROW, LEFT, RIGHT] = [400, 24, 64, 92];

/** @param {number} value @returns {string} */
export const percent = (value) => `${formatNumber(value, 1)} %`;

/** @param {number} points @returns {string} How much this one adds. */
const sayGrown = (points) => `+${formatNumber(Math.max(0, points), 1)}`;

/** @param {number} value in percent */
const across = (value) => LEFT + (Math.min(100, Math.max(0, value)) / 100) * (WIDTH - LEFT - RIGHT);

/** @param {{ exposure: any, recipient?: string }} props `recipient`: who is to get it, where that is told with it. */
export function ExposureBars({ exposure, recipient = "" }) {
  const values = BARS.map((name) => ({ name, value: Number(exposure[`${name}_percent`]) }));
  const budget = Number(exposure.budget_percent);
  const isFull = Number(exposure.worst_percent) >= budget - 0.05;
  // Never more than there is: what is left is rounded down.
  const left = Math.max(0, Math.floor((budget - Number(exposure.worst_percent)) * 10) / 10);
  const height = BARS.length * ROW + 22;
  return html`<figure class="release-bars">
    <figcaption>
      <h4>${recipient ? html`<${Party} id=${recipient} name=${true} /> · ` : null}<${Words} text=${exposure.secret} most=${60} /></h4>
      ${exposure.pool === recipient ? null : html`<p>${t("release.together")} <strong><${Words} text=${exposure.pool} most=${60} /></strong></p>`}
      <p><${Words} text=${exposure.words} most=${600} /></p>
      <p class="muted">${t("release.bits", { bits: formatNumber(exposure.bits, 2) })}</p>
      <p>${isFull
        ? html`<${Badge} kind="warn">${t("release.uses-all")}</${Badge}>`
        : html`<${Badge} kind="ok">${t("release.left-over", { percent: formatNumber(left, 1) })}</${Badge}>`}</p>
    </figcaption>
    <svg viewBox=${`0 0 ${WIDTH} ${height}`} role="img"
      aria-label=${t("release.bars-label", {
        prior: percent(exposure.prior_percent),
        before: percent(exposure.before_percent),
        after: percent(exposure.after_percent),
        worst: percent(exposure.worst_percent),
        budget: percent(budget),
      })}>
      <line class="release-axis" x1=${across(0)} x2=${across(100)} y1=${BARS.length * ROW} y2=${BARS.length * ROW} />
      ${values.map(
        ({ name, value }, at) => html`<g key=${name}>
          <text x=${LEFT - 8} y=${at * ROW + 16} text-anchor="end">${t(`release.bar-${name}`)}</text>
          <rect class=${`release-bar release-bar-${name}`} x=${across(0)} y=${at * ROW + 4} height=${ROW - 8}
            width=${Math.max(1, across(value) - across(0))} />
          <text class="release-number" x=${across(value) + 6} y=${at * ROW + 16}>${percent(value)}${name === "after" ? ` (${sayGrown(value - Number(exposure.before_percent))})` : ""}</text>
        </g>`,
      )}
      <line class="release-budget" x1=${across(budget)} x2=${across(budget)} y1="0" y2=${BARS.length * ROW} />
      <text class="release-budget-text" x=${across(budget)} y=${height - 5} text-anchor="middle">
        ${t("release.budget", { percent: percent(budget) })}
      </text>
    </svg>
  </figure>`;
}

/** @param {{ belief: any }} props A belief as it grew, release by release. */
export function BeliefSteps({ belief }) {
  const values = [Number(belief.prior_percent), ...belief.steps.map((/** @type {any} */ one) => Number(one.chance_percent))];
  const [width, height] = [420, 140];
  const x = (/** @type {number} */ at) => 36 + (at / Math.max(1, values.length - 1)) * (width - 60);
  const y = (/** @type {number} */ value) => 10 + (1 - value / 100) * (height - 30);
  const path = values.map((value, at) => (at ? `H${x(at)}V${y(value)}` : `M${x(0)} ${y(value)}`)).join("");
  const last = values[values.length - 1] ?? 0;
  const first = belief.steps[0] ? (parseUtc(belief.steps[0].at) ?? 0) : 0;
  return html`<div class="stack">
    <p><${Words} text=${belief.about} most=${400} /></p>
    <svg class="release-steps" viewBox=${`0 0 ${width} ${height}`} role="img"
      aria-label=${t("release.steps-label", {
        n: belief.steps.length, last: percent(last), budget: percent(belief.budget_percent),
      })}>
      ${[0, 50, 100].map(
        (one) => html`<g key=${one}><line class="release-axis" x1="36" x2=${width - 24} y1=${y(one)} y2=${y(one)} />
          <text x="30" y=${y(one) + 4} text-anchor="end">${one}</text></g>`,
      )}
      <line class="release-budget" x1="36" x2=${width - 24} y1=${y(belief.budget_percent)} y2=${y(belief.budget_percent)} />
      <path class="release-path" d=${path} />
      ${values.map((value, at) => html`<circle key=${at} class="release-dot" cx=${x(at)} cy=${y(value)} r="3.5" />`)}
      ${first ? html`<text x="36" y=${height - 2}>${formatUtc(first, { year: true })}</text>` : null}
    </svg>
    <ol class="release-list">
      <li>${t("release.bar-prior")}: ${percent(belief.prior_percent)}</li>
      ${belief.steps.map(
        (/** @type {any} */ one, /** @type {number} */ at) => html`<li key=${at}>
          <${Time} iso=${one.at} local=${false} /> ${clean(one.recipient, 40)} · ${clean(one.report, 40)}:
          <strong> ${percent(one.chance_percent)}</strong>
        </li>`,
      )}
    </ol>
    <p class="muted">${t("release.no-truth")}</p>
  </div>`;
}
