// What if: changes that nobody said, kept in the address, marked as loudly as the page can.
//
// Invariants: what is shown while there are changes says so at its top, in words, colour and pattern; each change
// can be taken back by itself, and all of them at once; the answer to the file as it stands is beside the other.
//
// It changes no file and says nothing to anybody.
//
//     toggleChange("without.pentagon-methods")
import { html } from "../../core/dom.js";
import { route, setParams } from "../../core/route.js";
import { t, tx } from "../../core/words.js";
import { Words } from "../../parts/words.js";

/** @returns {string[]} */
export function listChanges() {
  return (route.get().params["whatif"] ?? "").split(",").filter(Boolean);
}

/** @param {string[]} changes */
export function setChanges(changes) {
  setParams({ whatif: [...new Set(changes)].sort().join(",") });
}

/** @param {string} change Put in, or taken back where it is there already; a position has one change at a time. */
export function toggleChange(change) {
  const [word = "", name = ""] = change.split(".");
  const all = listChanges();
  if (all.includes(change)) return setChanges(all.filter((one) => one !== change));
  const isOfPosition = word === "without" || word === "soften";
  const kept = isOfPosition ? all.filter((one) => !one.startsWith(`without.${name}`) && !one.startsWith(`soften.${name}.`)) : all;
  return setChanges([...kept, change]);
}

/** @param {import("./index.js").Index} index @param {string} change @returns {unknown} */
export function sayChange(index, change) {
  const [word = "", name = "", detail = ""] = change.split(".");
  const sentence = (/** @type {string} */ text) => html`<${Words} text=${text} most=${600} />`;
  const [position, measure] = [index.things.get(`position.${name}`)?.one, index.things.get(`measure.${name}`)?.one];
  if (word === "without") return tx("terms.change-without", { what: sentence(position?.sentence ?? name) });
  if (word === "soften") {
    const grade = position?.softer.find((/** @type {any} */ one) => one.id === detail)?.name ?? detail;
    return tx("terms.change-soften", { what: sentence(position?.sentence ?? name), grade: sentence(grade) });
  }
  if (word === "offer") return tx("terms.change-offer", { what: sentence(measure?.name ?? name) });
  if (word === "admit") return tx("terms.change-admit", { who: sentence(index.nameOf(name)) });
  const group = index.terms.groups.find((/** @type {any} */ one) => one.id === detail)?.name ?? detail;
  return tx("terms.change-says", { who: sentence(index.nameOf(name)), group: sentence(group) });
}

/** @param {{ change: string, label: unknown }} props */
export function ChangeButton({ change, label }) {
  const isOn = listChanges().includes(change);
  return html`<button type="button" class="terms-change" aria-pressed=${isOn} onClick=${() => toggleChange(change)}>
    ${isOn ? html`<span aria-hidden="true">✕</span> ${t("terms.take-back")} ` : null}<span>${label}</span>
  </button>`;
}

/** The mark that nobody may miss. @param {{ index: import("./index.js").Index }} props */
export function WhatIfBanner({ index }) {
  const changes = listChanges();
  if (!changes.length) return null;
  return html`<section class="terms-supposed" aria-label=${t("terms.what-if")}>
    <p class="terms-supposed-mark"><strong>${t("terms.what-if")}</strong></p>
    <ul class="stack">
      ${changes.map((one) => html`<li key=${one} class="terms-supposed-item">
        <span>${sayChange(index, one)}</span>
        <button type="button" onClick=${() => toggleChange(one)}>${t("terms.take-back")}</button>
      </li>`)}
    </ul>
    <p><button type="button" class="primary" onClick=${() => setChanges([])}>${t("terms.as-said")}</button></p>
  </section>`;
}
