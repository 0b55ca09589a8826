// What stands above every view as long as it holds: the alarm, an exercise, the demo, a check that failed, a line that
// is down, a past moment on the screen.
//
// Invariants: none can be closed: each goes when what it says is over. What was known to be wrong when the page was opened
// stands from the first picture on, before anything else was asked for (tests/browser/test_page_attacks.py).
import { html } from "../../core/dom.js";
import { live } from "../../core/live.js";
import { clean } from "../../core/safe.js";
import { setCursor, useCursor } from "../../core/cursor.js";
import { linkTo } from "../../core/route.js";
import { useSession } from "../../core/session.js";
import { useStore } from "../../core/store.js";
import { formatNumber, t, tx } from "../../core/words.js";
import { verification } from "../../core/verification.js";
import { Since, Time } from "../../parts/time.js";
import { deskNowMs, deskRate } from "../../core/time.js";
import { alarm } from "../inbox/alarm.js";
import { AlarmBanner } from "../inbox/banner.js";

/** The desk is asked how things stand every half minute: twice may fail. */
const OLD_MS = 100_000;

/** @param {{ state: string, center: string, pulse_ms: number }} props A line that broke just now; later the alarm says it. */
function Line({ state, center, pulse_ms }) {
  // A line that is good again does not make new what was asked for before it broke, or before this tab slept.
  const isOld = pulse_ms > 0 && deskNowMs() - pulse_ms > OLD_MS * deskRate();
  if (state === "down" || state === "stale" || isOld) {
    return html`<div class="banner banner-warn" role="alert">▲ ${t(`shell.banner-${state === "down" ? "down" : "stale"}`)}
      ${pulse_ms ? html`<span>${tx("shell.shown-is", { ago: html`<${Since} ms=${pulse_ms} />` })}</span>` : null}</div>`;
  }
  if (center === "down") return html`<div class="banner banner-warn" role="status">▲ ${t("shell.banner-center-down")}</div>`;
  return null;
}

/** @param {{ pulse: any, pulse_ms: number }} props */
export function Banners({ pulse, pulse_ms }) {
  const session = useSession();
  const line = useStore(live);
  const checked = useStore(verification);
  const cursor = useCursor();
  const isDeaf = useStore(alarm, (one) => one.isDeaf);
  const link = pulse?.link ?? { state: session.link, trouble: "" };
  return html`<div class="banners">
    <${AlarmBanner} pulse_ms=${pulse_ms} />
    ${session.exercise ? html`<p class="exercise-strip">${t("shell.exercise")}</p>` : null}
    ${session.demo ? html`<p class="exercise-strip">${t("shell.demo")}</p>` : null}
    ${checked.state === "failed" && checked.trouble
      ? html`<div class="banner banner-bad" role="alert">
          <span>■ ${t("shell.check-failed")}</span>
          <bdi>${clean(checked.trouble.words, 300)}</bdi>
          <a href=${linkTo("record", { show: "check" })}>${t("shell.check-what-to-do")}</a>
        </div>`
      : null}
    ${(pulse?.record?.is_forked ?? session.is_forked) || link.state === "forked"
      ? html`<div class="banner banner-bad" role="alert">■ ${t("shell.forked")} <bdi>${clean(link.trouble, 300)}</bdi></div>`
      : link.state === "lying"
        ? html`<div class="banner banner-bad" role="alert">■ ${t("shell.lying")} <bdi>${clean(link.trouble, 300)}</bdi></div>`
        : null}
    ${isDeaf ? null : html`<${Line} state=${line.state} center=${link.state} pulse_ms=${pulse_ms} />`}
    ${cursor.isNow
      ? null
      : html`<div class="banner banner-then" role="status">
          <span>● ${tx(cursor.at_ms > deskNowMs() ? "shell.moment-ahead" : cursor.isThen ? "shell.moment-then" : "shell.moment", {
            time: html`<${Time} ms=${cursor.at_ms} />`,
            entries: cursor.at_size === null ? "…" : formatNumber(cursor.at_size),
          })}</span>
          <button type="button" onClick=${() => setCursor(null)}>${t("shell.back-to-now")} <kbd>n</kbd></button>
        </div>`}
  </div>`;
}
