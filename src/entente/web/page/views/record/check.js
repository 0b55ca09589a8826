// What this page checked of the record, whose keys it believes, and what to do when a check failed.
//
// Invariants: a failure shows what was expected, what came and its evidence, and cannot be closed: it is checked
// again, or this browser's knowledge is given up by whoever typed the new fingerprint's first group.
import { html, useState } from "../../core/dom.js";
import { useStore } from "../../core/store.js";
import { formatNumber, t } from "../../core/words.js";
import { saveFile } from "../../parts/export.js";
import { Badge } from "../../parts/notice.js";
import { Party } from "../../parts/party.js";
import { Time } from "../../parts/time.js";
import { Words } from "../../parts/words.js";
import { checked, isLate, setCompared, settleFailure } from "../../record/watch.js";

/** @param {{ found: import("../../record/watch.js").Checked }} props */
function Failed({ found }) {
  const [typed, setTyped] = useState("");
  const failure = found.pins?.failure;
  if (!failure) return null;
  return html`<section class="error-box record-failure" role="alert">
    <span class="badge-shape" aria-hidden="true">■</span>
    <div class="stack">
      <h2>${t("record.failed")}</h2>
      <dl class="facts">
        <dt>${t("record.what")}</dt>
        <dd><${Words} text=${failure.words} most=${600} /> <code>${failure.code}</code></dd>
        <dt>${t("record.expected")}</dt>
        <dd><${Words} text=${failure.expected} most=${600} /></dd>
        <dt>${t("record.got")}</dt>
        <dd><${Words} text=${failure.got} most=${600} /></dd>
        <dt>${t("record.when")}</dt>
        <dd><${Time} ms=${failure.at_ms} seconds=${true} /></dd>
      </dl>
      <ol class="record-steps">
        <li>1. ${t("record.step-stop")}</li>
        <li>2. ${t("record.step-save")}</li>
        <li>3. ${t("record.step-call")}</li>
      </ol>
      <div class="row">
        <button
          type="button"
          class="primary"
          onClick=${() => saveFile("record-evidence.json", "application/json", JSON.stringify(failure, null, 2))}
        >
          ${t("record.save-evidence")}
        </button>
        <button type="button" onClick=${() => settleFailure(false)}>${t("record.check-again")}</button>
      </div>
      <label class="field"
        ><span>${t("record.anew-hint")}</span>
        <input value=${typed} onInput=${(/** @type {any} */ event) => setTyped(event.currentTarget.value)}
      /></label>
      <button
        type="button"
        class="danger"
        disabled=${typed.trim().toLowerCase() !== t("record.anew-word")}
        onClick=${() => settleFailure(true)}
      >
        ${t("record.anew")}
      </button>
    </div>
  </section>`;
}

/** One line above the list: how far this page has checked, or why not. */
export function Standing() {
  const found = useStore(checked);
  const size = found.head?.size ?? found.pins?.size ?? 0;
  if (found.state === "failed") return html`<p><${Badge} kind="bad">${t("record.failed")}</${Badge}></p>`;
  if (found.state === "unable") return html`<p><${Badge} kind="warn">${t("record.unable")}</${Badge}></p>`;
  if (found.state !== "checked")
    return html`<p><${Badge} kind="quiet">${t("record.not-checked")}</${Badge}></p>`;
  return html`<p><${Badge} kind="ok">${t("record.checked-short", { size: formatNumber(size) })}${" "}<${Time}
    ms=${found.at_ms} local=${false} short=${true} /></${Badge}></p>`;
}

export function CheckPanel() {
  const found = useStore(checked);
  const { founding, newest, pins } = found;
  return html`<section class="stack record-check" aria-label=${t("record.check")}>
    <${Failed} found=${found} />
    ${found.state === "unable" ? html`<p><${Badge} kind="warn">${t("record.unable")}</${Badge}> <${Words} text=${found.trouble?.message} /></p>` : null}
    ${
      found.head
        ? html`<p>
              ${t("record.checked-to", { size: formatNumber(found.head.size), firm: formatNumber(found.firm_size), settled: formatNumber(found.settled_size) })}${" "}<${Time}
                ms=${found.at_ms}
                seconds=${true}
              />
            </p>
            <p>${t("record.leaves", { n: found.leaves_size, count: formatNumber(found.leaves_size) })}</p>`
        : html`<p>${t("record.not-checked")}</p>`
    }
    ${found.offline ? html`<p><${Badge} kind="warn">${t("record.no-answer")}</${Badge}> <${Words} text=${found.offline} /></p>` : null}
    ${isLate(found) ? html`<p><${Badge} kind="warn">${t("record.late")}</${Badge}></p>` : null}
    ${found.cautions.map((one) => html`<p key=${one}><${Badge} kind="warn">${t(`record.caution-${one.split(":")[0]}`)}</${Badge}> <${Words} text=${one.split(":")[1]} /></p>`)}
    ${
      founding
        ? html`<dl class="facts">
            <dt>${t("record.fingerprint")}</dt>
            <dd>
              <code class="record-fingerprint">${founding.fingerprint}</code>
              <p>
                ${
                  pins?.compared_ms
                    ? html`${t("record.compared")} <${Time} ms=${pins.compared_ms} />`
                    : html`${t("record.compare-hint")}${" "}
                        <button type="button" onClick=${setCompared}>${t("record.compare")}</button>`
                }
              </p>
            </dd>
            <dt>${t("record.log-key")}</dt>
            <dd><${Words} text=${founding.log.vkey} most=${200} /></dd>
            ${founding.witnesses.map(
              (one) =>
                html`<dt key=${one.party}><${Party} id=${one.party} /></dt>
                  <dd>
                    <${Words} text=${one.key.id} />
                    ${newest?.times[one.party] ? html` ${t("record.cosigned")} <${Time} ms=${1000 * (newest.times[one.party] ?? 0)} seconds=${true} />` : html` <${Badge} kind="quiet">${t("record.not-cosigned")}</${Badge}>`}
                  </dd>`,
            )}
          </dl>`
        : null
    }
    <p class="muted">${t("record.boundary")}</p>
  </section>`;
}
