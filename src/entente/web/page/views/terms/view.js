// Terms: a file, a programme and a question; the answer in one sentence, what it rests on, and the reader beside it.
// And agreements: what was made of terms.
//
// Invariants: tab, file, programme, question, what-if and the thing that is read stand in the address; a what-if is
// marked and has the real answer beside it; what the file says is shown through <Words>.
//
// It decides nothing: the desk's `terms-ask` does.
//
//     /terms?file=edm-2017&programme=side-by-side&whatif=offer.blind-check&say=position.pentagon-methods
import { useLook } from "../../core/api.js";
import { html, useEffect, useMemo, useState } from "../../core/dom.js";
import { useKeys } from "../../core/keys.js";
import { setParams, useParam } from "../../core/route.js";
import { useSession } from "../../core/session.js";
import { t } from "../../core/words.js";
import { ActButton } from "../../parts/dialog.js";
import { Choice, Field } from "../../parts/form.js";
import { Badge, Empty, Looked } from "../../parts/notice.js";
import { Agreements } from "./agreements.js";
import { Answer } from "./answer.js";
import { indexTerms } from "./index.js";
import { Faults, Load } from "./load.js";
import { Reader } from "./reader.js";
import { WhatIfBanner } from "./whatif.js";

import { ASKER, CutShort, LONG_S, SHORT_S, Working } from "./working.js";

const QUESTIONS = ["why-not", "price", "additions", "now", "readings", "unguaranteed", "shared"];
/** Files change by what an officer does here; answers by the file. */
const ON = /** @type {const} */ (["own", "reset"]);

/** @param {{ name: string, label: string, value: string, options: readonly any[], clears?: Record<string, null> }} props */
function Pick({ name, label, value, options, clears = {} }) {
  const pick = (/** @type {any} */ event) => setParams({ ...clears, [name]: event.currentTarget.value });
  return html`<${Field} label=${label}><select value=${value} onChange=${pick}>
    ${options.map((one) => html`<option key=${one.id} value=${one.id}>${one.name}</option>`)}
  </select></${Field}>`;
}

/** @param {{ file: any, question: string, programme: string, whatif: string }} props */
function Asked({ file, question, programme, whatif }) {
  const [say, form] = [useParam("say"), useParam("form", "graph")];
  const index = useMemo(() => indexTerms(file.terms), [file.terms]);
  const seconds = useParam("seconds") === String(LONG_S) ? LONG_S : SHORT_S;
  const asked = useLook("terms-ask", { name: file.name, question, programme, whatif, seconds, asker: ASKER }, { on: ON });
  useEffect(() => {
    if (say) document.querySelector(".terms-reader")?.scrollIntoView({ block: "nearest" });
  }, [say]);
  return html`<${WhatIfBanner} index=${index} />
    <div class=${say ? "split split-chosen terms-split" : "split terms-split"}>
      <div class="stack" aria-live="polite">
        <${Looked} of=${asked} />
        ${asked.isLoading ? html`<${Working} seconds=${seconds} />` : null}
        ${asked.data ? html`<${CutShort} answers=${asked.data.answers} seconds=${seconds} /><${Answer} told=${asked.data} index=${index} say=${say} form=${form} />` : null}
      </div>
      <div class="terms-side"><${Reader} index=${index} say=${say} text=${file.text} /></div>
    </div>`;
}

function Ask() {
  const session = useSession();
  const [isLoading, setLoading] = useState(false);
  const [name, question] = [useParam("file"), useParam("question", "why-not")];
  const [programme, whatif] = [useParam("programme"), useParam("whatif")];
  const list = useLook("terms-files", {}, { on: ON });
  const files = list.data?.files ?? [];
  const chosen = name || (files[0]?.name ?? "");
  const mayLoad = session.may("terms-load");
  const needsExample = list.data?.has_example && !files.some((/** @type {any} */ one) => one.name === "edm-2017");
  const example = useLook(needsExample && mayLoad ? "terms-example" : null, {}, { on: [] });
  const file = useLook(chosen ? "terms-file" : null, { name: chosen }, { on: ON });
  const open = (/** @type {string} */ one) => setParams({ file: one, programme: null, whatif: null, say: null });
  useKeys([{ keys: "escape", label: t("terms.close-reader"), run: () => setParams({ say: null }), group: "terms" }], []);
  return html`
    <p class="muted"><${Badge} kind="info">${t("terms.stays-here")}</${Badge}> ${t("terms.private")}</p>
    <${Looked} of=${list} />
    ${list.data && !files.length ? html`<${Empty}>${t("terms.none")}</${Empty}>` : null}
    <div class="row no-print">
      ${files.length ? html`<${Pick} name="file" label=${t("terms.files")} value=${chosen} clears=${{ programme: null, whatif: null, say: null }}
        options=${files.map((/** @type {any} */ one) => ({ id: one.name, name: one.name }))} />` : null}
      ${file.data?.terms?.programmes.length ? html`<${Pick} name="programme" label=${t("terms.programme")}
        value=${programme || file.data.terms.programmes[0].id} options=${file.data.terms.programmes} />` : null}
      ${file.data?.terms ? html`<${Pick} name="question" label=${t("terms.question")} value=${question}
        options=${QUESTIONS.map((id) => ({ id, name: t(`terms.q-${id}`) }))} />` : null}
      ${mayLoad ? html`<button type="button" class="terms-load" onClick=${() => setLoading(true)}>${t("terms.load")}</button>` : null}
      ${example.data ? html`<${ActButton} verb="terms-load" label=${t("terms.example")} body=${example.data} onDone=${() => open(example.data.name)} />` : null}
    </div>
    ${isLoading ? html`<${Load} onClose=${() => setLoading(false)} onDone=${(/** @type {string} */ one) => { setLoading(false); open(one); }} />` : null}
    ${chosen ? html`<${Looked} of=${file} />` : null}
    ${file.data ? html`<${Faults} file=${file.data} />` : null}
    ${file.data?.terms ? html`<${Asked} file=${file.data} question=${question} programme=${programme} whatif=${whatif} />` : null}`;
}

export default function TermsView() {
  const tab = useParam("tab", "ask");
  return html`<div class="view terms">
    <header class="view-head"><h1>${t("terms.title")}</h1>
      <${Choice} label=${t("terms.tab")} value=${tab} onChange=${(/** @type {string} */ one) => setParams({ tab: one === "ask" ? null : one })}
        options=${["ask", "agreements"].map((value) => ({ value, label: t(`terms.tab-${value}`) }))} />
    </header>
    ${tab === "agreements" ? html`<${Agreements} />` : html`<${Ask} />`}
  </div>`;
}
