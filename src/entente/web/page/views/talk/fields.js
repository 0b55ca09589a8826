// Fields that a readout and an incident share: a moment, a choice of parties, and an act in two steps.
//
// Invariants: a typed moment is UTC and is said back in full, with local time beside it; what is no moment is none, and
// says so; what cannot be taken back takes two steps, the second of which says what it does.
//
//     html`<${MomentField} label=${t("talk.held-at")} value=${held} onChange=${setHeld} />`
import { html, useEffect, useRef, useState } from "../../core/dom.js";
import { encodeUtc } from "../../core/time.js";
import { t } from "../../core/words.js";
import { Field } from "../../parts/form.js";
import { Party } from "../../parts/party.js";
import { Time } from "../../parts/time.js";

/** @param {string} text "2026-11-29 03:00", with or without T and Z @returns {number | null} */
export function readMoment(text) {
  const found = /^(\d{4}-\d\d-\d\d)[ T]+(\d\d:\d\d)(:\d\d)?Z?$/i.exec(text.trim());
  if (!found) return null;
  const ms = Date.parse(`${found[1]}T${found[2]}${found[3] ?? ":00"}Z`);
  // A 31st of June would silently be the 1st of July.
  return Number.isNaN(ms) || !encodeUtc(ms).startsWith(found[1] ?? "?") ? null : ms;
}

/** @param {number} ms @returns {string} As it is typed. */
export const writeMoment = (ms) => encodeUtc(ms).slice(0, 16).replace("T", " ");

/** @param {{ label: string, value: string, onChange: (value: string) => void, path?: string, error?: any }} props */
export function MomentField({ label, value, onChange, path = "$", error = null }) {
  const ms = readMoment(value);
  return html`<div>
    <${Field} label=${label} path=${path} error=${error}>
      <input value=${value} maxlength="20" spellcheck=${false} autocomplete="off" placeholder="2026-11-29 03:00" onInput=${(/** @type {any} */ event) => onChange(event.currentTarget.value)} />
    </${Field}>
    ${ms === null ? (value ? html`<p class="field-fault">■ ${t("talk.no-moment")}</p>` : null) : html`<p class="field-hint"><${Time} ms=${ms} /></p>`}
  </div>`;
}

/** @param {{ legend: string, options: readonly string[], chosen: readonly string[], onChange: (next: string[]) => void }} props */
export function PartyBoxes({ legend, options, chosen, onChange }) {
  return html`<fieldset class="talk-to"><legend>${legend}</legend><span class="row">
    ${options.map((party) => html`<label key=${party} class="inline-check"><input type="checkbox" checked=${chosen.includes(party)}
      onChange=${() => onChange(chosen.includes(party) ? chosen.filter((one) => one !== party) : [...chosen, party])} /> <${Party} id=${party} /></label>`)}
  </span></fieldset>`;
}

/**
 * A button that opens what it does, and there the button that does it.
 *
 * @param {{ label: string, weight?: string, keys?: string, children?: unknown, isOpen: boolean, onOpen: (isOpen: boolean) => void }} props
 */
export function TwoSteps({ label, weight = "", children, isOpen, onOpen, keys }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    if (isOpen) /** @type {HTMLElement | null | undefined} */ (box.current?.querySelector("textarea, button.primary, button.danger"))?.focus();
  }, [isOpen]);
  if (!isOpen) return html`<button type="button" class=${weight} onClick=${() => onOpen(true)}>${label}… ${keys ? html`<kbd>${keys}</kbd>` : null}</button>`;
  return html`<section class="talk-step" ref=${box} aria-label=${label}>${children}
    <button type="button" class="quiet" onClick=${() => onOpen(false)}>${t("talk.cancel")}</button></section>`;
}

/** @returns {[string, (name: string) => (isOpen: boolean) => void]} Which of several steps is open. */
export function useSteps() {
  const [open, setOpen] = useState("");
  return [open, (name) => (isOpen) => setOpen(isOpen ? name : "")];
}
