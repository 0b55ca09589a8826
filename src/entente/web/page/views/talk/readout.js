// One readout: its words, who stands behind them and who does not, another wording beside it, and our answer.
//
// Invariants: what is signed is the text on the screen, by its hash, and no other; an answer takes two steps and is
// given once; what is not agreed is named with who says so and why; silence is never shown as consent; what was
// settled is told apart from what came later.
//
//     /talk?readout=call-3&with=call-3-ru
import { lookPath, useLook } from "../../core/api.js";
import { html, useState } from "../../core/dom.js";
import { useKeys } from "../../core/keys.js";
import { setParams, useParam } from "../../core/route.js";
import { clean } from "../../core/safe.js";
import { useSession } from "../../core/session.js";
import { t } from "../../core/words.js";
import { ActButton } from "../../parts/dialog.js";
import { Field } from "../../parts/form.js";
import { Badge } from "../../parts/notice.js";
import { Party, Parties } from "../../parts/party.js";
import { Time } from "../../parts/time.js";
import { Words } from "../../parts/words.js";
import { languageName } from "../inbox/about.js";
import { dropDraft, useDraft } from "../inbox/draft.js";
import { Beside } from "./beside.js";
import { TwoSteps, useSteps } from "./fields.js";
import { InRecord, MOVED } from "./standing.js";
import { Back } from "./thread.js";

/** @param {{ row: any, pulse: any }} props Each party with its answer. */
function Answers({ row, pulse }) {
  const said = new Map(row.answers.map((/** @type {any} */ one) => [one.party, one]));
  return html`<table class="talk-answers"><caption class="hidden-text">${t("talk.who-answered")}</caption>
    <thead><tr><th scope="col">${t("shell.party")}</th><th scope="col">${t("talk.answer")}</th><th scope="col">${t("talk.when")}</th></tr></thead>
    <tbody>${row.readout.parties.map((/** @type {string} */ party) => {
      const one = said.get(party);
      return html`<tr key=${party}><th scope="row"><${Party} id=${party} /></th>
        <td>${one === undefined
          ? html`<${Badge} kind=${row.state === "settled" ? "off" : "quiet"}>${t(row.state === "settled" ? "talk.was-silent" : "talk.no-answer")}</${Badge}>`
          : html`<${Badge} kind=${one.answer === "signed" ? "ok" : "bad"}>${t(one.answer === "signed" ? "talk.signed" : "talk.dissents")}</${Badge}>
              ${one.is_late ? html` <${Badge} kind="warn">${t("talk.after-settlement")}</${Badge}>` : null} <bdi>${clean(one.officers.join(", "), 60)}</bdi>`}</td>
        <td>${one === undefined ? "—" : html`<${Time} iso=${one.at} /> <${InRecord} index=${one.index} pulse=${pulse} />`}</td></tr>`;
    })}</tbody></table>`;
}

/** What is not agreed, by whom and why. @param {{ row: any }} props */
function NotAgreed({ row }) {
  const dissents = row.answers.filter((/** @type {any} */ one) => one.answer === "dissented");
  const { silent } = row.standing;
  if (!dissents.length && !silent.length) return html`<p><${Badge} kind="ok">${t("talk.all-signed")}</${Badge}></p>`;
  return html`<section class="talk-not-agreed" aria-label=${t("talk.not-agreed")}>
    <h3>${t("talk.not-agreed")}</h3>
    ${dissents.map((/** @type {any} */ one) => html`<figure key=${one.party}>
      <figcaption><${Badge} kind="bad">${t("talk.dissents")}</${Badge}> <${Party} id=${one.party} /> <bdi>${clean(one.officers.join(", "), 60)}</bdi></figcaption>
      <${Words} text=${one.reason} as="block" most=${1200} /></figure>`)}
    ${silent.length ? html`<p><${Badge} kind=${row.state === "settled" ? "off" : "quiet"}>${t("talk.no-answer")}</${Badge}> <${Parties} ids=${silent} /> ${t("talk.silence")}</p>` : null}
  </section>`;
}

