// An answer: its sentence, what it rests on, and with a what-if the answer to the file as it stands beside it.
//
// Invariants: the sentence is the desk's own, word for word; of a search that was ended before its end it is said
// that there may be more; a supposed answer stands under its mark and beside the real one; each position is a button
// that opens the reader.
//
// It decides nothing and asks nothing: `terms-ask` does.
//
//     html`<${Answer} told=${asked.data} index=${index} say=${say} />`
import { html } from "../../core/dom.js";
import { setParams } from "../../core/route.js";
import { t } from "../../core/words.js";
import { Choice } from "../../parts/form.js";
import { Badge } from "../../parts/notice.js";
import { Words } from "../../parts/words.js";
import { Graph } from "./graph.js";
import { Holder, sayThing } from "./index.js";
import { Packages } from "./packages.js";
import { Open } from "./reader.js";
import { ChangeButton, listChanges, sayChange, setChanges } from "./whatif.js";

const VERDICTS = /** @type {Record<string, "ok" | "bad" | "warn">} */ ({ yes: "ok", no: "bad", unknown: "warn" });

/** @param {{ verdict: string, sentence: string, label: string, kind: string }} props */
function Verdict({ verdict, sentence, label, kind }) {
  return html`<section class=${`panel terms-verdict terms-verdict-${kind}`}>
    <p class="row"><strong>${label}</strong>
      ${verdict ? html`<${Badge} kind=${VERDICTS[verdict] ?? "warn"}>${t(`terms.verdict-${verdict}`)}</${Badge}>` : null}</p>
    <p class="terms-answer"><${Words} text=${sentence} most=${3000} /></p>
  </section>`;
}

/** @param {{ id: string, index: import("./index.js").Index, say: string, statements: any }} props */
export function Member({ id, index, say, statements }) {
  const thing = index.find(id);
  if (thing === undefined) {
    const [party = "", group = ""] = id.split("/");
    return html`<div class="stack"><p><${Words} text=${statements?.[id]?.sentence ?? id} most=${1000} /></p>
      ${group ? html`<div><${ChangeButton} change=${`says.${party}.${group}`} label=${t("terms.if-said")} /></div>` : null}</div>`;
  }
  return html`<${Open} name=${thing.name} say=${say}>
    ${index.holders(thing).map((one) => html`<${Holder} key=${one} index=${index} id=${one} />`)}
    <span><${Words} text=${thing.one.claim || sayThing(thing)} most=${1000} /></span>
    ${thing.one.is_law ? html`<${Badge} kind="bad">${t("terms.law")}</${Badge}>` : null}
    ${thing.one.assumption ? html`<${Badge} kind="warn">${t("terms.assumed")}</${Badge}>` : null}
  </${Open}>`;
}

/**
 * The graph's twin: each obstacle with its positions and why they stand against what is asked.
 *
 * @param {{ found: any, index: import("./index.js").Index, say: string }} props
 */
function ObstacleTable({ found, index, say }) {
  return html`<div class="terms-scroll" tabindex="0" role="region" aria-label=${t("terms.obstacles", { n: found.obstacles.length })}>
    <table class="terms-table">
      <thead><tr><th scope="col">#</th><th scope="col">${t("terms.who-and-what")}</th><th scope="col">${t("terms.because")}</th></tr></thead>
      <tbody>
        ${found.obstacles.map((/** @type {any} */ one, /** @type {number} */ at) => html`<tr key=${at}>
          <th scope="row">${at + 1}</th>
          <td><div class="stack">${one.members.length
            ? one.members.map((/** @type {string} */ id) => html`<${Member} key=${id} id=${id} index=${index} say=${say} statements=${found.statements} />`)
            : t("terms.rules-alone")}</div>
            ${one.is_hard ? html`<${Badge} kind="bad">${t("terms.law-alone")}</${Badge}>` : null}</td>
          <td><div class="stack">${one.via.map((/** @type {string} */ id) => html`<${Member} key=${id} id=${id} index=${index} say=${say} statements=${found.statements} />`)}</div></td>
        </tr>`)}
      </tbody>
    </table>
  </div>`;
}

