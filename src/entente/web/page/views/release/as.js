// What a partner sees of what we gave it, as its own desk shows it: nothing else is asked for.
//
// Invariants: what is shown comes from one answer, made of messages that the partner can read: no name of a report, source
// or secret of ours is in it; what our ledger says of the partner is ours, and stands behind a link.
// SECURITY: tests/browser/test_page_release.py searches every byte of this tab and of its answer.
//
//     /release?tab=as&as=ru
import { useLook } from "../../core/api.js";
import { html } from "../../core/dom.js";
import { linkTo, setParams, useParam } from "../../core/route.js";
import { useSession } from "../../core/session.js";
import { t } from "../../core/words.js";
import { Choice } from "../../parts/form.js";
import { Badge, Empty, Looked } from "../../parts/notice.js";
import { Party } from "../../parts/party.js";
import { Time } from "../../parts/time.js";
import { Words } from "../../parts/words.js";
import { VariantFacts } from "./variant.js";

/** @param {{ one: any }} props */
function SeenItem({ one }) {
  return html`<li class=${one.recalled_at ? "panel stack release-seen-recalled" : "panel stack"}>
    <p>
      ${one.recalled_at
        ? html`<${Badge} kind="bad">${t("release.recalled")}</${Badge}>`
        : one.is_replaced
          ? html`<${Badge} kind="warn">${t("release.replaced")}</${Badge}>`
          : one.is_over
            ? html`<${Badge} kind="off">${t("release.over")}</${Badge}>`
            : html`<${Badge} kind="ok">${t("release.in-use")}</${Badge}>`}
      ${" "}<strong>${t("release.item-number", { index: one.index })}</strong> · <${Party} id=${one.author} /> · <${Time} iso=${one.at} local=${false} />
    </p>
    ${one.recalled_at
      ? html`<p><strong>${t("release.do-not-use")}</strong> <${Time} iso=${one.recalled_at} local=${false} />
          ${" "}${t("release.reason")}: ${t(`release.reason-${one.recall_reason}`)}${one.recall_words ? " · " : ""}<${Words} text=${one.recall_words} most=${400} /></p>`
      : null}
    <p class="release-sentence"><${Words} text=${one.words} most=${600} /></p>
    <dl class="facts">
      <dt>${t("release.marked")}</dt><dd><strong><${Words} text=${one.marking} /></strong></dd>
      <dt>${t("release.purpose")}</dt><dd><${Words} text=${one.purpose} /></dd>
      <dt>${t("release.originator")}</dt><dd><${Party} id=${one.originator} /></dd>
      <dt>${t("release.onward")}</dt><dd>${t(one.onward === "never" ? "release.onward-never" : "release.onward-ask")}</dd>
      <dt>${t("release.until")}</dt><dd>${one.until ? html`<${Time} iso=${one.until} />` : "—"}</dd>
      ${one.note ? html`<dt>${t("release.note")}</dt><dd><${Words} text=${one.note} as="block" /></dd>` : null}
    </dl>
    <${VariantFacts} variant=${one.variant} isReader=${true} />
  </li>`;
}

/** @param {{ one: any }} props */
function SeenYes({ one }) {
  return html`<li class="panel">
    <${Badge} kind=${one.is_granted && !one.is_recalled ? "ok" : "off"}>${t(one.is_recalled ? "release.recalled" : one.is_granted ? "release.yes" : "release.refuse")}</${Badge}>
    ${" "}<${Party} id=${one.holder} /> → <${Party} id=${one.to} /> · <${Words} text=${one.purpose} most=${60} /> · <${Time} iso=${one.at} local=${false} />
    ${one.words ? html`<p><${Words} text=${one.words} most=${400} /></p>` : null}
  </li>`;
}

export function AsPartner() {
  const session = useSession();
  const others = session.parties.filter((one) => one.party !== session.party);
  const asked = useParam("as");
  const who = others.some((one) => one.party === asked) ? asked : (others[0]?.party ?? "");
  const found = useLook(who ? "release-as" : null, { party: who });
  if (!who) return html`<${Empty}>${t("release.no-partners")}</${Empty}>`;
  const { items = [], answers = [] } = found.data ?? {};
  return html`<div class="stack release-scroll">
    <${Choice} label=${t("release.as-whom")} value=${who} options=${others.map((one) => ({ value: one.party, label: one.party }))}
      onChange=${(/** @type {string} */ next) => setParams({ as: next })} />
    <section class="release-frame stack" aria-label=${t("release.as-eyes", { who })}>
      <p class="release-frame-head"><strong>${t("release.as-eyes", { who })}</strong> <${Party} id=${who} name=${true} /></p>
      <p>${t("release.as-hint")}</p>
      <${Looked} of=${found} />
      ${found.data && !items.length ? html`<${Empty}>${t("release.as-nothing")}</${Empty}>` : null}
      <ul class="stack">${items.map((/** @type {any} */ one) => html`<${SeenItem} key=${one.index} one=${one} />`)}</ul>
      ${answers.length
        ? html`<h2>${t("release.onward")}</h2>
            <ul class="stack">${answers.map((/** @type {any} */ one) => html`<${SeenYes} key=${one.index} one=${one} />`)}</ul>`
        : null}
    </section>
    <p class="muted">${t("release.as-limit")} <a href=${linkTo("release", { tab: "ledger", who })}>${t("release.as-ledger", { who })}</a></p>
  </div>`;
}
