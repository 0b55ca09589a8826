// One more item against what the partner committed to: before it is put into the plan, and before anybody is told.
//
// Invariants: what is checked is named, and is either the draft on the map or a private plan of this desk; a draft that
// is not complete is not offered; nothing is put into the plan unless the officer said so beforehand, and then only
// what came out CLEAR.
import { useLook } from "../../core/api.js";
import { html, useState } from "../../core/dom.js";
import { linkTo } from "../../core/route.js";
import { useSession } from "../../core/session.js";
import { t } from "../../core/words.js";
import { ActButton } from "../../parts/dialog.js";
import { Field } from "../../parts/form.js";
import { findKept, listFaults } from "../map/draw/draft.js";
import { encodeDraft } from "../map/draw/trial.js";

const DRAFT = "draft on the map";

/** @param {{ rules: string, names: readonly string[] }} props `names`: items that the plan has already. */
export function Addition({ rules, names }) {
  const session = useSession();
  const plans = useLook("plans");
  const [isAdopted, setAdopted] = useState(false);
  const [chosen, setChosen] = useState("");
  const kept = findKept({ officer: session.officer, mode: "notify", object: "" });
  const draft = kept && !listFaults(kept).length ? kept : null;
  const known = new Set(names);
  const others = (plans.data ?? []).filter((/** @type {any} */ one) => !known.has(one.activity));
  const options = [...(draft ? [DRAFT] : []), ...others.map((/** @type {any} */ one) => one.activity)];
  const value = options.includes(chosen) ? chosen : (options[0] ?? "");
  const find = async () => {
    if (value !== DRAFT || !draft) return { name: value, volumes: others.find((/** @type {any} */ one) => one.activity === value)?.volumes ?? [] };
    const name = draft.id.trim() || "draft";
    return { name: known.has(name) ? `${name}-new` : name, volumes: await encodeDraft(draft, new AbortController().signal) };
  };
  if (!options.length) return html`<p class="muted">${t("blind.add-none")} <a href=${linkTo("map", { draw: "notify" })}>${t("blind.add-draw")}</a></p>`;
  return html`<div class="stack no-print"><div class="blind-form">
      <${Field} label=${t("blind.add-what")}><select value=${value} onChange=${(/** @type {any} */ event) => setChosen(event.currentTarget.value)}>
        ${options.map((one) => html`<option key=${one} value=${one}>${one === DRAFT ? t("blind.add-draft", { title: draft?.title || draft?.id || "…" }) : one}</option>`)}</select></${Field}>
    </div>
    <label><input type="checkbox" checked=${isAdopted} onChange=${(/** @type {any} */ event) => setAdopted(event.currentTarget.checked)} /> ${t("blind.add-adopt")}</label>
    <${ActButton} verb="blind-check" body=${async () => ({ rules, kind: "delta", items: [await find()], adopt: isAdopted, wait_s: 1 })} label=${t("blind.add-check")} />
  </div>`;
}
