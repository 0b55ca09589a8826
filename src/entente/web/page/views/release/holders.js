// Who holds an item, hop by hop, and what each has signed about it and about its recall.
//
// Invariants: a rung is shown only where a message in the record says it, with its entry; what nobody has signed is
// said to be missing, never left blank; "may have it by our yes" is not "has it".
//
//     html`<${Holders} row=${item} />`
import { useLook } from "../../core/api.js";
import { html } from "../../core/dom.js";
import { linkTo } from "../../core/route.js";
import { t } from "../../core/words.js";
import { Badge, Looked } from "../../parts/notice.js";
import { Party } from "../../parts/party.js";
import { Time } from "../../parts/time.js";
import { Words } from "../../parts/words.js";
import { StateBadge } from "./act.js";

/** What an officer waits for: each is told as missing until it is there. */
const WAITED = /** @type {const} */ (["delivered", "acknowledged"]);

/** @param {{ rungs: readonly any[] }} props */
function Rungs({ rungs }) {
  const states = new Set(rungs.map((one) => one.state));
  const isEnded = states.has("lapsed") || states.has("acknowledged");
  const missing = WAITED.filter((one) => !states.has(one) && !(one === "delivered" && (states.has("unreadable") || isEnded)) && !(one === "acknowledged" && states.has("lapsed")));
  return html`<ol class="release-rungs">
    ${rungs.map((one) => html`<li key=${one.state}>
      <${Badge} kind=${["lapsed", "unreadable"].includes(one.state) ? "bad" : "ok"}>${t(`release.rung-${one.state}`)}</${Badge}>
      ${" "}<${Time} iso=${one.at} local=${false} short=${true} /> <a href=${linkTo("record", { item: String(one.index) })}>${t("release.entry")} ${one.index}</a>
      ${one.officers.length ? html` <${Words} text=${one.officers.join(", ")} most=${80} />` : null}
    </li>`)}
    ${missing.map((one) => html`<li key=${one}><${Badge} kind="warn">${t(`release.rung-no-${one}`)}</${Badge}></li>`)}
  </ol>`;
}

/** @param {{ hop: any }} props */
function Hop({ hop }) {
  return html`<li class=${`panel release-hop release-hop-${Math.min(3, hop.depth)}`}>
    <p>
      <strong>${t("release.hop", { n: hop.depth + 1 })}</strong> <${Party} id=${hop.giver} /> → <${Party} id=${hop.party} name=${true} />
      ${hop.by === "grant" ? html` <${Badge} kind="info">${t("release.by-yes")}</${Badge}>` : null}
    </p>
    ${hop.by === "grant" ? html`<p class="muted">${t("release.by-yes-hint")}</p>` : null}
    <h4>${hop.by === "grant" ? t("release.hop-yes") : t("release.hop-given")}</h4>
    ${hop.given.length ? html`<${Rungs} rungs=${hop.given} />` : html`<p class="muted">${t("release.no-receipt")}</p>`}
    ${hop.recall
      ? html`<h4>${t("release.hop-recall")} <${StateBadge} state=${hop.recall.state} /></h4>
          ${hop.recalled.length ? html`<${Rungs} rungs=${hop.recalled} />` : html`<p><${Words} text=${hop.recall.words} most=${400} /></p>`}`
      : html`<p class="muted">${t("release.hop-not-recalled")}</p>`}
    ${hop.plan && hop.by === "grant" ? html`<p><a href=${linkTo("release", { tab: "plans", item: String(hop.plan) })}>${t("release.why", { who: hop.party })}</a></p>` : null}
  </li>`;
}

/** @param {{ row: any }} props */
export function Holders({ row }) {
  const found = useLook("release-holders", { item: row.leaf });
  return html`<section class="stack" aria-label=${t("release.holders")}>
    <h3>${t("release.holders")}</h3>
    <${Looked} of=${found} />
    <ol class="stack release-hops">${(found.data ?? []).map((/** @type {any} */ hop) => html`<${Hop} key=${`${hop.of}/${hop.party}`} hop=${hop} />`)}</ol>
  </section>`;
}
