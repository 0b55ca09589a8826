// Rules of release with a partner: purposes, giving to receive; proposed by one, agreed by the other, ended by either.
//
// Invariants: what is agreed to is the digest of what is on the screen; proposed rules bind nobody and are shown so; how
// giving and receiving stand is the desk's own sentence.
//
//     /release?tab=rules
import { useLook } from "../../core/api.js";
import { html, useState } from "../../core/dom.js";
import { setParams, useParam } from "../../core/route.js";
import { useSession } from "../../core/session.js";
import { formatNumber, t } from "../../core/words.js";
import { ActButton, Dialog } from "../../parts/dialog.js";
import { Choice, Field } from "../../parts/form.js";
import { Badge, Empty, Looked } from "../../parts/notice.js";
import { Party } from "../../parts/party.js";
import { Time } from "../../parts/time.js";
import { Words } from "../../parts/words.js";
import { sayDigest } from "./approval.js";

const KINDS = /** @type {Record<string, "ok" | "warn" | "off">} */ ({ agreed: "ok", proposed: "warn", ended: "off" });

/** @param {{ row: any }} props */
function EndIt({ row }) {
  const [reason, setReason] = useState("");
  return html`<details class="release-more">
    <summary>${t(row.state === "proposed" ? "release.rules-refuse" : "release.rules-end")}</summary>
    <div class="stack">
      <${Field} label=${t("release.rules-reason")}>
        <input maxlength="400" value=${reason} onInput=${(/** @type {any} */ event) => setReason(event.currentTarget.value)} />
      </${Field}>
      <${ActButton} verb="release-end" kind="danger" disabled=${!reason.trim()} body=${{ id: row.id, reason: reason.trim() }}
        label=${t(row.state === "proposed" ? "release.rules-refuse" : "release.rules-end")} />
    </div>
  </details>`;
}

/** @param {{ row: any, isChosen: boolean }} props */
function OneRule({ row, isChosen }) {
  const session = useSession();
  const isTheirs = row.state === "proposed" && row.proposed_by !== session.party;
  const wanted = row.contribution;
  return html`<li class=${isChosen ? "panel stack release-chosen" : "panel stack"} aria-current=${isChosen ? "true" : undefined}>
    <p><${Badge} kind=${KINDS[row.state] ?? "warn"}>${t(`release.rules-${row.state}`)}</${Badge}>
      ${" "}<strong><${Words} text=${row.id} most=${60} /></strong> · <${Party} id=${row.partner} name=${true} /></p>
    <dl class="facts">
      <dt>${t("release.rules-by")}</dt><dd><${Party} id=${row.proposed_by} /></dd>
      <dt>${t("release.rules-purposes")}</dt><dd><${Words} text=${row.purposes.join(", ")} most=${600} /></dd>
      <dt>${t("release.rules-back")}</dt>
      <dd>${wanted
        ? t("release.rules-wanted", { least: formatNumber(wanted.at_least), per: formatNumber(wanted.per), days: formatNumber(wanted.days) })
        : t("release.rules-none-back")}</dd>
      <dt>${t("release.rules-until")}</dt><dd>${row.until ? html`<${Time} iso=${row.until} />` : "—"}</dd>
      <dt>${t("release.rules-stand")}</dt>
      <dd>${t("release.rules-count", { given: formatNumber(row.given), received: formatNumber(row.received) })}
        ${row.words ? html` · <${Words} text=${row.words} most=${400} />` : null}</dd>
      <dt>SHA-256</dt><dd><code class="release-digest">${sayDigest(row.sha256)}</code></dd>
    </dl>
    ${isTheirs && session.may("release-agree")
      ? html`<p class="muted">${t("release.rules-agree-hint")}</p>
          <${ActButton} verb="release-agree" kind="primary" label=${t("release.rules-agree", { who: row.partner })} body=${{ id: row.id, sha256: row.sha256 }} />`
      : null}
    ${isTheirs && !session.may("release-agree") ? html`<p class="muted">${t("release.rules-chief")}</p>` : null}
    ${row.state !== "ended" && session.may("release-end") ? html`<${EndIt} row=${row} />` : null}
  </li>`;
}

