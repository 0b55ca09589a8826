// Planning a release: which report, to whom, for what, with which text, and how much at most. Nothing leaves by it.
//
// Invariants: limits only hold down what the gate would let out; what opens afterwards are the plans that this press
// made; where a recipient was given the report already, nothing is planned anew, and that is said instead of showing
// an old plan as a new one (`made` in the address names them all).
//
//     /release?tab=plans&new=1&report=transport-2&to=ru,un&purpose=safety
import { useLook } from "../../core/api.js";
import { html, useState } from "../../core/dom.js";
import { setParams, useParam } from "../../core/route.js";
import { clean } from "../../core/safe.js";
import { useSession } from "../../core/session.js";
import { formatSpan } from "../../core/time.js";
import { formatNumber, t } from "../../core/words.js";
import { Dialog } from "../../parts/dialog.js";
import { Field } from "../../parts/form.js";
import { Empty, Looked } from "../../parts/notice.js";
import { Party } from "../../parts/party.js";
import { Words } from "../../parts/words.js";
import { GateButton } from "./act.js";
import { sayAngle } from "./variant.js";

const PLACES_ARCSEC = [0, 60, 360, 1800, 3600, 18000];
const SPANS_S = [0, 60, 900, 3600, 21600, 86400];
const DELAYS_S = [-1, 0, 900, 3600, 21600, 86400];
const DEPTHS = [-1, 0, 1, 2, 3, 4, 5, 6];
const HEIGHTS_M = [0, 100, 300, 1000, 3000];
/** What a bit is worth, in hundredths; docs/formats/release-exposure.md has the same. */
const WEIGHTS = /** @type {const} */ ({ place: 100, span: 100, height: 50, depth: 300, wait: 100 });
const WORTHS = [0, 50, 100, 300, 1000];

/**
 * @param {{ value: string, onInput: (value: string) => void, options: readonly { value: string, label: string }[] }} how
 */
const select = ({ value, onInput, options }) =>
  html`<select value=${value} onChange=${(/** @type {any} */ event) => onInput(event.currentTarget.value)}>
    ${options.map((one) => html`<option key=${one.value} value=${one.value} selected=${one.value === value}>${one.label}</option>`)}
  </select>`;

/** @param {readonly number[]} steps @param {(step: number) => string} say @param {number} none */
const stepOptions = (steps, say, none) =>
  steps.map((one) => ({ value: String(one), label: one === none ? t("release.as-gate") : say(one) }));

/**
 * What opens after planning: the first plan that this press made, with all of them named; a plan that was charged
 * before is none that was made now.
 *
 * @param {readonly any[]} plans
 */
export function openPlans(plans) {
  const first = plans.find((one) => !one.is_charged) ?? plans[0];
  const made = plans.map((one) => one.plan).join(",");
  setParams({
    tab: "plans", new: null, report: null, to: null, purpose: null, line: null,
    item: String(first?.plan ?? ""), made: made || null,
  });
}

/** @param {{ report: string, value: string, onInput: (value: string) => void }} props */
function Lines({ report, value, onInput }) {
  const found = useLook(report ? "release-report" : null, { report }, { on: ["own", "awake"] });
  const lines = found.data?.report.tear_lines ?? [];
  if (!lines.length) return report && found.data ? html`<p class="muted">${t("release.no-lines")}</p>` : null;
  const chosen = lines.find((/** @type {any} */ one) => one.id === value);
  return html`<div class="stack">
    <${Field} label=${t("release.line")} hint=${t("release.line-hint")}>
      ${select({
        value,
        onInput,
        options: [
          { value: "", label: t("release.first-that-fits") },
          ...lines.map((/** @type {any} */ one) => ({ value: one.id, label: clean(`${one.id}: ${one.text}`, 80) })),
        ],
      })}
    </${Field}>
    ${chosen ? html`<blockquote class="release-quote"><${Words} text=${chosen.text} as="block" /></blockquote>` : null}
  </div>`;
}

