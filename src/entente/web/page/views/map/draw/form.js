// The panel of a draft: draw or type it, see what it conflicts with, then tell it, change what stands, or propose.
//
// Invariants: as long as nothing was told the panel says so, loudly; to whom it goes stands on the button that tells
// it; a fault stands at its field; what the record answered stays in sight until it is closed; closing keeps the
// draft, and only "discard", asked twice, forgets it.
//
// The desk decides: what it refuses is not told, and the draft stays.
//
//     html`<${Draw} what=${{ mode: "notify", object: "" }} canvas=${canvas} ... />`
import { look, useAct } from "../../../core/api.js";
import { html, useEffect, useMemo, useState } from "../../../core/dom.js";
import { useKeys } from "../../../core/keys.js";
import { tellOwn } from "../../../core/live.js";
import { linkTo, setParams } from "../../../core/route.js";
import { useStore } from "../../../core/store.js";
import { deskNowMs, encodeUtc } from "../../../core/time.js";
import { t } from "../../../core/words.js";
import { Outcome } from "../../../parts/dialog.js";
import { Field } from "../../../parts/form.js";
import { Empty, ErrorBox } from "../../../parts/notice.js";
import { Parties, Party } from "../../../parts/party.js";
import { KINDS } from "../layers.js";
import { PanelHead } from "../panel.js";
import { change, draft, dropDraft, findKept, leaveDraft, listFaults, makeDraft, openDraft, readTime, readWire, redo, steps, turnUnits, undo, writeTime } from "./draft.js";
import { faultOf, placeFault, ShapeFields, TimeEcho } from "./fields.js";
import { attachPen, drawDraft, removePoint } from "./pen.js";
import { Tried } from "./tried.js";
import { useTrial } from "./trial.js";

/** @typedef {import("./draft.js").Draft} Draft */
/** @typedef {{ mode: Draft["mode"], object: string }} What */

/** @param {string} title @returns {string} A name for the record, as far as a title gives one. */
const slugOf = (title) => title.normalize("NFKD").toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 40).replace(/-+$/, "");

/** @param {Draft} one @param {any[]} volumes @returns {{ verb: string, body: object }} What the desk is asked to say. */
function makeMessage(one, volumes) {
  const deadline_ms = readTime(one.concur_by);
  const concur_by = one.concur_by.trim() === "" ? "" : deadline_ms === null ? one.concur_by : encodeUtc(deadline_ms);
  const to = one.to.length ? one.to : null;
  if (one.mode === "counter") return { verb: "counter", body: { activity: one.id, volumes, reason: one.reason.trim(), version: one.version, to } };
  const both = { title: one.title.trim(), volumes, concurrence: one.concurrence, armed: one.armed };
  if (one.mode === "update") return { verb: "update", body: { id: one.id, reason: one.reason.trim(), replaces: one.version, concur_by, ...both, to } };
  return { verb: "notify", body: { id: one.id.trim() || slugOf(one.title), activity: one.kind, concur_by: concur_by || null, ...both, to: one.to } };
}

/** Find or make the draft of this address. @param {What} what @param {any} of What the desk says of the object, null until it is had. @param {string} officer @param {boolean} areFeet @param {string} party */
function useOpened(what, of, officer, areFeet, party) {
  const [error, setError] = useState(/** @type {any} */ (null));
  const version = of?.version ?? "";
  useEffect(() => {
    const place = { officer, ...what };
    const kept = findKept(place);
    if (kept) {
      openDraft(place, turnUnits(kept, areFeet));
      return leaveDraft;
    }
    if (what.mode === "notify") {
      openDraft(place, makeDraft(deskNowMs(), areFeet));
      return leaveDraft;
    }
    if (version === "") return undefined;
    const stop = new AbortController();
    look("message", { message: version }, stop.signal).then(
      (found) =>
        openDraft(place, {
          ...makeDraft(deskNowMs(), areFeet), mode: what.mode, object: what.object, id: of.id, version, to: (of.to ?? []).filter((/** @type {string} */ one) => one !== party), title: of.title,
          kind: of.activity, armed: of.armed, concurrence: (of.concurrence ?? []).map((/** @type {any} */ one) => one.party),
          concur_by: of.concur_by ? writeTime(Date.parse(of.concur_by)) : "", shapes: found.body.volumes.map((/** @type {any} */ wire) => readWire(wire, areFeet)),
        }),
      (fault) => stop.signal.aborted || setError(fault),
    );
    return () => {
      stop.abort();
      leaveDraft();
    };
  }, [what.mode, what.object, officer, version !== ""]);
  useEffect(() => change((one) => turnUnits(one, areFeet), "units"), [areFeet]);
  return error;
}

