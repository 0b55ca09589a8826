// The top of every view: whose desk, how sure, how the lines are, what time it is.
//
// Invariants: "firm" and "settled" are only said of what the desk told and this page could check; a line that is not
// known to be good is not shown as good; an exercise is called one all the time.
import { html } from "../../core/dom.js";
import { clean } from "../../core/safe.js";
import { useSession } from "../../core/session.js";
import { live } from "../../core/live.js";
import { useStore } from "../../core/store.js";
import { clockSkew_s, deskNowMs, deskRate } from "../../core/time.js";
import { formatNumber, t } from "../../core/words.js";
import { verification } from "../../core/verification.js";
import { Badge } from "../../parts/notice.js";
import { narrow } from "../../parts/table.js";
import { Time, useTick } from "../../parts/time.js";
import { linkTo } from "../../core/route.js";
import { formatSpan } from "../../core/time.js";

function Clock() {
  useTick(1);
  // An exercise runs in a time of its own.
  const skew_s = useSession().exercise ? 0 : clockSkew_s();
  const rate = deskRate();
  return html`<div class="clock">
    <${Time} ms=${deskNowMs()} seconds=${true} short=${true} />
    ${rate === 1 ? null : html` <span class="time-local">${t("shell.clock-rate", { rate })}</span>`}
    ${Math.abs(skew_s) > 30
      ? html` <${Badge} kind="warn" title=${t("shell.skew-more")}>${t("shell.skew", { span: formatSpan(skew_s) })}</${Badge}>`
      : null}
  </div>`;
}

/** @param {{ pulse: any }} props */
function RecordState({ pulse }) {
  const checked = useStore(verification);
  const record = pulse.record;
  const isNarrow = useStore(narrow);
  const behind = record.shown_size - (record.settled_size ?? 0);
  return html`<a class="record-state" href=${linkTo("record")} title=${t("shell.record-more")}>
    ${checked.state === "failed"
      ? html`<${Badge} kind="bad">${t("shell.record-failed")}</${Badge}>`
      : html`<${Badge} kind=${behind > 0 ? "info" : "ok"}>
          ${t(isNarrow ? "shell.record-short" : "shell.record", { n: record.shown_size, count: formatNumber(record.shown_size), firm: formatNumber(record.firm_size ?? 0),
            settled: formatNumber(record.settled_size ?? 0) })}
        </${Badge}>`}
  </a>`;
}

/** @param {{ pulse: any }} props */
function Lines({ pulse }) {
  const line = useStore(live);
  const isNarrow = useStore(narrow);
  // What the desk said of the center before its own line broke is not known any more.
  const center = line.state === "good" ? (pulse?.link?.state ?? "") : "";
  // A good line alone is told shortly where there is little room; trouble is always told in full.
  const isShort = isNarrow && center === "good" && line.state === "good";
  const desk = { opening: "info", good: "ok", stale: "warn", down: "bad" }[line.state];
  const kinds = /** @type {Record<string, string>} */ ({ good: "ok", "not-founded": "info", never: "warn", down: "warn" });
  return html`<span class="row">
    ${line.state === "good" ? null : html`<${Badge} kind=${desk}>${t(`shell.desk-${line.state}`)}</${Badge}>`}
    <${Badge} kind=${line.state === "good" && center ? (kinds[center] ?? "bad") : "quiet"} title=${clean(pulse?.link?.trouble ?? "", 300)}>
      ${t(isShort ? "shell.center-short" : `shell.center-${center || "unknown"}`)}
    </${Badge}>
  </span>`;
}

/** @param {{ pulse: any, onAccount: () => void, icon: string }} props */
export function Top({ pulse, onAccount, icon }) {
  const session = useSession();
  return html`<header class="top">
    <div class="top-name">
      <img src=${icon} alt="" />
      <div><bdi>${clean(session.party_name || session.party, 60)}</bdi>
        <small><bdi>${clean(session.center_name, 60)}</bdi></small></div>
    </div>
    <div class="top-state" role="status" aria-label=${t("shell.state")}>
      ${pulse === null ? null : html`<${RecordState} pulse=${pulse} />`}
      <${Lines} pulse=${pulse} />
    </div>
    <button type="button" class="quiet account" onClick=${onAccount} aria-haspopup="dialog">
      <bdi>${clean(session.name || session.officer, 40)}</bdi>
    </button>
    <${Clock} />
  </header>`;
}
