// The text of an agreement as it is read before it is signed, its hash, and its exact bytes.
//
// Invariants: it is the text that the record has, and the hash is over the bytes that are shown; each obligation says
// who answers for it.
//
//     html`<${TextOf} view=${agreement} />`
import { useLook } from "../../core/api.js";
import { html } from "../../core/dom.js";
import { t } from "../../core/words.js";
import { Looked } from "../../parts/notice.js";
import { Party } from "../../parts/party.js";
import { Words } from "../../parts/words.js";

/** @param {{ view: any, id: string }} props A party or an agency of the agreement. */
export function Signer({ view, id }) {
  const agency = view.text.agencies.find((/** @type {any} */ one) => one.agency === id);
  return agency ? html`<${Party} id=${agency.party} /> <${Words} text=${agency.name} most=${80} />` : html`<${Party} id=${id} name=${true} />`;
}

/** @param {{ view: any }} props */
export function TextOf({ view }) {
  const text = useLook("agreement-text", { name: view.id }, { on: ["reset"] });
  return html`<div class="stack"><${Looked} of=${text} />
    ${text.data === null ? null : html`
      ${text.data.text.text ? html`<${Words} as="block" text=${text.data.text.text} most=${6000} />` : null}
      <h3>${t("terms.measures")}</h3>
      <ol class="terms-agreed">${text.data.text.measures.map((/** @type {any} */ one) => html`<li key=${one.id}>
        <${Words} text=${one.says} most=${1200} />${one.grade_says ? html` (<${Words} text=${one.grade_says} most=${600} />)` : null}
        ${" "}${one.by.length ? one.by.map((/** @type {string} */ id) => html`<${Party} key=${id} id=${id} /> `) : html`<span class="muted">${t("terms.every-party")}</span>`}</li>`)}</ol>
      ${text.data.text.obligations.length ? html`<h3>${t("terms.obligations")}</h3>
        <ol class="terms-agreed">${text.data.text.obligations.map((/** @type {any} */ one) => html`<li key=${one.id}><${Words} text=${one.says} most=${1200} />
          ${" "}<span class="muted">${t("terms.guarantor")}</span> <${Signer} view=${view} id=${one.guarantor} /></li>`)}</ol>` : null}
      <h3>${t("terms.clocks")}</h3>
      <ol class="terms-agreed">${text.data.text.clocks.map((/** @type {any} */ one) => html`<li key=${one.id}><${Words} text=${one.says} most=${1200} />
        ${" "}<span class="muted">${one.days ? t("terms.days", { n: one.days }) : t("terms.hours", { n: one.hours })}</span></li>`)}</ol>
      <p class="muted">${t("terms.hash-is")}</p><p class="mono terms-hash">${text.data.sha256}</p>
      <details><summary>${t("terms.bytes")}</summary><${Words} as="block" text=${text.data.bytes} most=${20000} /></details>`}
  </div>`;
}
