// What the desk says of a draft: its conflicts in words, before anybody is told; and ways out, taken by a click.
//
// Invariants: a draft is called free of conflicts only by an answer about this very draft, and with what that is
// worth: of what this desk can read, up to an entry; a way out is the desk's, and is tried again once it is taken.
//
//     html`<${Tried} one=${draft} trial=${trial} fly=${(at) => ...} />`
import { AskError, lookWith } from "../../../core/api.js";
import { html, useEffect, useState } from "../../../core/dom.js";
import { t } from "../../../core/words.js";
import { Badge, ErrorBox } from "../../../parts/notice.js";
import { Words } from "../../../parts/words.js";
import { change, takeUp } from "./draft.js";
import { makeQuestion } from "./trial.js";

/** @param {{ one: import("./draft.js").Draft, trial: import("./trial.js").Trial }} props */
function WaysOut({ one, trial }) {
  const [found, setFound] = useState(/** @type {{ key: string, isBusy: boolean, answer: any, error: AskError | null }} */ ({ key: "", isBusy: false, answer: null, error: null }));
  const current = found.key === trial.key ? found : { isBusy: false, answer: null, error: null };
  const ask = async () => {
    if (trial.volumes === null) return;
    setFound({ key: trial.key, isBusy: true, answer: null, error: null });
    try {
      const answer = await lookWith("suggest", makeQuestion(one, trial.volumes));
      setFound({ key: trial.key, isBusy: false, answer, error: null });
    } catch (error) {
      setFound({ key: trial.key, isBusy: false, answer: null, error: error instanceof AskError ? error : new AskError({ code: "fault", message: String(error) }, 0) });
    }
  };
  return html`<div>
    <button type="button" disabled=${current.isBusy} aria-busy=${current.isBusy} onClick=${ask}>${t("map.draw-suggest")}</button>
    ${current.error ? html`<${ErrorBox} error=${current.error} />` : null}
    ${current.answer
      ? html`<ul class="map-draw-ways" aria-live="polite">
          ${current.answer.found.map((/** @type {any} */ way, /** @type {number} */ at) => html`<li key=${at}>
            <button type="button" class="primary" onClick=${() => change((old) => takeUp(old, way))}>${t("map.draw-take", { words: way.words })}</button>
            ${way.ask_again?.length ? html`<div class="muted">${t("map.draw-again")} <${Words} text=${way.ask_again.join("; ")} /></div>` : null}</li>`)}
          ${(current.answer.none_found ?? []).map((/** @type {string} */ words, /** @type {number} */ at) => html`<li key=${`none${at}`} class="muted"><${Words} text=${words} /></li>`)}
        </ul>`
      : null}
  </div>`;
}

/** @param {{ one: import("./draft.js").Draft, trial: import("./trial.js").Trial, fly: (at: [number, number]) => void, notice: string }} props */
export function Tried({ one, trial, fly, notice }) {
  const { state, answer } = trial;
  // A state that lasts for a moment only is not read aloud, and does not make the panel jump.
  const [isSlow, setSlow] = useState(false);
  useEffect(() => {
    setSlow(false);
    const timer = window.setTimeout(() => setSlow(true), 800);
    return () => window.clearTimeout(timer);
  }, [state === "asking"]);
  const met = answer?.conflicts ?? [];
  return html`<section class=${`map-draw-tried map-draw-${state}`} aria-label=${t("map.draw-tried")}>
    <h3>${t("map.draw-tried")}</h3>
    <div role="status">
      ${state === "incomplete" ? html`<${Badge} kind="quiet">${t("map.draw-incomplete")}</${Badge}>` : null}
      ${state === "asking" ? html`<${Badge} kind="quiet">${isSlow ? t("map.draw-asking-long") : t("map.draw-asking")}</${Badge}>` : null}
      ${state === "faulty" ? html`<${Badge} kind="warn">${t("map.draw-faulty")}</${Badge}>` : null}
      ${state === "failed" ? html`<${Badge} kind="warn">${t("map.draw-failed")}</${Badge}>` : null}
      ${state === "good" ? html`<${Badge} kind="ok">${t("map.draw-good")}</${Badge}> <p class="muted">${t("map.draw-good-worth", { n: answer.size })}</p>` : null}
      ${state === "met" ? html`<${Badge} kind="bad">${t("map.draw-met", { n: met.length })}</${Badge}>` : null}
    </div>
    ${state === "failed" && trial.error ? html`<${ErrorBox} error=${trial.error} />` : null}
    ${state === "faulty" ? html`<ul>${answer.faults.map((/** @type {any} */ fault, /** @type {number} */ at) => html`<li key=${at}><${Words} text=${fault.words} /></li>`)}</ul>` : null}
    ${met.length
      ? html`<ol class="map-draw-met">${met.map((/** @type {any} */ each) => html`<li key=${each.key}>
          <${Badge} kind="bad">${t(`map.rule-${each.rule}`)}</${Badge}> <${Words} text=${each.words} most=${700} />
          ${each.at ? html` <button type="button" class="link-button" onClick=${() => fly(each.at)}>${t("map.zoom-to")}</button>` : null}</li>`)}</ol>`
      : null}
    ${met.some((/** @type {any} */ each) => each.rule === "buffer") ? html`<p class="notice-protection" role="note">${notice}</p>` : null}
    ${answer?.again?.length ? html`<p><${Badge} kind="warn">${t("map.draw-again")}</${Badge}> <${Words} text=${answer.again.join("; ")} /></p>` : null}
    ${state === "met" ? html`<${WaysOut} one=${one} trial=${trial} />` : null}
  </section>`;
}
