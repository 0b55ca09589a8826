// Terms: pick a file, a programme and a question; the answer in one sentence, and all that it rests on below.
//
// Invariants: file, programme, question and what-if stand in the address; a what-if is marked and has the real
// answer beside it; what the file says is shown through <Words>. It decides nothing: the desk's `terms-ask` does.
//
//     /terms?file=edm-2017&programme=side-by-side&whatif=offer.blind-check
import { useLook } from "../../core/api.js";
import { html } from "../../core/dom.js";
import { setParams, useParam } from "../../core/route.js";
import { t } from "../../core/words.js";
import { ActButton } from "../../parts/dialog.js";
import { Field } from "../../parts/form.js";
import { Badge, Empty, Looked } from "../../parts/notice.js";
import { Words } from "../../parts/words.js";

const QUESTIONS = ["why-not", "price", "additions", "now", "readings", "unguaranteed", "shared"];

/** @param {{ name: string, label: string, value: string, options: readonly any[] }} props */
function Pick({ name, label, value, options }) {
  const pick = (/** @type {any} */ event) => setParams({ [name]: event.currentTarget.value });
  return html`<${Field} label=${label}><select value=${value} onChange=${pick}>
    ${options.map((one) => html`<option key=${one.id} value=${one.id}>${one.name}</option>`)}
  </select></${Field}>`;
}

/** @param {{ file: any, question: string, programme: string, whatif: string }} props */
function Answer({ file, question, programme, whatif }) {
  const asked = useLook("terms-ask", { name: file.name, question, programme, whatif }, { on: ["own", "reset"] });
  const told = asked.data;
  return html`<section class="panel" aria-live="polite">
    <${Looked} of=${asked} />
    ${told === null ? null : html`
      ${told.real ? html`<p><${Badge} kind="warn">${t("terms.what-if")}</${Badge}></p>` : null}
      <h2><${Words} text=${told.sentence} most=${2000} /></h2>
      ${told.real ? html`<p>${t("terms.real")} <${Words} text=${told.real.sentence} most=${2000} /></p>` : null}
      <${Words} as="block" most=${20000} text=${told.lines[question].join("\n")} />`}
  </section>`;
}

export default function TermsView() {
  const [name, question] = [useParam("file"), useParam("question", "why-not")];
  const [programme, whatif] = [useParam("programme"), useParam("whatif")];
  const list = useLook("terms-files", {}, { on: ["own", "reset"] });
  const example = useLook(list.data?.files.length === 0 ? "terms-example" : null, {}, { on: [] });
  const files = list.data?.files ?? [];
  const chosen = name || (files[0]?.name ?? "");
  const file = useLook(chosen ? "terms-file" : null, { name: chosen }, { on: ["own", "reset"] });
  const options = (/** @type {any[]} */ all) => all.map((one) => ({ id: one.name, name: one.name }));
  return html`<div class="view">
    <header class="view-head"><h1>${t("terms.title")}</h1></header>
    <p class="muted">${t("terms.private")}</p>
    <${Looked} of=${list} />
    ${list.data && !files.length ? html`<${Empty}>${t("terms.none")}</${Empty}>` : null}
    ${example.data ? html`<${ActButton} verb="terms-load" label=${t("terms.example")} body=${example.data} onDone=${list.again} />` : null}
    ${files.length ? html`<div class="row">
      <${Pick} name="file" label=${t("terms.files")} value=${chosen} options=${options(files)} />
      ${file.data?.terms?.programmes.length ? html`<${Pick} name="programme" label=${t("terms.programme")}
        value=${programme || file.data.terms.programmes[0].id} options=${file.data.terms.programmes} />` : null}
      <${Pick} name="question" label=${t("terms.question")} value=${question}
        options=${QUESTIONS.map((id) => ({ id, name: t(`terms.q-${id}`) }))} />
    </div>` : null}
    ${chosen ? html`<${Looked} of=${file} />` : null}
    ${file.data?.fault_list.length ? html`<section class="panel"><h2>${t("terms.faults", { n: file.data.faults })}</h2>
      <ol>${file.data.fault_list.map((/** @type {any} */ one) => html`<li>${t("terms.at", one)}: <${Words} text=${one.message} /></li>`)}</ol>
    </section>` : null}
    ${file.data?.terms ? html`<${Answer} file=${file.data} question=${question} programme=${programme} whatif=${whatif} />` : null}
  </div>`;
}
