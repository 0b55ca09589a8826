// The reader: one thing of a terms file, the sentence of the document that it rests on, and the place in the file.
//
// Invariants: words of the document stand in quotation marks, and a paraphrase says that it is one; what is assumed
// says so before anything else; law is marked and has no what-if; an address of a document is text, since the page
// asks nobody but its own desk.
//
//     /terms?file=edm-2017&say=position.pentagon-methods
import { html } from "../../core/dom.js";
import { setParams } from "../../core/route.js";
import { clean } from "../../core/safe.js";
import { t } from "../../core/words.js";
import { Badge, Empty } from "../../parts/notice.js";
import { Words } from "../../parts/words.js";
import { Holder, sayThing } from "./index.js";
import { ChangeButton } from "./whatif.js";

/** Lines of the file before and after the one that is shown. */
const [BEFORE, AFTER] = [3, 8];

/** @param {{ source: any, index: import("./index.js").Index }} props */
function Source({ source, index }) {
  const document = index.terms.documents.find((/** @type {any} */ one) => one.id === source.document);
  const isVerbatim = source.words !== "";
  return html`<figure class="terms-source">
    ${isVerbatim ? null : html`<p class="muted">${t("terms.paraphrase")}</p>`}
    <blockquote class=${isVerbatim ? "terms-quote" : ""}>
      ${isVerbatim ? "“" : ""}<${Words} text=${source.words || source.paraphrase} most=${4000} />${isVerbatim ? "”" : ""}
    </blockquote>
    <figcaption>
      <strong><${Words} text=${source.place || t("terms.no-place")} /></strong>,
      ${" "}<${Words} text=${document?.title ?? source.cited_as} />
      ${document ? html` (<${Words} text=${[document.publisher, document.date].filter(Boolean).join(", ")} />)` : null}
      ${source.url || document?.url ? html`<br /><span class="mono"><${Words} text=${source.url || document.url} /></span>` : null}
    </figcaption>
  </figure>`;
}

/** The lines of the file around a place. @param {{ text: string, line: number }} props */
function Lines({ text, line }) {
  if (!line) return null;
  const all = text.split("\n");
  const first = Math.max(1, line - BEFORE);
  const shown = all.slice(first - 1, line + AFTER);
  return html`<details class="terms-lines"><summary>${t("terms.in-file", { line })}</summary>
    <ol start=${first}>${shown.map((one, at) => html`<li key=${at} value=${first + at} class=${first + at === line ? "terms-line-on" : ""}>
      <code><bdi>${clean(one, 400) || " "}</bdi></code></li>`)}</ol>
  </details>`;
}

/** @param {{ thing: import("./index.js").Thing, index: import("./index.js").Index }} props */
function Changes({ thing, index }) {
  const { kind, id, one } = thing;
  /** @type {{ change: string, label: unknown }[]} */
  const list = [];
  if (kind === "position" && !one.is_law && (one.modality === "requires" || one.modality === "forbids")) {
    list.push({ change: `without.${id}`, label: t("terms.if-withdrawn") });
    for (const grade of one.softer) {
      list.push({ change: `soften.${id}.${grade.id}`, label: t("terms.if-softened", { grade: clean(grade.name, 200) }) });
    }
  }
  if (kind === "measure" && !one.is_offered) list.push({ change: `offer.${id}`, label: t("terms.if-offered") });
  for (const holder of new Set(index.holders(thing).map(index.party))) {
    const party = index.terms.parties.find((/** @type {any} */ each) => each.id === holder);
    if (party && !party.takes_part) {
      list.push({ change: `admit.${holder}`, label: t("terms.if-admitted", { who: clean(party.name, 80) }) });
    }
  }
  if (one.is_law) return html`<p class="muted">${t("terms.law-stays")}</p>`;
  if (!list.length) return null;
  return html`<section class="stack"><h3>${t("terms.ask-what-if")}</h3>
    <div class="row">${list.map((each) => html`<${ChangeButton} key=${each.change} ...${each} />`)}</div>
  </section>`;
}

/** @param {{ index: import("./index.js").Index, say: string, text: string }} props */
export function Reader({ index, say, text }) {
  const thing = index.things.get(say);
  if (!thing) return html`<section class="panel terms-reader"><${Empty}>${t(say ? "terms.not-in-file" : "terms.choose")}</${Empty}></section>`;
  const { kind, one } = thing;
  const sources = one.sources ?? [];
  return html`<article class="panel terms-reader" aria-label=${t("terms.reader")} tabindex="-1">
    <header class="row terms-reader-head">
      <strong class="muted">${t(`terms.kind-${kind}`)}</strong>
      <button type="button" class="quiet" onClick=${() => setParams({ say: null })}>${t("terms.close-reader")}</button>
    </header>
    ${index.holders(thing).length
      ? html`<p class="row">${index.holders(thing).map((id) => html`<${Holder} key=${id} index=${index} id=${id} />`)}</p>`
      : null}
    <h2 class="terms-sentence"><${Words} text=${sayThing(thing)} most=${2000} /></h2>
    <p class="row">
      ${one.is_law ? html`<${Badge} kind="bad">${t("terms.law")}</${Badge}>` : null}
      ${one.assumption ? html`<${Badge} kind="warn">${t("terms.assumed")}</${Badge}>` : null}
      ${kind === "position" || kind === "designation" ? html`<span class="muted">${t("terms.weight", { weight: one.weight })}</span>` : null}
      ${kind === "measure" ? html`<${Badge} kind=${one.is_offered ? "info" : "quiet"}>${t(one.is_offered ? "terms.offered" : "terms.not-offered")}</${Badge}>` : null}
    </p>
    ${one.hard ? html`<p><${Words} text=${one.hard} most=${2000} /></p>` : null}
    ${one.assumption ? html`<p class="terms-assumed"><strong>${t("terms.assumed")}:</strong> <${Words} text=${one.assumption} most=${2000} /></p>` : null}
    ${one.says && one.says !== sayThing(thing) ? html`<p><span class="muted">${t("terms.that-is")}</span> <${Words} text=${one.says} most=${2000} /></p>` : null}
    ${one.expression ? html`<p class="muted"><${Words} text=${one.expression} most=${2000} /></p>` : null}
    ${sources.length ? html`<section class="stack"><h3>${t("terms.rests-on", { n: sources.length })}</h3>
      ${sources.map((/** @type {any} */ each, /** @type {number} */ at) => html`<${Source} key=${at} source=${each} index=${index} />`)}
    </section>` : html`<p class="muted">${t(kind === "measure" || kind === "programme" ? "terms.no-own-source" : "terms.no-source")}</p>`}
    <${Changes} thing=${thing} index=${index} />
    <${Lines} text=${text} line=${one.line ?? 0} />
  </article>`;
}

/** A button that opens the reader. @param {{ name: string, children?: unknown, say: string }} props */
export function Open({ name, say, children }) {
  return html`<button type="button" class="terms-open" aria-pressed=${name === say} onClick=${() => setParams({ say: name })}>
    ${children}</button>`;
}