/** @param {{ row: any }} props */
function OurAnswer({ row }) {
  const session = useSession();
  const [open, step] = useSteps();
  const slot = `talk.${session.officer}.dissent.${row.id}`;
  const [values, setValues] = useDraft(slot, { reason: "" });
  const isAsked = row.standing.silent.includes(session.party);
  const canSign = isAsked && session.may("sign-readout");
  useKeys(
    canSign
      ? [
          { keys: "s", label: t("talk.sign"), run: () => step("sign")(true), group: "talk" },
          { keys: "d", label: t("talk.dissent"), run: () => step("dissent")(true), group: "talk" },
        ]
      : [],
    [row.id, canSign],
  );
  if (!isAsked) return null;
  if (!canSign) return html`<p class="muted">${t("talk.may-not-sign")}</p>`;
  const reason = values["reason"] ?? "";
  return html`<section class="talk-our-answer no-print" aria-label=${t("talk.our-answer")}>
    <h3>${t("talk.our-answer")}</h3>
    ${row.state === "settled" ? html`<p><${Badge} kind="warn">${t("talk.is-late")}</${Badge}></p>` : null}
    <div class="row">
      <${TwoSteps} label=${t("talk.sign")} weight="primary" keys="s" isOpen=${open === "sign"} onOpen=${step("sign")}>
        <p>${t("talk.sign-means", { party: clean(session.party_name, 60), officer: clean(session.officer, 40) })}</p>
        <p class="muted">${t("talk.sign-hash")} <code class="talk-hash">${clean(row.sha256, 64)}</code></p>
        <${ActButton} verb="sign-readout" kind="primary" label=${t("talk.sign-now", { title: clean(row.readout.title, 60) })} body=${{ id: row.id, sha256: row.sha256 }} />
      </${TwoSteps}>
      <${TwoSteps} label=${t("talk.dissent")} weight="danger" keys="d" isOpen=${open === "dissent"} onOpen=${step("dissent")}>
        <${Field} label=${t("talk.why-not")} hint=${t("talk.dissent-hint")}>
          <textarea maxlength="4000" value=${reason} onInput=${(/** @type {any} */ event) => setValues({ reason: event.currentTarget.value })}></textarea>
        </${Field}>
        <${ActButton} verb="dissent-readout" kind="danger" label=${t("talk.dissent-now")} disabled=${!reason.trim()} body=${{ id: row.id, reason }} onDone=${() => dropDraft(slot)} />
      </${TwoSteps}>
    </div>
  </section>`;
}

/** @param {any} one @param {any} other Two wordings of one talk: held at one time, or one named after the other. */
const isKin = (one, other) => one.id !== other.id && (one.readout.held === other.readout.held || one.id.startsWith(`${other.id}-`) || other.id.startsWith(`${one.id}-`));

/** @param {{ row: any, all: readonly any[] }} props */
export function Readout({ row, all }) {
  const session = useSession();
  const pulse = useLook("pulse", {}, { on: MOVED });
  const [isAny, setAny] = useState(false);
  const withName = useParam("with");
  const other = all.find((one) => one.id === withName && one.id !== row.id);
  const others = all.filter((one) => one.id !== row.id && (isAny || isKin(row, one) || one === other));
  const { readout, settlement } = row;
  return html`<article class="panel talk-pane" aria-label=${t("talk.readout-named", { name: clean(readout.title, 60) })}>
    <header class="stack">
      <div class="row"><${Back} /><h2><bdi>${clean(readout.title, 120)}</bdi></h2> <code><bdi>${clean(row.id, 40)}</bdi></code></div>
      <p>${t("talk.proposed-by")} <${Party} id=${row.author} /> · ${t("talk.held")} <${Time} iso=${readout.held} /> · ${t("talk.between")} <${Parties} ids=${readout.parties} /> · <${InRecord} index=${row.index} pulse=${pulse.data} /></p>
      ${settlement ? html`<p><${Badge} kind="info">${t("talk.is-settled")}</${Badge}> <${Time} iso=${settlement.at} /> ${t("talk.settled-with", { signed: settlement.signed.length, dissented: settlement.dissented.length, silent: settlement.silent.length })}</p>` : html`<p><${Badge} kind="quiet">${t("talk.is-open")}</${Badge}></p>`}
    </header>
    ${all.length > 1 ? html`<div class="row no-print">
      <label class="inline-field">${t("talk.beside")} <select class="talk-with" value=${other?.id ?? ""} onChange=${(/** @type {any} */ event) => setParams({ with: event.currentTarget.value }, { replace: true })}>
        <option value="">${t("talk.alone")}</option>${others.map((one) => html`<option key=${one.id} value=${one.id}>${clean(one.readout.title, 60)} (${clean(one.id, 40)}, ${clean(one.author, 24)})</option>`)}</select></label>
      ${isAny ? null : html`<button type="button" class="link-button" onClick=${() => setAny(true)}>${t("talk.any-readout")}</button>`}
    </div>` : null}
    ${other
      ? html`<${Beside} one=${row} other=${other} />`
      : html`<figure class="talk-wording"><figcaption class="muted">${t("talk.words-signed")} · ${clean(languageName(clean(readout.language, 20)), 40)}</figcaption>
          <${Words} text=${readout.text} as="block" most=${10_000} language=${readout.language} /></figure>`}
    <${NotAgreed} row=${row} />
    <${OurAnswer} key=${row.id} row=${row} />
    <${Answers} row=${row} pulse=${pulse.data} />
    <div class="row no-print">
      ${session.may("propose-readout") ? html`<button type="button" onClick=${() => setParams({ new: "readout", with: row.id, readout: null })}>${t("talk.other-wording")}</button>` : null}
      <a href=${lookPath("readout", { name: row.id })} target="_blank" rel="noreferrer">${t("talk.envelope")}</a>
    </div>
    <p class="muted">${t("talk.hash")} <code class="talk-hash">${clean(row.sha256, 64)}</code></p>
  </article>`;
}
