// A proposal of rules: with whom, in what ways, for how long, how much may be asked.
//
// Invariants: what is proposed is on the screen before it is signed; the grid is the measured one for the charter's own
// separation, and another one is the command line's matter; numbers begin at what two whole plans of a large theatre need.
import { html, useState } from "../../core/dom.js";
import { useSession } from "../../core/session.js";
import { formatNumber, t } from "../../core/words.js";
import { ActButton } from "../../parts/dialog.js";
import { Field } from "../../parts/form.js";

const MODES = ["exact", "yes-no", "count"];
const NUMBERS = /** @type {const} */ (["epoch_h", "epochs", "answer_min", "whole_cells", "whole_runs", "delta_cells", "delta_runs", "matches"]);
const FIRST = { epoch_h: 24, epochs: 30, answer_min: 60, whole_cells: 2_000_000, whole_runs: 8, delta_cells: 20_000, delta_runs: 200, matches: 0 };

/** @param {{ taken: readonly string[] }} props `taken`: names that rules have already. */
export function Propose({ taken }) {
  const session = useSession();
  const partners = session.parties.filter((one) => one.party !== session.party);
  const [id, setId] = useState("skies");
  const [partner, setPartner] = useState(partners[0]?.party ?? "");
  const [modes, setModes] = useState(/** @type {readonly string[]} */ (["exact"]));
  const [auditor, setAuditor] = useState("");
  const [numbers, setNumbers] = useState(/** @type {Record<string, number>} */ (FIRST));
  const areByCenter = modes.some((one) => one !== "exact");
  const fault = !/^[a-z0-9][a-z0-9-]{0,62}$/.test(id) ? t("blind.bad-id")
    : taken.includes(id) ? t("blind.taken-id")
      : !modes.length ? t("blind.no-mode")
        : areByCenter && !numbers["matches"] ? t("blind.no-matches") : "";
  const body = () => {
    const { whole_cells, whole_runs, delta_cells, delta_runs, matches, ...rest } = numbers;
    return { id, partner, modes: MODES.filter((one) => modes.includes(one)), auditor, allowance: { whole_cells, whole_runs, delta_cells, delta_runs, matches }, ...rest };
  };
  return html`<details class="panel no-print"><summary>${t("blind.propose-title")}</summary>
    <p>${t("blind.propose-what")}</p>
    <div class="blind-form">
      <${Field} label=${t("blind.rules-id")}><input value=${id} onInput=${(/** @type {any} */ event) => setId(event.currentTarget.value.trim())} /></${Field}>
      <${Field} label=${t("blind.partner")}><select value=${partner} onChange=${(/** @type {any} */ event) => setPartner(event.currentTarget.value)}>
        ${partners.map((one) => html`<option key=${one.party} value=${one.party}>${one.party}</option>`)}</select></${Field}>
      <${Field} label=${t("blind.auditor-field")} hint=${t("blind.auditor-hint")}><select value=${auditor} onChange=${(/** @type {any} */ event) => setAuditor(event.currentTarget.value)}>
        <option value="">${t("blind.no-auditor")}</option>
        ${partners.filter((one) => one.party !== partner).map((one) => html`<option key=${one.party} value=${one.party}>${one.party}</option>`)}</select></${Field}>
    </div>
    <fieldset class="blind-modes"><legend>${t("blind.modes")}</legend>
      ${MODES.map((mode) => html`<label key=${mode}><input type="checkbox" checked=${modes.includes(mode)}
        onChange=${(/** @type {any} */ event) => setModes(event.currentTarget.checked ? [...modes, mode] : modes.filter((one) => one !== mode))} /> ${t(`blind.mode-${mode}`)}: ${t(`blind.mode-what-${mode}`)}</label>`)}
    </fieldset>
    <div class="blind-form">
      ${NUMBERS.map((name) => html`<${Field} key=${name} label=${t(`blind.number-${name}`)}>
        <input type="number" min=${name.startsWith("epoch") || name === "answer_min" ? 1 : 0} step="1" value=${numbers[name]}
          onInput=${(/** @type {any} */ event) => { const value = Math.floor(Number(event.currentTarget.value)); if (Number.isFinite(value) && value >= 0) setNumbers({ ...numbers, [name]: value }); }} /></${Field}>`)}
    </div>
    <p class="muted">${t("blind.propose-grid")}</p>
    ${fault ? html`<p>▲ ${fault}</p>` : html`<p>${t("blind.propose-says", { partner, days: formatNumber(Math.round(((numbers["epoch_h"] ?? 0) * (numbers["epochs"] ?? 0)) / 2.4) / 10) })}</p>`}
    <${ActButton} verb="blind-propose" kind="primary" disabled=${fault !== ""} body=${body} label=${t("blind.propose")} />
  </details>`;
}
