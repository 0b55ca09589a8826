// A search that takes a while: how far it is, a way to end it, and a way to let it search longer.
//
// Invariants: what a stopped search had found is shown, under a mark that says that it was stopped; a search is never
// taken for one that ended by itself.
import { lookWith, makeToken, useLook } from "../../core/api.js";
import { html, useEffect, useState } from "../../core/dom.js";
import { setParams } from "../../core/route.js";
import { formatSpan } from "../../core/time.js";
import { formatNumber, t } from "../../core/words.js";
import { Badge } from "../../parts/notice.js";

/** This tab, to the desk: asking again ends what was asked before. */
export const ASKER = `tab-${makeToken()}`;

/** For each search, in seconds; an answer that takes longer than 30 is not waited for. */
export const SHORT_S = 5;
export const LONG_S = 20;

/** Before this a search is not worth a word. */
const PATIENCE_MS = 700;

/** @param {{ seconds: number }} props */
export function Working({ seconds }) {
  const [isShown, setShown] = useState(false);
  const [isEnding, setEnding] = useState(false);
  const looked = useLook(isShown ? "terms-progress" : null, { asker: ASKER }, { on: [], every_s: 1 });
  useEffect(() => {
    const timer = window.setTimeout(() => setShown(true), PATIENCE_MS);
    return () => window.clearTimeout(timer);
  }, []);
  const end = () => {
    setEnding(true);
    // Where it fails the search ends by its own clock.
    lookWith("terms-stop", { asker: ASKER }).catch(() => setEnding(false));
  };
  if (!isShown) return null;
  const now = looked.data?.is_asking ? looked.data : null;
  return html`<div class="panel row" role="status">
    <progress max=${seconds} value=${now ? Math.min(seconds, now.seconds) : undefined} aria-label=${t("terms.searching")}></progress>
    <span>${t("terms.searching")} ${now ? t("terms.searched", { span: formatSpan(now.seconds), n: formatNumber(now.found), steps: formatNumber(now.steps) }) : null}</span>
    <button type="button" disabled=${isEnding} onClick=${end}>${t("terms.stop")}</button>
  </div>`;
}

/** @param {{ answers: Record<string, any>, seconds: number }} props That a search was ended before its end. */
export function CutShort({ answers, seconds }) {
  const isCut = Object.values(answers).some((one) => Boolean(one?.search?.stopped_by || one?.stopped_by));
  if (!isCut) return null;
  return html`<div class="panel row"><${Badge} kind="warn">${t("terms.cut-short")}</${Badge}> ${t("terms.cut-short-what")}
    ${seconds < LONG_S ? html`<button type="button" class="no-print" onClick=${() => setParams({ seconds: String(LONG_S) })}>${t("terms.longer", { n: LONG_S })}</button>` : null}
  </div>`;
}
