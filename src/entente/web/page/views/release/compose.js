// Planning a release: which report, to whom, for what, and how much at most. Nothing leaves by it.
//
// Invariants: limits only hold down what the gate would let out; the answer is plans, one a recipient, and saying
// yes to one is another step.
//
//     /release?tab=plans&new=1&report=transport-2
import { useLook } from "../../core/api.js";
import { html, useState } from "../../core/dom.js";
import { setParams, useParam } from "../../core/route.js";
import { clean } from "../../core/safe.js";
import { useSession } from "../../core/session.js";
import { formatSpan } from "../../core/time.js";
import { t } from "../../core/words.js";
import { Dialog } from "../../parts/dialog.js";
import { Field } from "../../parts/form.js";
import { Empty, Looked } from "../../parts/notice.js";
import { Party } from "../../parts/party.js";
import { GateButton } from "./act.js";
import { sayAngle } from "./variant.js";

const PLACES_ARCSEC = [0, 60, 360, 1800, 3600, 18000];
const SPANS_S = [0, 60, 900, 3600, 21600, 86400];
const DELAYS_S = [-1, 0, 900, 3600, 21600, 86400];

/**
 * @param {{ value: string, onInput: (value: string) => void, options: readonly { value: string, label: string }[] }} how
 */
const select = ({ value, onInput, options }) =>
  html`<select value=${value} onChange=${(/** @type {any} */ event) => onInput(event.currentTarget.value)}>
    ${options.map((one) => html`<option key=${one.value} value=${one.value} selected=${one.value === value}>${one.label}</option>`)}
  </select>`;

export function Compose() {
  const session = useSession();
  const shelves = useLook("release-shelf");
  const [report, setReport] = useState(useParam("report"));
  const [purpose, setPurpose] = useState("");
  const [to, setTo] = useState(/** @type {readonly string[]} */ ([]));
  const [limits, setLimits] = useState({ place: "0", span: "0", latest: "-1" });
  const [note, setNote] = useState("");
  const named = (/** @type {string} */ shelf) =>
    (shelves.data ?? []).filter((/** @type {any} */ one) => one.shelf === shelf).map((/** @type {any} */ one) => one.name);
  const options = (/** @type {readonly string[]} */ names) => [
    { value: "", label: t("release.choose") },
    ...names.map((name) => ({ value: name, label: clean(name, 60) })),
  ];
  const [reports, purposes] = [named("report"), named("purpose")];
  const body = {
    report, to, purpose, note,
    finest_arcsec: Number(limits.place), finest_s: Number(limits.span), latest_s: Number(limits.latest),
  };
  const close = () => setParams({ new: null, report: null });
  const toggle = (/** @type {string} */ party) =>
    setTo(to.includes(party) ? to.filter((one) => one !== party) : [...to, party]);
  return html`<${Dialog} title=${t("release.compose")} onClose=${close}>
    <p>${t("release.compose-hint")}</p>
    <${Looked} of=${shelves} />
    ${shelves.data && !reports.length ? html`<${Empty}>${t("release.no-reports")}</${Empty}>` : null}
    <${Field} label=${t("release.report")}>${select({ value: report, onInput: setReport, options: options(reports) })}</${Field}>
    <fieldset class="release-to">
      <legend>${t("release.to")}</legend>
      ${session.parties
        .filter((one) => one.party !== session.party)
        .map((one) => html`<label key=${one.party}>
          <input type="checkbox" checked=${to.includes(one.party)} onChange=${() => toggle(one.party)} />
          <${Party} id=${one.party} name=${true} />
        </label>`)}
    </fieldset>
    <${Field} label=${t("release.purpose")}>${select({ value: purpose, onInput: setPurpose, options: options(purposes) })}</${Field}>
    <${Field} label=${t("release.limit-place")} hint=${t("release.limit-hint")}>
      ${select({
        value: limits.place,
        onInput: (value) => setLimits({ ...limits, place: value }),
        options: PLACES_ARCSEC.map((one) => ({ value: String(one), label: one ? sayAngle(one) : t("release.as-gate") })),
      })}
    </${Field}>
    <${Field} label=${t("release.limit-span")}>
      ${select({
        value: limits.span,
        onInput: (value) => setLimits({ ...limits, span: value }),
        options: SPANS_S.map((one) => ({ value: String(one), label: one ? formatSpan(one) : t("release.as-gate") })),
      })}
    </${Field}>
    <${Field} label=${t("release.limit-latest")}>
      ${select({
        value: limits.latest,
        onInput: (value) => setLimits({ ...limits, latest: value }),
        options: DELAYS_S.map((one) => ({
          value: String(one),
          label: one < 0 ? t("release.as-gate") : one ? formatSpan(one) : t("release.at-once"),
        })),
      })}
    </${Field}>
    <${Field} label=${t("release.note")} hint=${t("release.note-hint")}>
      <textarea maxlength="2000" value=${note} onInput=${(/** @type {any} */ event) => setNote(event.currentTarget.value)}></textarea>
    </${Field}>
    <${GateButton} verb="release-plan" kind="primary" label=${t("release.plan-it")} body=${body}
      disabled=${!report || !purpose || !to.length}
      onDone=${(/** @type {any[]} */ made) => setParams({ tab: "plans", new: null, report: null, item: String(made[0]?.plan ?? "") })} />
  </${Dialog}>`;
}