/** @param {{ found: any, programme: string, index: import("./index.js").Index, say: string, form: string }} props */
function Obstacles({ found, programme, index, say, form }) {
  const { search } = found;
  return html`<section class="panel" aria-label=${t("terms.q-why-not")}>
    <header class="view-head"><h2>${t("terms.obstacles", { n: found.obstacles.length })}</h2>
      ${found.obstacles.length ? html`<${Choice} label=${t("terms.form")} value=${form} onChange=${(/** @type {string} */ one) => setParams({ form: one === "graph" ? null : one })}
        options=${["graph", "table"].map((value) => ({ value, label: t(`terms.form-${value}`) }))} />` : null}
    </header>
    <p class="muted">${t(search.is_all ? "terms.all-proven" : "terms.may-be-more")}</p>
    ${!found.obstacles.length ? null : form === "table"
      ? html`<${ObstacleTable} found=${found} index=${index} say=${say} />`
      : html`<${Graph} found=${found} programme=${programme} index=${index} say=${say} />`}
  </section>`;
}

/** @param {{ found: any, index: import("./index.js").Index }} props What else would help, were it on the table. */
function Additions({ found, index }) {
  if (!found.additions.length) return null;
  return html`<section class="panel"><h2>${t("terms.q-additions")}</h2>
    <ul class="stack">${found.additions.map((/** @type {any} */ one, /** @type {number} */ at) => html`<li key=${at} class="terms-addition">
      <ul>${[...one.measures.map((/** @type {string} */ id) => `offer.${id}`), ...one.parties.map((/** @type {string} */ id) => `admit.${id}`)].map(
        (change) => html`<li key=${change}>${sayChange(index, change)}</li>`)}</ul>
      <p class="row">${one.is_possible
        ? html`<${Badge} kind="ok">${t("terms.then-possible")}</${Badge}>`
        : html`<${Badge} kind="warn">${t("terms.cost-from-to", { from: one.cost_before, to: one.cost })}</${Badge}>`}
        <button type="button" class="terms-change" onClick=${() => setChanges([...listChanges(),
          ...one.measures.map((/** @type {string} */ id) => `offer.${id}`), ...one.parties.map((/** @type {string} */ id) => `admit.${id}`)])}>
          ${t("terms.if-so")}</button></p>
    </li>`)}</ul></section>`;
}

/** @param {{ real: any, index: import("./index.js").Index, say: string }} props What the what-if changes. */
function Difference({ real, index, say }) {
  const list = (/** @type {string} */ title, /** @type {string[][]} */ sets) =>
    sets.length ? html`<h3>${title}</h3><ul class="stack">${sets.map((members, at) => html`<li key=${at}>
      ${members.map((id) => html`<${Member} key=${id} id=${id} index=${index} say=${say} statements=${real.statements} />`)}</li>`)}</ul>` : null;
  return html`<section class="panel terms-difference">
    ${list(t("terms.gone", { n: real.gone.length }), real.gone)}
    ${list(t("terms.new", { n: real.new.length }), real.new)}
    ${!real.gone.length && !real.new.length ? html`<p><strong>${t("terms.no-change")}</strong></p>` : null}
    ${real.cost !== real.cost_now ? html`<p>${t("terms.cost-from-to", { from: real.cost ?? "?", to: real.cost_now ?? "?" })}</p>` : null}
    ${real.are_all ? null : html`<p class="muted">${t("terms.may-be-more")}</p>`}
  </section>`;
}

/** @param {{ told: any, index: import("./index.js").Index, say: string, form: string }} props */
export function Answer({ told, index, say, form }) {
  const { real, question, answers } = told;
  const lines = html`<details class="panel"><summary>${t("terms.in-lines")}</summary>
    <${Words} as="block" most=${20000} text=${told.lines[question].join("\n")} /></details>`;
  const isVerdict = answers["why-not"] !== undefined;
  return html`<div class="terms-told">
    ${real ? html`<div class="terms-beside">
        <${Verdict} kind="supposed" verdict=${told.verdict} sentence=${told.sentence} label=${t("terms.supposed")} />
        <${Verdict} kind="real" verdict=${real.verdict} sentence=${real.sentence} label=${t("terms.real")} />
      </div>` : html`<${Verdict} kind="real" verdict=${told.verdict} sentence=${told.sentence} label=${t(`terms.q-${question}`)} />`}
    ${real && isVerdict ? html`<${Difference} real=${real} index=${index} say=${say} />` : null}
    ${isVerdict ? html`
      <${Obstacles} found=${answers["why-not"]} programme=${told.programme} index=${index} say=${say} form=${form} />
      ${answers.price.packages?.length ? html`<${Packages} found=${answers.price} index=${index} say=${say} isSupposed=${Boolean(real)} />` : null}
      <${Additions} found=${answers.additions} index=${index} />
      ${lines}` : html`<section class="panel"><${Words} as="block" most=${20000} text=${told.lines[question].join("\n")} /></section>`}
  </div>`;
}
