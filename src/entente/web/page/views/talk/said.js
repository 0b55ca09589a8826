// One text of a thread, as it was signed: who, when, how far it has come, who has acknowledged it, and translations.
//
// Invariants: the original is what is signed, and is called so as soon as anything stands beside it; a translation is
// marked with who made it, and never stands in the original's place; that a party has not acknowledged is said as
// plainly as that it has.
//
//     html`<${Said} view=${view} answered=${null} pulse=${pulse} onReply=${reply} />`
import { html, useState } from "../../core/dom.js";
import { clean } from "../../core/safe.js";
import { useSession } from "../../core/session.js";
import { t } from "../../core/words.js";
import { ActButton } from "../../parts/dialog.js";
import { Field } from "../../parts/form.js";
import { Badge } from "../../parts/notice.js";
import { Party } from "../../parts/party.js";
import { Time } from "../../parts/time.js";
import { Words } from "../../parts/words.js";
import { languageName } from "../inbox/about.js";
import { dropDraft, useDraft } from "../inbox/draft.js";
import { Standing } from "./standing.js";

export const LANGUAGE = /^[a-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,2}$/;
const ANSWERED = new Set(["acknowledged", "answered"]);

/** @param {unknown} code */
const sayLanguage = (code) => clean(languageName(clean(code, 20)), 40);

/** @param {any} view @param {string} party Whether this party owes an acknowledgement of it. */
export const isOwedBy = (view, party) => (view.receipts ?? []).some((/** @type {any} */ one) => one.party === party && !ANSWERED.has(one.state));

/** @param {{ of: any, onDone: () => void }} props */
function Translate({ of, onDone }) {
  const session = useSession();
  const slot = `talk.${session.officer}.translate.${of.message}`;
  const [values, setValues] = useDraft(slot, { text: "", language: "", by: "officer" });
  const { text = "", language = "", by = "officer" } = values;
  const patch = (/** @type {Record<string, string>} */ next) => setValues({ ...values, ...next });
  return html`<div class="stack talk-translate">
    <div class="talk-fields">
      <${Field} label=${t("talk.to-language")} hint=${t("talk.language-hint")}>
        <input maxlength="20" value=${language} spellcheck=${false} autocomplete="off" onInput=${(/** @type {any} */ event) => patch({ language: event.currentTarget.value.trim() })} />
      </${Field}>
      <${Field} label=${t("talk.translated-by")}>
        <select value=${by} onChange=${(/** @type {any} */ event) => patch({ by: event.currentTarget.value })}>
          <option value="officer">${t("talk.by-officer")}</option><option value="machine">${t("talk.by-machine")}</option>
        </select>
      </${Field}>
    </div>
    <${Field} label=${t("talk.translation")} hint=${t("talk.original-signed")}>
      <textarea maxlength="4000" value=${text} onInput=${(/** @type {any} */ event) => patch({ text: event.currentTarget.value })}></textarea>
    </${Field}>
    <div class="row">
      <${ActButton} verb="translate" label=${t("talk.put-translation")} disabled=${!text.trim() || !LANGUAGE.test(language)}
        body=${{ message: of.message, language, text, by }} onDone=${() => { dropDraft(slot); onDone(); }} />
      <button type="button" class="quiet" onClick=${onDone}>${t("talk.cancel")}</button>
    </div>
  </div>`;
}

/** @param {{ receipts: readonly any[] }} props Who has acknowledged a text, and who has not. */
function Receipts({ receipts }) {
  if (!receipts.length) return null;
  return html`<ul class="talk-receipts" aria-label=${t("talk.receipts")}>
    ${receipts.map((one) => html`<li key=${one.party}><${Party} id=${one.party} /> ${ANSWERED.has(one.state)
      ? html`<span class="talk-yes">✓ ${t(one.is_late ? "talk.acknowledged-late" : "talk.acknowledged")}</span> <bdi>${clean(one.officers.join(", "), 60)}</bdi> <${Time} iso=${one.at} short=${true} local=${false} />`
      : html`<span class="talk-no">${one.state === "lapsed" ? `■ ${t("talk.lapsed")}` : `○ ${t("talk.no-acknowledgement")}`}</span>`}</li>`)}
  </ul>`;
}

/** @param {{ one: any }} props */
function Who({ one }) {
  // The center's own words, an alarm's, come from no officer.
  return html`<${Party} id=${one.author} /> ${one.officer ? html`<bdi>${clean(one.officer, 40)}</bdi>` : html`<span class="muted">${t("talk.by-center")}</span>`}`;
}

/** @param {{ view: any, answered: any, pulse: any, onReply: (() => void) | null }} props `answered`: what it replies to. */
export function Said({ view, answered, pulse, onReply }) {
  const session = useSession();
  const [isTranslating, setTranslating] = useState(false);
  const one = view.original;
  const isOwed = isOwedBy(view, session.party);
  const isBeside = view.translations.length > 0;
  return html`<li class=${`talk-said ${one.author === session.party ? "talk-own" : ""} ${one.urgent ? "talk-urgent" : ""}`}>
    <header class="talk-said-head">
      <strong><${Who} one=${one} /></strong> <${Time} iso=${one.at} />
      ${one.urgent ? html`<${Badge} kind="bad">${t("talk.urgent")}</${Badge}>` : null}
      <${Standing} index=${one.index} pulse=${pulse} />
    </header>
    ${one.reply_to ? html`<blockquote class="talk-reply">${t("talk.reply-to")} ${answered
      ? html`<${Party} id=${answered.author} /> <bdi>${clean(answered.text, 120)}</bdi>`
      : html`<code>${clean(one.reply_to, 12)}</code>`}</blockquote>` : null}
    <div class=${isBeside ? "talk-beside" : ""}>
      <figure>
        ${isBeside ? html`<figcaption><${Badge} kind="ok">${t("talk.original")}</${Badge}> ${sayLanguage(one.language)}</figcaption>` : null}
        <${Words} text=${one.text} as="block" most=${2000} language=${one.language} />
      </figure>
      ${view.translations.map((/** @type {any} */ done) => html`<figure key=${done.translation} class="talk-translation">
        <figcaption><${Badge} kind=${done.by === "machine" ? "warn" : "quiet"}>${t(done.by === "machine" ? "talk.machine-translation" : "talk.officer-translation")}</${Badge}>
          ${" "}${sayLanguage(done.language)} · <${Party} id=${done.author} /> <bdi>${clean(done.officers.join(", "), 60)}</bdi></figcaption>
        <${Words} text=${done.text} as="block" most=${4000} language=${done.language} />
      </figure>`)}
    </div>
    <footer class="talk-said-foot">
      <${Receipts} receipts=${view.receipts ?? []} />
      <span class="talk-tools no-print">
      ${isOwed && session.may("acknowledge") ? html`<${ActButton} verb="acknowledge" body=${{ messages: [one.message] }} label=${t("talk.acknowledge")} />` : null}
      ${onReply ? html`<button type="button" class="quiet" onClick=${onReply}>${t("talk.reply")}</button>` : null}
      ${session.may("translate") && !isTranslating ? html`<button type="button" class="quiet" onClick=${() => setTranslating(true)}>${t("talk.translate")}</button>` : null}
      ${isBeside ? null : html`<span class="muted">${sayLanguage(one.language)}</span>`}</span>
    </footer>
    ${isTranslating ? html`<${Translate} of=${one} onDone=${() => setTranslating(false)} />` : null}
  </li>`;
}
