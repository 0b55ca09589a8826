// Why somebody can see this, or cannot: the gate's steps as a chain, from the policy to the record.
//
// Invariants: every sentence is the desk's own, in its order; a step that said no is marked by word and shape, and the
// chain ends where the gate ended; a step that is not reached is not shown as passed.
//
//     html`<${Chain} steps=${told.steps} reasons=${plan.reasons} />`
import { html } from "../../core/dom.js";
import { hasWords, t } from "../../core/words.js";
import { Words } from "../../parts/words.js";

/** Steps that say how it stands, and judge nothing. */
const TOLD = new Set(["variant", "officers", "time", "ledger", "record", "officer"]);
/** What became of a plan that did not stand: the desk's words for it begin so. */
const BAD = new Set(["stale", "refused", "denied"]);

/** @param {string} step @returns {{ name: string, words: string, kind: "ok" | "no" | "told" }} */
export function readStep(step) {
  const cut = step.indexOf(": ");
  const name = cut < 0 ? "" : step.slice(0, cut);
  const words = cut < 0 ? step : step.slice(cut + 2);
  if (words.startsWith("no: ")) return { name, words: words.slice(4), kind: "no" };
  if (BAD.has(name)) return { name, words, kind: "no" };
  return { name, words, kind: TOLD.has(name) ? "told" : "ok" };
}

const SHAPES = { ok: "✓", no: "■", told: "●" };

/** @param {{ steps: readonly string[], reasons?: readonly string[] }} props `reasons`: what the label's step rests on. */
export function Chain({ steps, reasons = [] }) {
  return html`<ol class="release-chain">
    ${steps.map(readStep).map(
      ({ name, words, kind }, at) => html`<li key=${at} class=${`release-step release-step-${kind}`}>
        <span class="release-step-shape" aria-hidden="true">${SHAPES[kind]}</span>
        <div>
          <strong>${hasWords(`release.step-${name}`) ? t(`release.step-${name}`) : name}</strong>
          ${kind === "told" ? null : html` <span class="release-step-word">${t(`release.step-says-${kind}`)}</span>`}
          <div><${Words} text=${words} most=${600} /></div>
          ${name === "label" && kind === "ok"
            ? reasons.map((one, place) => html`<div key=${place} class="muted"><${Words} text=${one} most=${300} /></div>`)
            : null}
        </div>
      </li>`,
    )}
  </ol>`;
}
