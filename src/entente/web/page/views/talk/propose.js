// A readout that is to be proposed: the words that its parties will sign, as our party signs them by proposing.
//
// Invariants: proposing is signing, and the button says so; a corrected wording is another readout under another name,
// and the one that it corrects stays; the draft is kept in this tab.
//
//     /talk?new=readout&with=call-3
import { html, useEffect, useState } from "../../core/dom.js";
import { setParams } from "../../core/route.js";
import { useSession } from "../../core/session.js";
import { deskNowMs, encodeUtc, parseUtc } from "../../core/time.js";
import { t } from "../../core/words.js";
import { ActButton } from "../../parts/dialog.js";
import { Field } from "../../parts/form.js";
import { dropDraft, useDraft } from "../inbox/draft.js";
import { SLUG } from "./about.js";
import { MomentField, PartyBoxes, readMoment, writeMoment } from "./fields.js";
import { LANGUAGE } from "./said.js";
import { Back } from "./thread.js";

/** @param {string} id @param {string} party @param {readonly any[]} all @returns {string} A name that none has: "call-3-us". */
function nameNext(id, party, all) {
  const stem = id.endsWith(`-${party}`) ? id : `${id}-${party}`;
  const names = [stem, ...Array.from({ length: 98 }, (_, at) => `${stem}-${at + 2}`)];
  return names.find((name) => name.length <= 40 && !all.some((one) => one.id === name)) ?? "";
}

/** @param {{ of: any, all: readonly any[] }} props `of`: the readout whose wording this corrects, or undefined. */
export function Propose({ of, all }) {
  const session = useSession();
  const slot = `talk.${session.officer}.propose.${of?.id ?? ""}`;
  const [values, setValues] = useDraft(slot, {
    id: of ? nameNext(of.id, session.party, all) : "",
    title: of?.readout.title ?? "",
    held: writeMoment((of && parseUtc(of.readout.held)) ?? deskNowMs()),
    parties: (of?.readout.parties ?? [session.party]).join(","),
    text: of?.readout.text ?? "",
    language: of?.readout.language ?? "",
  });
  const [proposed, setProposed] = useState("");
  const { id = "", title = "", held = "", text = "", language = "" } = values;
  const parties = (values["parties"] ?? "").split(",").filter(Boolean);
  const held_ms = readMoment(held);
  const patch = (/** @type {Record<string, string>} */ next) => setValues({ ...values, ...next });
  const input = (/** @type {string} */ name) => (/** @type {any} */ event) => patch({ [name]: event.currentTarget.value });
  const isTaken = all.some((one) => one.id === id);
  const isReady = SLUG.test(id) && !isTaken && title.trim() !== "" && held_ms !== null && parties.length > 1 && text.trim() !== "" && (!language || LANGUAGE.test(language));
  const isThere = proposed !== "" && all.some((one) => one.id === proposed);
  useEffect(() => {
    if (isThere) setParams({ readout: proposed, with: of?.id ?? null, new: null }, { replace: true });
  }, [isThere]);
  return html`<section class="panel talk-pane" aria-label=${t("talk.new-readout")}>
    <div class="row"><${Back} /><h2>${t("talk.new-readout")}</h2></div>
    <p class="muted">${t(of ? "talk.corrects" : "talk.readout-is")}</p>
    <div class="talk-fields">
      <${Field} label=${t("talk.readout-title")}><input class="talk-first" maxlength="200" value=${title} onInput=${input("title")} /></${Field}>
      <div><${Field} label=${t("talk.readout-name")} hint=${t("talk.name-hint")}><input maxlength="40" spellcheck=${false} autocomplete="off" value=${id} onInput=${input("id")} /></${Field}>
        ${isTaken ? html`<p class="field-fault">■ ${t("talk.name-taken")}</p>` : null}</div>
      <${MomentField} label=${t("talk.held-at")} value=${held} onChange=${(/** @type {string} */ next) => patch({ held: next })} />
      <${Field} label=${t("talk.language")} hint=${t("talk.language-hint")}><input maxlength="20" spellcheck=${false} placeholder=${t("talk.desk-language")} value=${language} onInput=${input("language")} /></${Field}>
    </div>
    <${PartyBoxes} legend=${t("talk.between-whom")} options=${session.parties.map((one) => one.party)} chosen=${parties}
      onChange=${(/** @type {string[]} */ next) => patch({ parties: [...new Set([...next, session.party])].join(",") })} />
    <${Field} label=${t("talk.readout-text")} hint=${t("talk.readout-open")}><textarea class="talk-long" maxlength="10000" value=${text} onInput=${input("text")}></textarea></${Field}>
    <div class="row"><${ActButton} verb="propose-readout" kind="primary" label=${t("talk.propose-now")} disabled=${!isReady}
      body=${() => (isReady && held_ms !== null ? { id, title, held: encodeUtc(held_ms), parties, text, ...(language ? { language } : {}) } : null)}
      onDone=${() => { dropDraft(slot); setProposed(id); }} /></div>
  </section>`;
}
