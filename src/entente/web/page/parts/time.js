// Moments and spans on the page: UTC as every side writes it, local time beside it.
//
//     html`<${Time} iso=${row.since} /> <${Left} seconds=${item.lapses_in_s} from_ms=${looked.at_ms} />`
import { html, useEffect, useState } from "../core/dom.js";
import { deskNowMs, deskRate, encodeUtc, formatLocal, formatSpan, formatUtc, parseUtc } from "../core/time.js";
import { t } from "../core/words.js";

/**
 * @param {{ iso?: string, ms?: number, us?: number, seconds?: boolean, local?: boolean, short?: boolean }} props
 *   `short`: without the year.
 */
export function Time({ iso, ms, us, seconds = false, local = true, short = false }) {
  const at_ms = ms ?? (us !== undefined ? Math.floor(us / 1000) : parseUtc(iso ?? ""));
  if (at_ms === null || at_ms === undefined) return html`<span class="time time-none">—</span>`;
  return html`<time class="time" datetime=${encodeUtc(at_ms)}
    ><span class="time-utc">${formatUtc(at_ms, { seconds, year: !short })}</span
    >${local ? html` <span class="time-local">${formatLocal(at_ms)}</span>` : null}</time>`;
}

/** @param {number} every_s Drawn again this often. */
export function useTick(every_s = 1) {
  const [, setTick] = useState(0);
  useEffect(() => {
    const timer = window.setInterval(() => setTick((one) => one + 1), every_s * 1000);
    return () => window.clearInterval(timer);
  }, [every_s]);
}

/**
 * A clock that runs: what was left at `from_ms` (when the desk answered), less what has passed since.
 *
 * @param {{ seconds: number, from_ms: number }} props
 */
export function Left({ seconds, from_ms }) {
  useTick(1);
  const left_s = seconds - (deskNowMs() - from_ms) / 1000;
  const words = left_s >= 0 ? t("shell.in", { span: formatSpan(left_s) }) : t("shell.over-since", { span: formatSpan(left_s) });
  return html`<span class=${`left ${left_s < 0 ? "left-over" : left_s < 120 ? "left-soon" : ""}`}>${words}</span>`;
}

/**
 * How long ago the desk answered. In an exercise whose clock runs faster it is still the wait of who sits here: an
 * answer of four seconds is no older for being of four minutes of the exercise.
 *
 * @param {{ ms: number }} props By the desk's clock.
 */
export function Since({ ms }) {
  useTick(1);
  return html`<span class="since">${t("shell.ago", { span: formatSpan(Math.max(0, (deskNowMs() - ms) / 1000 / deskRate())) })}</span>`;
}