/** @param {{ onClose: () => void }} props */
function Propose({ onClose }) {
  const session = useSession();
  const shelf = useLook(session.may("release-shelf") ? "release-shelf" : null, { shelf: "purpose" });
  const others = session.parties.filter((one) => one.party !== session.party);
  const [id, setId] = useState("");
  const [partner, setPartner] = useState(others[0]?.party ?? "");
  const [purposes, setPurposes] = useState("");
  const [back, setBack] = useState({ least: "", per: "", days: "30" });
  const [until, setUntil] = useState("");
  const names = purposes.split(/[\s,]+/).filter(Boolean);
  const wantsBack = back.least !== "" || back.per !== "";
  const isWhole = !wantsBack || (Number(back.least) > 0 && Number(back.per) > 0 && Number(back.days) > 0);
  const body = {
    id, partner, purposes: names, until,
    ...(wantsBack ? { contribution: { at_least: Number(back.least), per: Number(back.per), days: Number(back.days) } } : {}),
  };
  const number = (/** @type {keyof typeof back} */ name) => html`<input type="number" min="1" value=${back[name]}
    onInput=${(/** @type {any} */ event) => setBack({ ...back, [name]: event.currentTarget.value })} />`;
  const shelved = (shelf.data ?? []).map((/** @type {any} */ one) => one.name);
  return html`<${Dialog} title=${t("release.rules-propose")} onClose=${onClose}>
    <p>${t("release.rules-propose-hint")}</p>
    <${Choice} label=${t("release.rules-partner")} value=${partner} onChange=${setPartner}
      options=${others.map((one) => ({ value: one.party, label: one.party }))} />
    <${Field} label=${t("release.rules-id")} hint=${t("release.rules-id-hint")}>
      <input maxlength="40" value=${id} spellcheck=${false} onInput=${(/** @type {any} */ event) => setId(event.currentTarget.value.trim())} />
    </${Field}>
    <${Field} label=${t("release.rules-purposes")} hint=${shelved.length ? `${t("release.rules-shelved")} ${shelved.join(", ")}` : undefined}>
      <input maxlength="400" value=${purposes} spellcheck=${false} onInput=${(/** @type {any} */ event) => setPurposes(event.currentTarget.value)} />
    </${Field}>
    <p class="muted">${t("release.rules-back-hint")}</p>
    <div class="release-worths">
      <${Field} label=${t("release.rules-least")}>${number("least")}</${Field}>
      <${Field} label=${t("release.rules-per")}>${number("per")}</${Field}>
      <${Field} label=${t("release.rules-days")}>${number("days")}</${Field}>
    </div>
    <${Field} label=${t("release.rules-until")} hint=${t("release.rules-until-hint")}>
      <input value=${until} maxlength="27" placeholder="2016-12-31T00:00:00Z" spellcheck=${false}
        onInput=${(/** @type {any} */ event) => setUntil(event.currentTarget.value.trim())} />
    </${Field}>
    <${ActButton} verb="release-propose" kind="primary" label=${t("release.rules-propose-it", { who: partner })} body=${body}
      disabled=${!id || !partner || !names.length || !isWhole} />
  </${Dialog}>`;
}

export function Rules() {
  const session = useSession();
  const isProposing = useParam("propose") !== "";
  const item = useParam("item");
  const found = useLook("release-rules");
  return html`<div class="stack release-scroll">
    <div class="row">
      <p>${t("release.rules-hint")}</p>
      ${session.may("release-propose")
        ? html`<button type="button" onClick=${() => setParams({ propose: "1" })}>${t("release.rules-propose")}</button>`
        : null}
    </div>
    <${Looked} of=${found} />
    ${found.data && !found.data.length ? html`<${Empty}>${t("release.no-rules")}</${Empty}>` : null}
    <ul class="release-cards">${(found.data ?? []).map((/** @type {any} */ row) => html`<${OneRule} key=${row.id} row=${row} isChosen=${item === row.id} />`)}</ul>
    ${isProposing && session.may("release-propose") ? html`<${Propose} onClose=${() => setParams({ propose: null })} />` : null}
  </div>`;
}
