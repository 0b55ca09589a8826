// The fields of one drawn shape: positions, width, heights, times; complete without a mouse.
//
// Invariants: positions can be typed, pasted and read as text, one a line; a line that cannot be read is named and
// changes nothing; each height says its unit and datum, each time is UTC and is said back in full.
//
//     html`<${ShapeFields} one=${draft} faults=${faults} />`
import { html, useEffect, useState } from "../../../core/dom.js";
import { formatUtc, formatLocal } from "../../../core/time.js";
import { t } from "../../../core/words.js";
import { Choice, Field } from "../../../parts/form.js";
import { parsePosition } from "../units.js";
import { change, changeShape, makePoint, makeShape, readTime } from "./draft.js";

/** @typedef {import("./draft.js").Shape} Shape */
/** @typedef {{ field: string, shape: number, message: string }} Told A fault, in words, at its field. */

/** @param {string} path "$.volumes[1].outline.radius_cm" @returns {{ field: string, shape: number }} */
export function placeFault(path) {
  const found = /^\$\.volumes\[(\d+)\]\.?(.*)$/.exec(path);
  if (!found) return { field: path.replace(/^\$\.?/, "").replace(/[.[].*$/, ""), shape: -1 };
  const rest = found[2] ?? "";
  const field = /radius/.test(rest) ? "width" : /^floor/.test(rest) ? "low" : /^ceiling/.test(rest) ? "high" : /^start/.test(rest) ? "start" : /^end/.test(rest) ? "end" : "points";
  return { field, shape: Number(found[1]) };
}

/** @param {readonly Told[]} faults @param {string} field @param {number} shape @returns {any} As `Field` takes it. */
export function faultOf(faults, field, shape = -1) {
  const found = faults.find((one) => one.field === field && one.shape === shape);
  return found ? { path: "$", message: found.message } : null;
}

/** @param {readonly [number, number][]} points */
const writePoints = (points) => points.map(([lat, lon]) => `${Number(lat.toFixed(7))}, ${Number(lon.toFixed(7))}`).join("\n");

/** @param {{ shape: Shape, fault: any }} props */
function Points({ shape, fault }) {
  const [typed, setTyped] = useState(/** @type {string | null} */ (null));
  const text = writePoints(shape.points);
  const lines = (typed ?? "").split("\n").map((one) => one.trim());
  const bad = typed === null ? -1 : lines.findIndex((one) => one !== "" && parsePosition(one) === null);
  useEffect(() => setTyped(null), [shape.type]);
  const type = (/** @type {string} */ next) => {
    setTyped(next);
    const found = next.split("\n").map((one) => one.trim()).filter(Boolean).map(parsePosition);
    if (found.includes(null)) return;
    const points = found.map((one) => makePoint(one?.lat ?? 0, one?.lon ?? 0)).slice(0, shape.type === "circle" ? 1 : 500);
    changeShape((old) => ({ ...old, points }), "points");
  };
  const error = bad >= 0 ? { path: "$", message: t("map.draw-bad-line", { n: bad + 1, text: (lines[bad] ?? "").slice(0, 40) }) } : fault;
  return html`<${Field} label=${t(`map.draw-points-${shape.type}`)} hint=${t("map.draw-points-hint")} path="$" error=${error} wide=${true}>
    <textarea class="map-draw-points" rows=${shape.type === "circle" ? 1 : Math.min(8, Math.max(3, shape.points.length + 1))} spellcheck="false"
      value=${typed ?? text} onInput=${(/** @type {any} */ event) => type(event.currentTarget.value)}
      onBlur=${() => bad < 0 && setTyped(null)}></textarea>
  </${Field}>`;
}

/** @param {{ text: string }} props A typed time, said back. */
export function TimeEcho({ text }) {
  const ms = readTime(text);
  return ms === null ? null : html`<span class="map-draw-echo"><strong>${formatUtc(ms)}</strong> ${formatLocal(ms)}</span>`;
}

/** @param {{ one: import("./draft.js").Draft, faults: readonly Told[], now_ms: number }} props */
export function ShapeFields({ one, faults, now_ms }) {
  const shape = one.shapes[one.at];
  if (!shape) return null;
  const fault = (/** @type {string} */ field) => faultOf(faults, field, one.at);
  const set = (/** @type {keyof Shape} */ name) => (/** @type {any} */ event) => {
    const { value } = event.currentTarget;
    changeShape((old) => ({ ...old, [name]: value }), String(name));
  };
  const unit = one.areFeet ? "ft" : "m";
  const turn = (/** @type {string} */ type) =>
    changeShape((old) => ({ ...old, type: /** @type {Shape["type"]} */ (type), points: type === "circle" ? old.points.slice(0, 1) : old.points, width: old.width || (one.areFeet ? "1" : "2000") }));
  return html`<section class="map-draw-shape">
    ${one.shapes.length > 1
      ? html`<${Choice} label=${t("map.volumes", { n: one.shapes.length })} value=${String(one.at)} options=${one.shapes.map((_, at) => ({ value: String(at), label: String(at + 1) }))}
          onChange=${(/** @type {string} */ at) => change((old) => ({ ...old, at: Number(at), corner: -1 }), "choose")} />`
      : null}
    ${shape.type === "kept"
      ? html`<p class="muted">${t("map.draw-kept")}</p>`
      : html`<${Choice} label=${t("map.draw-shape")} value=${shape.type} onChange=${turn}
            options=${["circle", "polygon", "corridor"].map((value) => ({ value, label: t(`map.draw-${value}`) }))} />
          <${Points} key=${one.at} shape=${shape} fault=${fault("points")} />
          ${shape.type === "polygon" ? null : html`<${Field} label=${t(shape.type === "circle" ? "map.draw-radius" : "map.draw-half-width", { unit: one.areFeet ? "NM" : "m" })} path="$" error=${fault("width")}>
            <input inputmode="decimal" value=${shape.width} onInput=${set("width")} /></${Field}>`}`}
    <div class="map-draw-pair">
      <${Field} label=${t("map.draw-low", { unit })} path="$" error=${fault("low")}><input inputmode="decimal" value=${shape.low} placeholder=${t("map.no-floor")} onInput=${set("low")} /></${Field}>
      <${Field} label=${t("map.draw-high", { unit })} path="$" error=${fault("high")}><input inputmode="decimal" value=${shape.high} placeholder=${t("map.no-ceiling")} onInput=${set("high")} /></${Field}>
    </div>
    <p class="map-datum">${t(one.areFeet ? "map.datum-feet" : "map.datum")}</p>
    <div class="map-draw-pair">
      <div><${Field} label=${t("map.draw-start")} path="$" error=${fault("start")}><input value=${shape.start} placeholder="2026-11-29 03:00" onInput=${set("start")} /></${Field}><${TimeEcho} text=${shape.start} /></div>
      <div><${Field} label=${t("map.draw-end")} path="$" error=${fault("end")}><input value=${shape.end} placeholder="2026-11-29 04:00" onInput=${set("end")} /></${Field}><${TimeEcho} text=${shape.end} /></div>
    </div>
    <div class="row">
      <button type="button" disabled=${one.shapes.length >= 50} onClick=${() => change((old) => {
        const last = old.shapes.at(-1);
        const next = last ? { ...makeShape(now_ms, last.type === "kept" ? "polygon" : last.type), width: last.width || "2000", low: last.low, high: last.high, start: last.end, end: last.end } : makeShape(now_ms);
        return { ...old, shapes: [...old.shapes, next], at: old.shapes.length, corner: -1 };
      })}>${t("map.draw-add-volume")}</button>
      ${one.shapes.length > 1
        ? html`<button type="button" onClick=${() => change((old) => ({ ...old, shapes: old.shapes.filter((_, at) => at !== old.at), at: Math.max(0, old.at - 1), corner: -1 }))}>${t("map.draw-drop-volume")}</button>`
        : null}
    </div>
  </section>`;
}