/** @param {{ label: string, chosen: readonly string[], all: readonly string[], set: (next: string[]) => void, none: string }} props */
function ChooseParties({ label, chosen, all, set, none }) {
  return html`<fieldset class="map-draw-parties"><legend>${label}</legend>
    ${all.map((id) => html`<label key=${id}><input type="checkbox" checked=${chosen.includes(id)}
      onChange=${(/** @type {any} */ event) => set(event.currentTarget.checked ? [...chosen, id] : chosen.filter((one) => one !== id))} /> <${Party} id=${id} name=${true} /></label>`)}
    ${chosen.length ? null : html`<p class="muted">${none}</p>`}</fieldset>`;
}

/** @param {{ one: Draft, faults: readonly import("./fields.js").Told[], others: readonly string[] }} props */
function MessageFields({ one, faults, others }) {
  const set = (/** @type {keyof Draft} */ name) => (/** @type {any} */ event) => {
    const { value } = event.currentTarget;
    change((old) => ({ ...old, [name]: value }), String(name));
  };
  const field = (/** @type {string} */ name) => ({ path: "$", error: faultOf(faults, name) });
  const isNew = one.mode === "notify";
  return html`
    ${one.mode === "counter" ? null : html`<${Field} label=${t("map.draw-title")} ...${field("title")}><input value=${one.title} maxlength="200" onInput=${set("title")} /></${Field}>`}
    ${isNew ? html`
      <${Field} label=${t("map.draw-id")} hint=${t("map.draw-id-hint")} ...${field("id")}><input value=${one.id || slugOf(one.title)} maxlength="64" spellcheck="false" onInput=${set("id")} /></${Field}>
      <${Field} label=${t("map.kind")} ...${field("activity")}><select value=${one.kind} onChange=${set("kind")}>
        ${KINDS.map((kind) => html`<option key=${kind} value=${kind} selected=${kind === one.kind}>${t(`map.kind-${kind}`)}</option>`)}</select></${Field}>
      <${ChooseParties} label=${t("map.draw-to")} chosen=${one.to} all=${others} none=${t("map.told-all")} set=${(/** @type {string[]} */ to) => change((old) => ({ ...old, to, concurrence: to.length ? old.concurrence.filter((each) => to.includes(each)) : old.concurrence }))} />
      ${one.to.length ? html`<p class="muted">${t("map.told-some")}</p>` : null}`
      : html`<p>${t("map.draw-goes-to")} <${Parties} ids=${one.to} /></p>`}
    ${one.mode === "counter" ? null : html`
      <label class="map-draw-armed"><input type="checkbox" checked=${one.armed} onChange=${(/** @type {any} */ event) => { const armed = event.currentTarget.checked; change((old) => ({ ...old, armed })); }} /> ★ ${t("map.armed")}</label>
      <${ChooseParties} label=${t("map.draw-concurrence")} chosen=${one.concurrence} all=${one.to.length ? others.filter((id) => one.to.includes(id)) : others} none=${t("map.draw-nobody-asked")}
        set=${(/** @type {string[]} */ concurrence) => change((old) => ({ ...old, concurrence }))} />
      ${one.concurrence.length ? html`<div><${Field} label=${t("map.draw-concur-by")} ...${field("concur_by")}><input value=${one.concur_by} placeholder="2026-11-29 03:00" onInput=${set("concur_by")} /></${Field}><${TimeEcho} text=${one.concur_by} /></div>` : null}`}
    ${isNew ? null : html`<${Field} label=${t("map.draw-reason")} ...${field("reason")}><textarea value=${one.reason} maxlength="2000" onInput=${set("reason")}></textarea></${Field}>`}`;
}

