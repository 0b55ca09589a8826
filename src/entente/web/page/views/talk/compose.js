// What we say next: the words, whether they are urgent, and who reads them.
//
// Invariants: a text is said once, whatever key is pressed how often; who reads it stands beside the button that says
// it; where nothing was said yet, an officer chooses who reads it, and nothing is chosen for him but the audience of
// a sealed thing that the thread is about. A draft is kept in this tab, apart for each officer and thread.
//
//     html`<${Compose} id="aleppo" row=${row} about=${about} reply=${null} onReplied=${done} />`
import { useAct } from "../../core/api.js";
import { html, useState } from "../../core/dom.js";
import { tellOwn } from "../../core/live.js";
import { clean } from "../../core/safe.js";
import { useSession } from "../../core/session.js";
import { t } from "../../core/words.js";
import { Outcome } from "../../parts/dialog.js";
import { Field } from "../../parts/form.js";
import { Badge } from "../../parts/notice.js";
import { Parties, Party } from "../../parts/party.js";
import { dropDraft, useDraft } from "../inbox/draft.js";
import { LANGUAGE } from "./said.js";

/**
 * @param {{ chosen: string, to: readonly string[], known: readonly string[] | null, onChange: (next: Record<string, string>) => void }} props
 *   `chosen`: "all", "some" or not chosen yet. `known`: who may know of the thing, where not all may.
 */
export function Audience({ chosen, to, known, onChange }) {
  const session = useSession();
  const others = session.parties.filter((one) => one.party !== session.party);
  const told = chosen === "all" ? others.map((one) => one.party) : chosen === "some" ? to : [];
  const tooMany = known === null ? [] : told.filter((one) => !known.includes(one));
  const toggle = (/** @type {string} */ party) =>
    onChange({ to: (to.includes(party) ? to.filter((one) => one !== party) : [...to, party]).join(",") });
  return html`<fieldset class="talk-to"><legend>${t("talk.who-reads")}</legend>
    <label class="inline-check"><input type="radio" name="talk-audience" checked=${chosen === "all"} onChange=${() => onChange({ audience: "all" })} /> ${t("talk.to-all")}</label>
    <label class="inline-check"><input type="radio" name="talk-audience" checked=${chosen === "some"} onChange=${() => onChange({ audience: "some" })} /> ${t("talk.to-some")}</label>
    ${chosen === "some" ? html`<span class="row">${others.map((one) => html`<label key=${one.party} class="inline-check"><input type="checkbox" checked=${to.includes(one.party)} onChange=${() => toggle(one.party)} />
      <${Party} id=${one.party} /></label>`)}</span>` : null}
    <p class="field-hint">${t("talk.who-reads-hint")}</p>
    ${tooMany.length ? html`<p role="alert"><${Badge} kind="bad">${t("talk.tells-more")}</${Badge}> <${Parties} ids=${tooMany} /> ${t("talk.tells-more-why")}</p>` : null}
  </fieldset>`;
}

/** @param {Record<string, string>} values @param {readonly string[] | null} known @param {string} own */
function readAudience(values, known, own) {
  const sealed = known?.filter((one) => one !== own) ?? [];
  const chosen = values["audience"] || (known === null ? "" : "some");
  const named = values["to"] ?? "";
  const to = named || values["audience"] ? named.split(",").filter(Boolean) : sealed;
  return { chosen, to };
}

/**
 * @param {{ id: string, row: any, about: import("./about.js").Subject, known?: readonly string[] | null, reply?: any,
 *   onReplied: (to: readonly string[]) => void }} props `row`: null before anything was said.
 */
export function Compose({ id, row, about, known = null, reply = null, onReplied }) {
  const session = useSession();
  const slot = `talk.${session.officer}.${row?.thread ?? `new.${about.type}.${about.id}`}`;
  const [values, setValues] = useDraft(slot, { text: "", urgent: "", language: "", to: "", audience: "" });
  const [isLanguage, setLanguage] = useState(false);
  const act = useAct("say");
  const { text = "", urgent = "", language = "" } = values;
  const { chosen, to: picked } = readAudience(values, known, session.party);
  const to = row ? row.to.filter((/** @type {string} */ one) => one !== session.party) : chosen === "some" ? picked : [];
  const isAimed = row !== null || chosen === "all" || (chosen === "some" && to.length > 0);
  const isReady = id !== "" && text.trim() !== "" && isAimed && (!language || LANGUAGE.test(language)) && !act.isBusy;
  const patch = (/** @type {Record<string, string>} */ next) => setValues({ ...values, to: picked.join(","), audience: chosen, ...next });
  const say = async () => {
    if (!isReady) return;
    const answer = await act.run({
      thread: id, text, to, urgent: urgent === "1",
      ...(language ? { language } : {}),
      ...(reply ? { reply_to: reply.message } : {}),
      ...(row || about.type === "none" ? {} : { about_type: about.type, about_id: about.id }),
    });
    if (answer === null) return;
    setValues({ ...values, text: "", urgent: "" });
    dropDraft(slot);
    tellOwn();
    onReplied(to);
  };
  return html`<form class=${`talk-compose no-print ${urgent ? "talk-urgent" : ""}`} onSubmit=${(/** @type {Event} */ event) => { event.preventDefault(); say(); }}
    onKeyDown=${(/** @type {KeyboardEvent} */ event) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      say();
    }}>
    ${reply ? html`<blockquote class="talk-reply">${t("talk.reply-to")} <${Party} id=${reply.author} /> <bdi>${clean(reply.text, 100)}</bdi>
      ${" "}<button type="button" class="link-button" onClick=${() => onReplied(to)}>${t("talk.no-reply")}</button></blockquote>` : null}
    ${row ? null : html`<${Audience} chosen=${chosen} to=${picked} known=${known} onChange=${patch} />`}
    <${Field} label=${t("talk.text")} path="$.text" error=${act.error}>
      <textarea class="talk-first" rows="2" maxlength="2000" value=${text} onInput=${(/** @type {any} */ event) => patch({ text: event.currentTarget.value })}></textarea>
    </${Field}>
    <div class="row">
      <label class="inline-check"><input type="checkbox" checked=${urgent === "1"}
        onChange=${(/** @type {any} */ event) => patch({ urgent: event.currentTarget.checked ? "1" : "" })} /> ${t("talk.say-urgent")}</label>
      ${isLanguage || language
        ? html`<label class="inline-field">${t("talk.language")} <input class="talk-code" maxlength="20" placeholder=${t("talk.desk-language")} value=${language} spellcheck=${false}
            onInput=${(/** @type {any} */ event) => patch({ language: event.currentTarget.value.trim() })} /></label>`
        : html`<button type="button" class="link-button" onClick=${() => setLanguage(true)}>${t("talk.other-language")}</button>`}
      <span class="talk-read-by">${isAimed ? html`${t("talk.is-read-by")} <${Parties} ids=${to} />` : t("talk.choose-who")}</span>
      <button type="submit" class=${urgent ? "primary talk-say-urgent" : "primary"} disabled=${!isReady} aria-busy=${act.isBusy}>${t(urgent ? "talk.say-it-urgent" : "talk.say")} <kbd>Ctrl+Enter</kbd></button>
    </div>
    <${Outcome} of=${act} />
  </form>`;
}
