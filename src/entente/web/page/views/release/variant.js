// A report beside what each recipient gets of it: what is no finer than a step, held back or left out is said in words.
//
// Invariants: nothing of a variant is said to be "as it was": whatever is shown is a step of the ladder; what is not in
// a variant is marked as left out, never just missing. The report itself: `original.js`.
//
//     html`<${VariantFacts} variant=${plan.variant} level=${plan.level} />`
import { html } from "../../core/dom.js";
import { formatSpan } from "../../core/time.js";
import { formatNumber, t } from "../../core/words.js";
import { Badge } from "../../parts/notice.js";
import { Time } from "../../parts/time.js";
import { Words } from "../../parts/words.js";

/** @param {number} arcsec @returns {string} */
export function sayAngle(arcsec) {
  if (arcsec % 3600 === 0) return `${formatNumber(arcsec / 3600)}°`;
  return arcsec % 60 === 0 ? `${formatNumber(arcsec / 60)}′` : `${formatNumber(arcsec)}″`;
}

/** @param {{ size_arcsec: number, row: number, column: number }} place @returns {string} its edges, in degrees */
function sayPlace({ size_arcsec, row, column }) {
  const degrees = (/** @type {number} */ cells, /** @type {number} */ from) =>
    formatNumber((cells * size_arcsec) / 3600 - from, 4);
  return (
    `${degrees(row, 90)}° … ${degrees(row + 1, 90)}° N, ` +
    `${degrees(column, 180)}° … ${degrees(column + 1, 180)}° E`
  );
}

/** @param {{ isReader: boolean }} props */
const LeftOut = ({ isReader }) =>
  isReader ? html`<span class="muted">${t("release.not-told")}</span>` : html`<${Badge} kind="off">${t("release.left-out")}</${Badge}>`;

/** @param {{ children?: any }} props */
const Coarser = ({ children }) => html`<${Badge} kind="info">${t("release.coarser")}</${Badge}> ${children}`;

/**
 * @param {{ variant: any, level?: any, isReader?: boolean }} props `level`: how much is shown, where the plan says it;
 *   `isReader`: as its recipient has it, who is not told what was left out.
 */
export function VariantFacts({ variant, level = null, isReader = false }) {
  if (!variant) return html`<p><${Badge} kind="off">${t("release.nothing-built")}</${Badge}></p>`;
  const { place, window, height, path, text, fields } = variant;
  return html`<dl class=${isReader ? "facts" : "facts release-facts"}>
    <dt>${t("release.place")}</dt>
    <dd>${place
      ? html`<${Coarser}>${t("release.square", { size: sayAngle(place.size_arcsec) })}: ${sayPlace(place)}</${Coarser}>`
      : html`<${LeftOut} isReader=${isReader} />`}</dd>
    <dt>${t("release.window")}</dt>
    <dd>${window
      ? html`<${Coarser}>${t("release.span", { span: formatSpan(window.span_us / 1e6) })}: <${Time} us=${window.start_us} />
          … <${Time} us=${window.start_us + window.span_us} local=${false} /></${Coarser}>`
      : html`<${LeftOut} isReader=${isReader} />`}</dd>
    <dt>${t("release.height")}</dt>
    <dd>${height
      ? html`<${Coarser}>${formatNumber(height.low_cm / 100)} … ${formatNumber(height.high_cm / 100)} m</${Coarser}>`
      : html`<${LeftOut} isReader=${isReader} />`}</dd>
    <dt>${t("release.what")}</dt>
    <dd>${path.length ? html`<${Words} text=${path.join(" › ")} />` : html`<${LeftOut} isReader=${isReader} />`}</dd>
    ${level
      ? html`<dt>${t("release.delay")}</dt>
          <dd>${level.delay_s
            ? html`<${Badge} kind="warn">${t("release.held-back", { span: formatSpan(level.delay_s) })}</${Badge}>`
            : t("release.at-once")}</dd>`
      : null}
    <dt>${t("release.text")}</dt>
    <dd>${text ? html`<${Words} text=${text} as="block" />` : html`<${LeftOut} isReader=${isReader} />`}</dd>
    <dt>${t("release.fields")}</dt>
    <dd>${fields.length
      ? fields.map(
          (/** @type {any} */ one, /** @type {number} */ at) =>
            html`<div key=${at}><${Words} text=${one.name} />: <${Words} text=${one.value} /></div>`,
        )
      : html`<${LeftOut} isReader=${isReader} />`}</dd>
  </dl>`;
}
