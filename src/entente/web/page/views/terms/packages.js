// Packages beside each other: what each costs, who bears it, and who would give what.
//
// Invariants: a cost is a number of the file's own weights, and a bar is as long as its number; whether the cheapest
// is proven to be so is said; of a what-if's packages the exported file says that nobody said it.
//
//     html`<${Packages} found=${answers.price} index=${index} say="" isSupposed=${false} />`
import { html } from "../../core/dom.js";
import { formatNumber, t } from "../../core/words.js";
import { ExportMenu, saveFile, toCsv } from "../../parts/export.js";
import { Badge } from "../../parts/notice.js";
import { Words } from "../../parts/words.js";
import { Holder } from "./index.js";
import { Open } from "./reader.js";
import { listChanges, setChanges } from "./whatif.js";

/** @param {any} pack @returns {string[]} A package as changes of a what-if. */
function listAsChanges(pack) {
  return pack.concessions.map((/** @type {any} */ one) => (one.to ? `soften.${one.position}.${one.to}` : `without.${one.position}`));
}

/** @param {any} found @param {import("./index.js").Index} index @param {boolean} isSupposed */
function save(found, index, isSupposed) {
  /** @type {any[]} */
  const rows = found.packages.flatMap((/** @type {any} */ pack, /** @type {number} */ at) => pack.concessions.map((/** @type {any} */ one) => ({
    ...one, at: at + 1, total: pack.cost,
    who: (index.things.get(`position.${one.position}`)?.one.by ?? []).map(index.nameOf).join(", "),
  })));
  const get = (/** @type {string} */ key, /** @type {string} */ label) => ({ key, label, get: (/** @type {any} */ row) => row[key] });
  const columns = [
    get("at", t("terms.package-column")), get("total", t("terms.cost")), get("who", t("terms.who")), get("position", t("terms.kind-position")),
    get("to", t("terms.grade")), get("cost", t("terms.cost-of-one")), get("sentence", t("terms.gives")),
  ];
  if (isSupposed) columns.push({ key: "mark", label: t("terms.what-if"), get: () => listChanges().join(" ") });
  saveFile(isSupposed ? "packages-what-if.csv" : "packages.csv", "text/csv", toCsv(columns, rows));
}

/** @param {{ found: any, index: import("./index.js").Index, say: string, isSupposed: boolean }} props */
export function Packages({ found, index, say, isSupposed }) {
  const packs = /** @type {any[]} */ (found.packages);
  const parties = [...new Set(packs.flatMap((one) => Object.keys(one.burden_of_parties)))];
  const most = Math.max(1, ...packs.flatMap((one) => Object.values(one.burden_of_parties)));
  return html`<section class="panel" aria-label=${t("terms.q-price")}>
    <header class="view-head"><h2>${t("terms.packages", { n: packs.length })}</h2>
      <${ExportMenu} items=${[{ label: t("terms.save-csv"), run: () => save(found, index, isSupposed) }]} /></header>
    <p class="muted">${t("terms.weights-are")} ${t(found.is_cheapest ? "terms.cheapest-proven" : "terms.cheapest-known")}</p>
    <div class="terms-scroll" tabindex="0" role="region" aria-label=${t("terms.packages", { n: packs.length })}>
      <table class="terms-table terms-packages">
        <thead><tr><th scope="col">${t("terms.who")}</th>
          ${packs.map((one, at) => html`<th key=${at} scope="col">${t("terms.package", { number: at + 1 })}<br />
            <strong>${t("terms.cost-is", { cost: formatNumber(one.cost) })}</strong></th>`)}</tr></thead>
        <tbody>
          ${parties.map((party) => html`<tr key=${party}>
            <th scope="row"><${Holder} index=${index} id=${party} /></th>
            ${packs.map((one, at) => html`<td key=${at}><${Burden} pack=${one} party=${party} most=${most} index=${index} say=${say} /></td>`)}
          </tr>`)}
          <tr class="no-print"><th scope="row">${t("terms.ask-what-if")}</th>
            ${packs.map((one, at) => html`<td key=${at}><button type="button" class="terms-change"
              onClick=${() => setChanges([...listChanges(), ...listAsChanges(one)])}>${t("terms.if-package")}</button></td>`)}</tr>
        </tbody>
      </table>
    </div>
  </section>`;
}

/** @param {{ pack: any, party: string, most: number, index: import("./index.js").Index, say: string }} props */
function Burden({ pack, party, most, index, say }) {
  const cost = pack.burden_of_parties[party] ?? 0;
  const own = pack.concessions.filter((/** @type {any} */ one) =>
    (index.things.get(`position.${one.position}`)?.one.by ?? []).some((/** @type {string} */ by) => index.party(by) === party));
  if (!own.length && !cost) return html`<${Badge} kind="quiet">${t("terms.gives-nothing")}</${Badge}>`;
  return html`<div class="stack">
    <p class=${`terms-bar party-${index.look(party)}`}><span class="party-mark" aria-hidden="true" style=${{ width: `${Math.max(2, (100 * cost) / most) * 0.7}%` }}></span>
      <strong>${formatNumber(cost)}</strong></p>
    <ul class="stack">${own.map((/** @type {any} */ one) => html`<li key=${one.position}>
      <${Open} name=${`position.${one.position}`} say=${say}><span><${Words} text=${one.sentence} most=${800} /> (${formatNumber(one.cost)})</span></${Open}></li>`)}</ul>
  </div>`;
}
