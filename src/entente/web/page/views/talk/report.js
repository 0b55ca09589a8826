// An incident that is to be reported: what was observed, where, when, and how that is known.
//
// Invariants: there is no field for who did it; each time is UTC and is said back, the place is said back too; who is
// told is chosen, or left to the desk, which tells those who may know of the site that it was at; the draft is kept in
// this tab.
//
//     /talk?new=incident
import { html, useEffect, useState } from "../../core/dom.js";
import { setParams } from "../../core/route.js";
import { useSession } from "../../core/session.js";
import { deskNowMs, encodeUtc } from "../../core/time.js";
import { t } from "../../core/words.js";
import { ActButton } from "../../parts/dialog.js";
import { Choice, Field } from "../../parts/form.js";
import { dropDraft, useDraft } from "../inbox/draft.js";
import { formatPosition, parsePosition } from "../map/units.js";
import { SLUG } from "./about.js";
import { CATEGORIES, sayCategory } from "./entries.js";
import { MomentField, PartyBoxes, readMoment, writeMoment } from "./fields.js";
import { Back } from "./thread.js";

const MOST_M = 1_000_000;

/** @param {{ all: readonly any[] }} props */
export function Report({ all }) {
  const session = useSession();
  const slot = `talk.${session.officer}.report`;
  const [values, setValues] = useDraft(slot, {
    id: "", category: "", urgent: "", place: "", within: "", start: "", end: writeMoment(deskNowMs()), observed: "", basis: "", source: "", audience: "site", to: "",
  });
  const [reported, setReported] = useState("");
  const { id = "", category = "", urgent = "", place = "", within = "", start = "", end = "", observed = "", basis = "", source = "", audience = "site" } = values;
  const patch = (/** @type {Record<string, string>} */ next) => setValues({ ...values, ...next });
  const input = (/** @type {string} */ name) => (/** @type {any} */ event) => patch({ [name]: event.currentTarget.value });
  const to = (values["to"] ?? "").split(",").filter(Boolean);
  const point = parsePosition(place);
  const within_m = /^\d{1,7}(\.\d+)?$/.test(within.trim()) ? Number(within) : Number.NaN;
  const [start_ms, end_ms] = [readMoment(start), readMoment(end)];
  const isOrdered = start_ms !== null && end_ms !== null && start_ms <= end_ms;
  const isTaken = all.some((one) => one.id === id);
  const isReady = SLUG.test(id) && category !== "" && basis !== "" && point !== null && within_m > 0 && within_m <= MOST_M && isOrdered &&
    observed.trim() !== "" && (audience !== "some" || to.length > 0);
  const isThere = all.find((one) => one.id === reported && one.author === session.party);
  useEffect(() => {
    if (reported && isThere) setParams({ incident: isThere.incident, new: null }, { replace: true });
  }, [reported, isThere?.incident]);
  const body = () =>
    isReady && point && start_ms !== null && end_ms !== null
      ? {
          id, category, basis, observed, source, urgent: urgent === "1", start: encodeUtc(start_ms), end: encodeUtc(end_ms),
          place_e7: [Math.round(point.lat * 1e7), Math.round(point.lon * 1e7)], within_cm: Math.round(within_m * 100),
          ...(audience === "site" ? {} : { to: audience === "some" ? to : [] }),
        }
      : null;
  return html`<section class="panel talk-pane" aria-label=${t("talk.new-incident")}>
    <div class="row"><${Back} /><h2>${t("talk.new-incident")}</h2></div>
    <p class="muted">${t("talk.report-is")}</p>
    <div class="talk-fields">
      <${Field} label=${t("talk.category")}><select class="talk-first" value=${category} onChange=${input("category")}>
        <option value="">—</option>${CATEGORIES.map((one) => html`<option key=${one} value=${one}>${sayCategory(one)}</option>`)}</select></${Field}>
      <div><${Field} label=${t("talk.incident-name")} hint=${t("talk.name-hint")}><input maxlength="40" spellcheck=${false} autocomplete="off" value=${id} onInput=${input("id")} /></${Field}>
        ${isTaken ? html`<p class="field-fault">■ ${t("talk.name-taken")}</p>` : null}</div>
      <${MomentField} label=${t("talk.from")} value=${start} onChange=${(/** @type {string} */ next) => patch({ start: next })} />
      <div><${MomentField} label=${t("talk.until")} value=${end} onChange=${(/** @type {string} */ next) => patch({ end: next })} />
        ${start_ms !== null && end_ms !== null && !isOrdered ? html`<p class="field-fault">■ ${t("talk.not-ordered")}</p>` : null}</div>
      <div><${Field} label=${t("talk.place")} hint=${t("talk.place-hint")}><input maxlength="80" spellcheck=${false} autocomplete="off" value=${place} onInput=${input("place")} /></${Field}>
        ${place.trim() ? (point ? html`<p class="field-hint"><strong>${formatPosition(point.lat, point.lon)}</strong></p>` : html`<p class="field-fault">■ ${t("talk.no-place")}</p>`) : null}</div>
      <${Field} label=${t("talk.within-m")} hint=${t("talk.within-hint")}><input inputmode="decimal" maxlength="9" value=${within} onInput=${input("within")} /></${Field}>
    </div>
    <${Field} label=${t("talk.observed")} hint=${t("talk.observed-hint")}><textarea maxlength="4000" value=${observed} onInput=${input("observed")}></textarea></${Field}>
    <${Choice} label=${t("talk.basis")} value=${basis} onChange=${(/** @type {string} */ next) => patch({ basis: next })}
      options=${["seen", "instrument", "told"].map((value) => ({ value, label: t(`talk.basis-${value}`) }))} />
    <${Field} label=${t("talk.source")} hint=${t("talk.source-hint")}><input maxlength="500" value=${source} onInput=${input("source")} /></${Field}>
    <label class="inline-check"><input type="checkbox" checked=${urgent === "1"} onChange=${(/** @type {any} */ event) => patch({ urgent: event.currentTarget.checked ? "1" : "" })} /> ${t("talk.report-urgent")}</label>
    <${Choice} label=${t("talk.who-is-told")} value=${audience} onChange=${(/** @type {string} */ next) => patch({ audience: next })}
      options=${["site", "all", "some"].map((value) => ({ value, label: t(`talk.tell-${value}`) }))} />
    ${audience === "some" ? html`<${PartyBoxes} legend=${t("talk.to-some")} options=${session.parties.map((one) => one.party).filter((one) => one !== session.party)} chosen=${to}
      onChange=${(/** @type {string[]} */ next) => patch({ to: next.join(",") })} />` : null}
    ${audience === "all" ? html`<p class="field-hint">${t("talk.tell-all-hint")}</p>` : null}
    <div class="row"><${ActButton} verb="incident-report" kind="primary" label=${t(urgent ? "talk.report-now-urgent" : "talk.report-now")} disabled=${!isReady} body=${body}
      onDone=${() => { dropDraft(slot); setReported(id); }} /></div>
  </section>`;
}