/** @param {{ one: Draft, trial: import("./trial.js").Trial, act: ReturnType<typeof useAct>, may: boolean, onTold: (answer: any) => void }} props */
function Tell({ one, trial, act, may, onTold }) {
  const [isSure, setSure] = useState(false);
  const count = trial.state === "met" ? trial.answer.conflicts.length : 0;
  const isReady = trial.volumes !== null && trial.state !== "faulty" && (one.mode === "counter" || one.title.trim() !== "") && (one.mode !== "update" || one.reason.trim() !== "");
  const tell = async () => {
    if (trial.volumes === null) return;
    const answer = await act.run(makeMessage(one, trial.volumes).body);
    if (answer !== null) {
      tellOwn();
      onTold(answer);
    }
  };
  const verb = t(`map.draw-tell-${one.mode}`);
  return html`<div class="map-draw-tell">
    ${may
      ? html`<p>${t("map.draw-goes-to")} <${Parties} ids=${one.to} /></p>
          <button type="button" class=${count ? "danger" : "primary"} disabled=${!isReady || act.isBusy} aria-busy=${act.isBusy} onClick=${tell}>
            ${count ? t("map.draw-tell-though", { n: count, verb }) : verb}</button>
          ${isReady ? null : html`<p class="muted">${t("map.draw-not-ready")}</p>`}`
      : html`<p class="muted">${t("map.draw-may-not")}</p>`}
    <${Outcome} of=${act} />
    <button type="button" class="quiet" onClick=${() => (isSure ? (dropDraft(), setParams({ draw: null, object: null, version: null })) : setSure(true))} onBlur=${() => setSure(false)}>
      ${t(isSure ? "map.draw-discard-sure" : "map.draw-discard")}</button>
  </div>`;
}

/** @param {{ answer: any, verb: string, close: () => void }} props What became of it. */
function Told({ answer, close }) {
  return html`<div class="map-panel-body"><${Outcome} of=${{ isBusy: false, error: null, answer }} />
    ${answer.index !== undefined && answer.index !== null ? html`<p><a href=${linkTo("record", { item: String(answer.index) })}>${t("map.entry", { n: answer.index })}</a></p>` : null}
    <button type="button" class="primary" onClick=${close}>${t("shell.close")}</button></div>`;
}

/**
 * @param {{ what: What, of: any, isMissing: boolean, session: any, canvas: { current: any }, isThere: boolean, areFeet: boolean, notice: string,
 *   onTried: (answer: any) => void }} props `of`: the object, as `picture` has it. `onTried`: for the side view.
 */
export function Draw({ what, of, isMissing, session, canvas, isThere, areFeet, notice, onTried }) {
  const one = useStore(draft);
  const error = useOpened(what, of, `${session.party}/${session.officer}`, areFeet, session.party);
  const [told, setTold] = useState(/** @type {any} */ (null));
  const title = t(`map.draw-head-${what.mode}`);
  const close = () => setParams({ draw: null, object: null, version: null });
  useEffect(() => {
    setTold(null);
    return () => onTried(null);
  }, [what.mode, what.object]);
  if (told !== null) return html`<${PanelHead} title=${title} close=${close} /><${Told} answer=${told} close=${close} />`;
  if (one === null || one.mode !== what.mode || one.object !== what.object) {
    return html`<${PanelHead} title=${title} close=${close} /><div class="map-panel-body">
      ${error ? html`<${ErrorBox} error=${error} />` : html`<${Empty}>${isMissing ? t("map.not-there") : t("shell.loading")}</${Empty}>`}</div>`;
  }
  const onTold = (/** @type {any} */ answer) => {
    // What was refused was not told: the draft stays.
    if (answer.state === "refused") return;
    dropDraft();
    onTried(null);
    setTold(answer);
  };
  return html`<${PanelHead} title=${title} close=${close} />
    <${Opened} one=${one} of=${of} session=${session} canvas=${canvas} isThere=${isThere} notice=${notice} onTried=${onTried} onTold=${onTold} />`;
}

