// Agreements: where each stands, its clocks as a picture, who must do what by when, and what is signed.
//
// Invariants: every state is the desk's own, computed from the record; a signature is asked for in a dialog that shows
// the text and its hash, and names that hash, so that nothing else can be signed in its place; who must act is told
// by name, and only what our party may do has a button.
//
// It drafts none: `entente agreement propose` does.
//
//     /terms?tab=agreements&agreement=aleppo-road
import { useLook } from "../../core/api.js";
import { html, useState } from "../../core/dom.js";
import { linkTo, setParams, useParam } from "../../core/route.js";
import { useSession } from "../../core/session.js";
import { deskNowMs, parseUtc } from "../../core/time.js";
import { t, tx } from "../../core/words.js";
import { Badge, Empty, Looked } from "../../parts/notice.js";
import { Party } from "../../parts/party.js";
import { Time, useTick } from "../../parts/time.js";
import { Words } from "../../parts/words.js";
import { Confirm, listActs } from "./signing.js";
import { Signer, TextOf } from "./text.js";

/** @type {Record<string, "ok" | "warn" | "bad" | "info" | "quiet" | "off">} */
const KINDS = {
  proposed: "info", refused: "bad", signed: "info", "in-force": "ok", suspended: "warn", ended: "off",
  broken: "bad", over: "off", unclear: "warn", paused: "warn", running: "info", open: "info", waiting: "info", reached: "ok", kept: "ok",
  "not-started": "quiet", "not-in-force": "quiet", held: "quiet", due: "warn", done: "ok",
  "by-signed": "ok", "by-refused": "bad", silent: "quiet", accepted: "ok", disputed: "bad", denied: "bad", pending: "info", "in-effect": "ok", "without-effect": "off",
  yes: "ok", no: "bad",
};

/** @param {{ state: string }} props */
function State({ state }) {
  return html`<${Badge} kind=${KINDS[state] ?? "quiet"}>${t(`terms.state-${state}`)}</${Badge}>`;
}

/** @param {{ one: any }} props A clock: what has passed of it, and what is left. */
function Clock({ one }) {
  useTick(30);
  const [start, end, now] = [parseUtc(one.start), parseUtc(one.end), deskNowMs()];
  const part = start !== null && end !== null && end > start ? Math.min(1, Math.max(0, (now - start) / (end - start))) : null;
  return html`<li class="terms-clock">
    <p class="row"><${State} state=${one.state} /> <strong><${Words} text=${one.says} most=${400} /></strong></p>
    ${part === null ? null : html`<div class=${`terms-clock-bar terms-clock-${KINDS[one.state] ?? "quiet"}`} role="img"
      aria-label=${t("terms.clock-passed", { percent: Math.floor(100 * part) })}><span style=${{ width: `${100 * part}%` }}></span></div>`}
    <p class="terms-clock-ends"><span><${Time} iso=${one.start} local=${false} /></span> <span>${t("terms.until")} <${Time} iso=${one.end} /></span></p>
    <p class="muted"><${Words} text=${one.why} most=${600} /></p>
  </li>`;
}

/** @param {{ view: any }} props */
function Dues({ view }) {
  if (!view.due.length) return html`<p class="muted">${t("terms.nothing-due")}</p>`;
  return html`<ul class="stack">${view.due.map((/** @type {any} */ one, /** @type {number} */ at) => html`<li key=${at} class="terms-due">
    <p class="row"><${Party} id=${one.party} />${one.agency ? html` <${Words} text=${one.agency} />` : null}
      <strong>${t(`terms.due-${one.kind}`)}</strong>
      ${one.is_overdue ? html`<${Badge} kind="bad">${t("terms.overdue")}</${Badge}>` : null}
      ${one.by ? html`<span>${tx("terms.by-when", { when: html`<${Time} iso=${one.by} />` })}</span>` : html`<span class="muted">${t("terms.no-time-set")}</span>`}</p>
    <p><${Words} text=${one.what} most=${600} /></p>
    <p class="muted"><${Words} text=${one.why} most=${600} /></p>
  </li>`)}</ul>`;
}

/** @param {{ view: any }} props */
function Signatures({ view }) {
  return html`<ul class="stack">${view.signatories.map((/** @type {any} */ one) => html`<li key=${`${one.party}/${one.agency}`} class="row">
    <${State} state=${one.word === "silent" ? "silent" : `by-${one.word}`} />
    <${Signer} view=${view} id=${one.agency || one.party} />
    ${one.reason ? html`<span>“<${Words} text=${one.reason} most=${400} />”</span>` : null}
    ${one.entries.map((/** @type {number} */ index) => html`<a key=${index} href=${linkTo("record", { item: String(index) })}>${t("terms.entry", { index })}</a>`)}
  </li>`)}</ul>`;
}