export function Compose() {
  const session = useSession();
  const shelves = useLook("release-shelf");
  const [report, setReport] = useState(useParam("report"));
  const [purpose, setPurpose] = useState(useParam("purpose"));
  const asked = useParam("to").split(",");
  const [to, setTo] = useState(session.parties.map((one) => one.party).filter((one) => asked.includes(one)));
  const [line, setLine] = useState(useParam("line"));
  const [limits, setLimits] = useState({ place: "0", span: "0", latest: "-1", depth: "-1", height: "0" });
  const [weights, setWeights] = useState(/** @type {Record<string, number>} */ ({ ...WEIGHTS }));
  const [until, setUntil] = useState("");
  const [note, setNote] = useState("");
  const named = (/** @type {string} */ shelf) =>
    (shelves.data ?? []).filter((/** @type {any} */ one) => one.shelf === shelf).map((/** @type {any} */ one) => one.name);
  const options = (/** @type {readonly string[]} */ names) => [
    { value: "", label: t("release.choose") },
    ...names.map((name) => ({ value: name, label: clean(name, 60) })),
  ];
  const [reports, purposes] = [named("report"), named("purpose")];
  const isWeighed = Object.entries(WEIGHTS).some(([name, worth]) => weights[name] !== worth);
  const body = {
    report, to, purpose, note, until, tear_line: line,
    finest_arcsec: Number(limits.place), finest_s: Number(limits.span), latest_s: Number(limits.latest),
    most_depth: Number(limits.depth), finest_m: Number(limits.height),
    ...(isWeighed ? { weights } : {}),
  };
  const close = () => setParams({ new: null, report: null, to: null, purpose: null, line: null });
  const toggle = (/** @type {string} */ party) =>
    setTo(to.includes(party) ? to.filter((one) => one !== party) : [...to, party]);
  const limit = (/** @type {keyof typeof limits} */ name, /** @type {any} */ steps) =>
    select({ value: limits[name], onInput: (value) => setLimits({ ...limits, [name]: value }), options: steps });
  return html`<${Dialog} title=${t("release.compose")} onClose=${close}>
    <p>${t("release.compose-hint")}</p>
    <${Looked} of=${shelves} />
    ${shelves.data && !reports.length ? html`<${Empty}>${t("release.no-reports")}</${Empty}>` : null}
    <${Field} label=${t("release.report")}>${select({
      value: report,
      onInput: (value) => { setReport(value); setLine(""); },
      options: options(reports),
    })}</${Field}>
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
    <${Lines} key=${report} report=${report} value=${line} onInput=${setLine} />
    <details class="release-more">
      <summary>${t("release.limits")}</summary>
      <div class="stack">
        <p>${t("release.limit-hint")}</p>
        <${Field} label=${t("release.limit-place")}>${limit("place", stepOptions(PLACES_ARCSEC, sayAngle, 0))}</${Field}>
        <${Field} label=${t("release.limit-span")}>${limit("span", stepOptions(SPANS_S, formatSpan, 0))}</${Field}>
        <${Field} label=${t("release.limit-latest")}>
          ${limit("latest", stepOptions(DELAYS_S, (one) => (one ? formatSpan(one) : t("release.at-once")), -1))}
        </${Field}>
        <${Field} label=${t("release.limit-depth")}>
          ${limit("depth", stepOptions(DEPTHS, (one) => t("release.depth-words", { n: one, count: formatNumber(one) }), -1))}
        </${Field}>
        <${Field} label=${t("release.limit-height")}>
          ${limit("height", stepOptions(HEIGHTS_M, (one) => `${formatNumber(one)} m`, 0))}
        </${Field}>
        <h3>${t("release.worth")}</h3>
        <p>${t("release.worth-hint")}</p>
        <div class="release-worths">
          ${Object.entries(WEIGHTS).map(([name, worth]) => html`<${Field} key=${name} label=${t(`release.worth-${name}`)}>${select({
            value: String(weights[name]),
            onInput: (value) => setWeights({ ...weights, [name]: Number(value) }),
            options: WORTHS.map((one) => ({
              value: String(one),
              label: `${formatNumber(one / 100)}${one === worth ? ` · ${t("release.usual")}` : ""}`,
            })),
          })}</${Field}>`)}
        </div>
        <${Field} label=${t("release.until")} hint=${t("release.until-hint")}>
          <input value=${until} maxlength="27" placeholder="2016-09-18T06:00:00Z" spellcheck=${false}
            onInput=${(/** @type {any} */ event) => setUntil(event.currentTarget.value.trim())} />
        </${Field}>
      </div>
    </details>
    <${Field} label=${t("release.note")} hint=${t("release.note-hint")}>
      <textarea maxlength="2000" value=${note} onInput=${(/** @type {any} */ event) => setNote(event.currentTarget.value)}></textarea>
    </${Field}>
    <${GateButton} verb="release-plan" kind="primary" label=${t("release.plan-it")} body=${body}
      disabled=${!report || !purpose || !to.length} onDone=${openPlans} />
    ${report && purpose && to.length ? null : html`<p class="muted">${t("release.plan-needs")}</p>`}
  </${Dialog}>`;
}