/** @param {{ one: Draft, of: any, session: any, canvas: { current: any }, isThere: boolean, notice: string, onTried: (answer: any) => void, onTold: (answer: any) => void }} props */
function Opened({ one, of, session, canvas, isThere, notice, onTried, onTold }) {
  const trial = useTrial(one);
  const act = useAct(one.mode);
  const count = useStore(steps);
  const shown = trial.answer;
  const features = useMemo(() => drawDraft(one, shown), [one, shown]);
  useEffect(() => (isThere ? attachPen(canvas.current.map) : undefined), [isThere]);
  useEffect(() => {
    canvas.current?.showDraft(features);
  }, [features, isThere]);
  useEffect(() => () => canvas.current?.showDraft(drawDraft(null, null)), []);
  useEffect(() => onTried(shown), [shown]);
  useKeys(
    [
      { keys: "ctrl+z", label: t("map.draw-undo"), run: undo, group: "map" },
      { keys: "ctrl+y / ctrl+Z", label: t("map.draw-redo"), run: redo, group: "map" },
      { keys: "delete / backspace", label: t("map.draw-drop-point"), run: removePoint, group: "map" },
    ],
    [],
  );
  const faults = [
    ...listFaults(one).filter((fault) => fault.field !== "points").map((fault) => ({ ...fault, message: t(fault.key) })),
    ...(trial.state === "faulty" ? shown.faults.map((/** @type {any} */ fault) => ({ ...placeFault(fault.path), message: fault.words })) : []),
    ...(act.error?.path ? [{ ...placeFault(act.error.path), message: act.error.message }] : []),
    ...(trial.error?.path ? [{ ...placeFault(trial.error.path.replace(/^\$\.line_e7.*/, `$.volumes[${one.at}].outline`)), message: trial.error.message }] : []),
  ];
  const others = session.parties.map((/** @type {any} */ each) => each.party).filter((/** @type {string} */ id) => id !== session.party);
  const fly = (/** @type {[number, number]} */ at) => canvas.current?.map.easeTo({ center: at, zoom: Math.max(9, canvas.current.map.getZoom()), duration: 0 });
  const points = one.shapes[one.at]?.points.length ?? 0;
  return html`<div class="map-panel-body map-draw">
    <p class="map-draw-loud" role="note"><strong>${t("map.draw-loud")}</strong> ${t("map.draw-loud-more")}</p>
    ${of && of.version !== one.version && one.mode !== "notify" ? html`<p class="notice-protection" role="alert">${t("map.draw-newer")}</p>` : null}
    <div class="row no-print">
      <button type="button" disabled=${!count.back} onClick=${undo}>${t("map.draw-undo")}</button>
      <button type="button" disabled=${!count.again} onClick=${redo}>${t("map.draw-redo")}</button>
      <button type="button" disabled=${!points} onClick=${removePoint}>${t("map.draw-drop-point")}</button>
    </div>
    <p class="muted">${t("map.draw-how")}</p>
    <${ShapeFields} one=${one} faults=${faults} now_ms=${deskNowMs()} />
    <${Tried} one=${one} trial=${trial} fly=${fly} notice=${notice} />
    <${MessageFields} one=${one} faults=${faults} others=${others} />
    <${Tell} one=${one} trial=${trial} act=${act} may=${session.may(one.mode)} onTold=${onTold} />
  </div>`;
}