/** @param {{ name: string }} props */
function Agreement({ name }) {
  const session = useSession();
  const [chosen, setChosen] = useState(/** @type {import("./signing.js").Act | null} */ (null));
  const looked = useLook("agreement", { name }, { every_s: 60 });
  const view = looked.data;
  if (view === null) return html`<article class="panel"><${Looked} of=${looked} /></article>`;
  const acts = listActs(view, session.party).filter((one) => session.may(one.verb));
  return html`<article class="panel terms-agreement">
    <header class="row terms-reader-head"><${State} state=${view.phase} />
      <button type="button" class="quiet" onClick=${() => setParams({ agreement: null })}>${t("terms.close-reader")}</button></header>
    <${Looked} of=${looked} />
    <h2 class="terms-sentence"><${Words} text=${view.title} most=${400} /></h2>
    <p><${Words} text=${view.why} most=${1000} /></p>
    ${view.ends ? html`<p>${t("terms.ends")} <${Time} iso=${view.ends} /></p>` : null}
    ${view.notes.map((/** @type {string} */ note, /** @type {number} */ at) => html`<p key=${at} class="terms-assumed">▲ <${Words} text=${note} most=${800} /></p>`)}
    <section class="stack"><h3>${t("terms.who-must")}</h3><${Dues} view=${view} />
      <div class="row">${acts.map((one) => html`<button key=${one.key} type="button" class=${one.kind} onClick=${() => setChosen(one)}>${one.label}</button>`)}</div>
      ${acts.length ? null : html`<p class="muted">${t("terms.no-act")}</p>`}
    </section>
    ${view.clocks.length ? html`<section class="stack"><h3>${t("terms.clocks")}</h3><ul class="stack">
      ${view.clocks.map((/** @type {any} */ one) => html`<${Clock} key=${one.id} one=${one} />`)}</ul></section>` : null}
    ${view.ahead.length ? html`<section class="stack"><h3>${t("terms.ahead")}</h3><ul class="stack">
      ${view.ahead.map((/** @type {any} */ one, /** @type {number} */ at) => html`<li key=${at}><${Time} iso=${one.at} /> <${Words} text=${one.what} most=${600} /></li>`)}</ul></section>` : null}
    ${view.measures.length ? html`<section class="stack"><h3>${t("terms.measures")}</h3><ul class="stack">
      ${view.measures.map((/** @type {any} */ one) => html`<li key=${one.id}><p class="row"><${State} state=${one.state} /> <${Words} text=${one.says} most=${800} /></p>
        <p class="muted"><${Words} text=${one.why} most=${600} /></p></li>`)}</ul></section>` : null}
    ${view.incidents.length ? html`<section class="stack"><h3>${t("terms.incidents")}</h3><ul class="stack">
      ${view.incidents.map((/** @type {any} */ one) => html`<li key=${one.message}><p class="row"><${Party} id=${one.by} /> <${Time} iso=${one.happened} /></p>
        <p><${Words} text=${one.text} most=${800} /></p>
        <p class="row">${Object.entries(one.answers).map(([party, word]) => html`<span key=${party}><${Party} id=${party} /> <${State} state=${String(word)} /></span>`)}</p></li>`)}</ul></section>` : null}
    ${view.motions.length ? html`<section class="stack"><h3>${t("terms.motions")}</h3><ul class="stack">
      ${view.motions.map((/** @type {any} */ one) => html`<li key=${one.message}><p class="row"><${State} state=${one.state} /> <${Party} id=${one.by} />
        ${t(`terms.motion-${one.motion}`, { n: one.days })}</p><p class="muted"><${Words} text=${one.why} most=${600} /></p></li>`)}</ul></section>` : null}
    <section class="stack"><h3>${t("terms.signatures")}</h3><${Signatures} view=${view} /></section>
    <details class="stack"><summary>${t("terms.text")}</summary><${TextOf} view=${view} /></details>
    ${chosen ? html`<${Confirm} act=${chosen} view=${view} onClose=${() => setChosen(null)} onDone=${looked.again} />` : null}
  </article>`;
}

export function Agreements() {
  const name = useParam("agreement");
  const list = useLook("agreements", {}, { every_s: 60 });
  const all = /** @type {any[]} */ (Array.isArray(list.data) ? list.data : (list.data?.agreements ?? []));
  return html`<${Looked} of=${list} />
    ${list.data && !all.length ? html`<${Empty}>${t("terms.no-agreements")}</${Empty}>` : null}
    ${all.length ? html`<div class=${name ? "split split-chosen terms-agreements" : "split terms-agreements"}>
      <ul class="stack" aria-label=${t("terms.tab-agreements")}>
        ${all.map((one) => html`<li key=${one.id}><button type="button" class="terms-open terms-agreement-row" aria-pressed=${one.id === name}
          onClick=${() => setParams({ agreement: one.id })}>
          <span class="row"><${State} state=${one.phase} /> <strong><${Words} text=${one.title} most=${200} /></strong></span>
          <span class="muted"><${Words} text=${one.why} most=${300} /></span>
          ${one.ends ? html`<span>${t("terms.ends")} <${Time} iso=${one.ends} local=${false} /></span>` : null}
        </button></li>`)}
      </ul>
      <div>${name ? html`<${Agreement} key=${name} name=${name} />` : html`<section class="panel"><${Empty}>${t("terms.choose-agreement")}</${Empty}></section>`}</div>
    </div>` : null}`;
}
