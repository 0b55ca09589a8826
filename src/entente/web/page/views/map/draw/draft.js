// A draft: what an officer draws before anybody is told, with all that a message about it needs.
//
// Invariants: a draft is told to nobody by being drawn: it lies in this browser alone (one for each officer and each
// thing that is drawn), and outlives a reload; every change can be taken back; numbers stay the text that was typed
// until they are read, and what cannot be read is a fault with its field, never a guess; what is rounded is rounded
// outward: floors down, ceilings and radii up.
//
//     openDraft({ mode: "notify", object: "", officer: "us/duty-1", made: () => makeDraft("notify", now_ms) });
//     change((one) => ({ ...one, title: "Sortie 9" }), "title");
import { createStore } from "../../../core/store.js";
import { encodeUtc } from "../../../core/time.js";
import { FOOT_M, MILE_M } from "../units.js";

/**
 * @typedef {{ type: "circle" | "polygon" | "corridor" | "kept", points: [number, number][], width: string, low: string,
 *   high: string, start: string, end: string, kept?: any }} Shape `points`: latitude, longitude. `width`: a circle's
 *   radius, or how far a corridor reaches to each side. `kept`: an outline that is not drawn anew, as recorded.
 * @typedef {{ mode: "notify" | "update" | "counter", object: string, id: string, version: string, to: string[], title: string,
 *   kind: string, armed: boolean, concurrence: string[], concur_by: string, reason: string, areFeet: boolean,
 *   shapes: Shape[], at: number, corner: number }} Draft `at`: the shape that is worked on; `corner`: -1 for none.
 * @typedef {{ field: string, shape: number, key: string }} Fault `key`: our words for it.
 */

/** @type {import("../../../core/store.js").Store<Draft | null>} */
export const draft = createStore(/** @type {Draft | null} */ (null));
/** How many changes can be taken back, and how many of these made anew. */
export const steps = createStore({ back: 0, again: 0 });

const MOST_STEPS = 200;
/** A millimetre: what changing units back and forth leaves beyond the last digit is no centimetre more. */
const SLACK_CM = 0.1;
const HOUR_MS = 3_600_000;
let place = "";
/** @type {Draft[]} */
let past = [];
/** @type {Draft[]} */
let future = [];
let lastKind = "";

function count() {
  steps.set({ back: past.length, again: future.length });
}

function keep() {
  try {
    const one = draft.get();
    if (one === null) window.localStorage.removeItem(place);
    else window.localStorage.setItem(place, JSON.stringify(one));
  } catch {
    // Storage is full or switched off: the draft lives as long as the tab, and the form says so for all drafts.
  }
}

/** @param {any} one @returns {one is Draft} What an older page kept may be of another form. */
function isDraft(one) {
  return (
    one !== null && typeof one === "object" && ["notify", "update", "counter"].includes(one.mode) && Array.isArray(one.shapes) &&
    one.shapes.length > 0 && Array.isArray(one.to) && Array.isArray(one.concurrence) && typeof one.title === "string" &&
    one.shapes.every((/** @type {any} */ shape) => Array.isArray(shape?.points) && typeof shape.low === "string" && typeof shape.start === "string")
  );
}

/** @param {{ officer: string, mode: string, object: string }} what */
const placeOf = ({ officer, mode, object }) => `entente.draft.${officer}.${mode}.${object}`;

/** @param {{ officer: string, mode: string, object: string }} what @returns {Draft | null} */
export function findKept(what) {
  try {
    const found = JSON.parse(window.localStorage.getItem(placeOf(what)) ?? "null");
    return isDraft(found) && found.object === what.object ? found : null;
  } catch {
    return null;
  }
}

/** @param {{ officer: string, mode: string, object: string }} what @param {Draft} one */
export function openDraft(what, one) {
  place = placeOf(what);
  [past, future, lastKind] = [[], [], ""];
  draft.set(one);
  count();
}

/** Leave the draft where it is kept. */
export function leaveDraft() {
  draft.set(null);
  [past, future] = [[], []];
  count();
}

/** Forget the draft: it was told, or is not wanted. */
export function dropDraft() {
  draft.set(null);
  keep();
  [past, future] = [[], []];
  count();
}

/**
 * @param {(one: Draft) => Draft} make @param {string} [kind] Changes of one kind that follow each other, such as the
 *   letters of a word or the steps of a drag, are taken back as one.
 */
export function change(make, kind = "") {
  const old = draft.get();
  if (old === null) return;
  const next = make(old);
  if (next === old) return;
  if (kind === "" || kind !== lastKind) past = [...past.slice(-MOST_STEPS), old];
  lastKind = kind;
  future = [];
  draft.set(next);
  keep();
  count();
}

/** A change that follows is one of its own. */
export function endChange() {
  lastKind = "";
}

export function undo() {
  const [old, now] = [past.at(-1), draft.get()];
  if (old === undefined || now === null) return;
  past = past.slice(0, -1);
  future = [...future, now];
  lastKind = "";
  draft.set(old);
  keep();
  count();
}

export function redo() {
  const [next, now] = [future.at(-1), draft.get()];
  if (next === undefined || now === null) return;
  future = future.slice(0, -1);
  past = [...past, now];
  lastKind = "";
  draft.set(next);
  keep();
  count();
}

/** @param {(shape: Shape, one: Draft) => Shape} make @param {string} [kind] */
export function changeShape(make, kind) {
  change((one) => ({ ...one, shapes: one.shapes.map((shape, at) => (at === one.at ? make(shape, one) : shape)) }), kind && `${kind} ${draft.get()?.at}`);
}

const round7 = (/** @type {number} */ value) => Math.round(value * 1e7) / 1e7;

/** @param {number} lat @param {number} lon @returns {[number, number]} As a message spells it. */
export function makePoint(lat, lon) {
  const turned = round7(((((lon + 180) % 360) + 360) % 360) - 180);
  return [round7(Math.min(90, Math.max(-90, lat))), turned >= 180 ? turned - 360 : turned];
}

/** @param {number} ms @returns {string} "2026-11-29 03:00", UTC */
export const writeTime = (ms) => encodeUtc(ms).slice(0, 16).replace("T", " ");

/** @param {string} text @returns {number | null} */
export function readTime(text) {
  const found = /^(\d{4})-(\d\d)-(\d\d)[ T](\d\d):?(\d\d)(?::(\d\d))?\s*Z?$/i.exec(text.trim());
  if (!found) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = found.slice(1).map((one) => Number(one ?? 0));
  const ms = Date.UTC(year, month - 1, day, hour, minute, second);
  const back = new Date(ms);
  // A 31st of June would silently be the 1st of July.
  return back.getUTCMonth() === month - 1 && back.getUTCDate() === day && hour < 24 && minute < 60 && second < 60 ? ms : null;
}

/** @param {string} text @returns {number | null} A number, with a point or a comma for decimals, or null. */
export function readNumber(text) {
  const plain = text.trim().replace(/\s/g, "").replace("−", "-").replace(/^(-?\d+),(\d{1,2})$/, "$1.$2");
  return /^-?\d{1,9}(\.\d{1,6})?$/.test(plain) ? Number(plain) : null;
}

/** @param {number} now_ms @param {Shape["type"]} type @returns {Shape} */
export function makeShape(now_ms, type = "circle") {
  const start_ms = Math.ceil(now_ms / HOUR_MS) * HOUR_MS + HOUR_MS;
  return { type, points: [], width: "5000", low: "0", high: "1000", start: writeTime(start_ms), end: writeTime(start_ms + HOUR_MS) };
}

/** @param {number} now_ms @param {boolean} areFeet @returns {Draft} */
export function makeDraft(now_ms, areFeet) {
  const shape = makeShape(now_ms);
  return {
    mode: "notify", object: "", id: "", version: "", to: [], title: "", kind: "air", armed: false, concurrence: [], concur_by: "", reason: "",
    areFeet, shapes: [areFeet ? { ...shape, width: "3", high: "3000" } : shape], at: 0, corner: -1,
  };
}

/** @param {number | null} cm @param {boolean} areFeet */
const writeHeight = (cm, areFeet) => (cm === null ? "" : areFeet ? String(Math.round((cm / 100 / FOOT_M) * 1e4) / 1e4) : String(cm / 100));

/** @param {any} wire A volume as recorded. @param {boolean} areFeet @returns {Shape} */
export function readWire(wire, areFeet) {
  const { outline } = wire;
  const cut = (/** @type {string} */ text) => (/:00(\.0+)?Z$/.test(text) ? text.slice(0, 16) : text.slice(0, 19)).replace("T", " ");
  const rest = { low: writeHeight(wire.floor_cm, areFeet), high: writeHeight(wire.ceiling_cm, areFeet), start: cut(wire.start), end: cut(wire.end) };
  const read = (/** @type {number[]} */ one) => /** @type {[number, number]} */ ([(one[0] ?? 0) / 1e7, (one[1] ?? 0) / 1e7]);
  if (outline.type === "circle") {
    const width = areFeet ? String(Math.round((outline.radius_cm / 100 / MILE_M) * 1e6) / 1e6) : String(outline.radius_cm / 100);
    return { type: "circle", points: [read(outline.centre_e7)], width, ...rest };
  }
  if (outline.type === "polygon" && outline.vertices_e7.length <= 60) return { type: "polygon", points: outline.vertices_e7.map(read), width: "", ...rest };
  return { type: "kept", points: [], width: "", kept: outline, ...rest };
}

/** @param {Draft} one @param {boolean} areFeet @returns {Draft} The same in other units. */
export function turnUnits(one, areFeet) {
  if (one.areFeet === areFeet) return one;
  const turn = (/** @type {string} */ text, /** @type {number} */ unit_m, /** @type {number} */ digits) => {
    const value = readNumber(text);
    return value === null ? text : String(Number((areFeet ? value / unit_m : value * unit_m).toFixed(areFeet ? digits : 2)));
  };
  return {
    ...one, areFeet,
    shapes: one.shapes.map((shape) => ({ ...shape, low: turn(shape.low, FOOT_M, 4), high: turn(shape.high, FOOT_M, 4), width: turn(shape.width, MILE_M, 6) })),
  };
}

/** @param {Shape} shape @param {boolean} areFeet @returns {number | null} Radius or half width in centimetres. */
export function readWidth(shape, areFeet) {
  const value = readNumber(shape.width);
  return value === null || value <= 0 ? null : Math.ceil(value * (areFeet ? MILE_M : 1) * 100 - SLACK_CM);
}

const LEAST = { circle: 1, corridor: 2, polygon: 3, kept: 0 };

/** @param {Draft} one @returns {Fault[]} What is missing or cannot be read, before the desk is asked. */
export function listFaults(one) {
  /** @type {Fault[]} */
  const faults = [];
  one.shapes.forEach((shape, at) => {
    const tell = (/** @type {string} */ field, /** @type {string} */ key) => faults.push({ field, shape: at, key });
    if (shape.points.length < LEAST[shape.type]) tell("points", `map.draw-need-${shape.type}`);
    if ((shape.type === "circle" || shape.type === "corridor") && readWidth(shape, one.areFeet) === null) tell("width", "map.draw-bad-width");
    const [low, high] = [readNumber(shape.low), readNumber(shape.high)];
    if (shape.low.trim() && low === null) tell("low", "map.draw-bad-number");
    if (shape.high.trim() && high === null) tell("high", "map.draw-bad-number");
    if (low !== null && high !== null && low >= high) tell("high", "map.draw-bad-band");
    const [start, end] = [readTime(shape.start), readTime(shape.end)];
    if (start === null) tell("start", "map.draw-bad-time");
    if (end === null) tell("end", "map.draw-bad-time");
    if (start !== null && end !== null && start >= end) tell("end", "map.draw-bad-span");
  });
  return faults;
}

/**
 * @param {Shape} shape @param {boolean} areFeet @param {any} corridor The desk's outline of a corridor.
 * @returns {any} The volume as a message holds it.
 */
export function encodeShape(shape, areFeet, corridor) {
  const unit_m = areFeet ? FOOT_M : 1;
  const e7 = shape.points.map(([lat, lon]) => [Math.round(lat * 1e7), Math.abs(lat) === 90 ? 0 : Math.round(lon * 1e7)]);
  const [low, high] = [readNumber(shape.low), readNumber(shape.high)];
  const outline = {
    circle: () => ({ type: "circle", centre_e7: e7[0], radius_cm: readWidth(shape, areFeet) }),
    polygon: () => ({ type: "polygon", vertices_e7: e7 }),
    corridor: () => corridor,
    kept: () => shape.kept,
  }[shape.type]();
  return {
    outline,
    floor_cm: low === null ? null : Math.floor(low * unit_m * 100 + SLACK_CM),
    ceiling_cm: high === null ? null : Math.ceil(high * unit_m * 100 - SLACK_CM),
    start: encodeUtc(readTime(shape.start) ?? 0),
    end: encodeUtc(readTime(shape.end) ?? 0),
  };
}

/**
 * Take up a way out that the desk found: what only moves in time or height keeps the shape that was drawn.
 *
 * @param {Draft} one @param {{ way: string, volumes: any[] }} found @returns {Draft}
 */
export function takeUp(one, found) {
  const shapes = found.volumes.map((wire, at) => {
    const [made, old] = [readWire(wire, one.areFeet), one.shapes[at]];
    if (found.way === "aside" || old === undefined) return made;
    return { ...old, low: made.low, high: made.high, start: made.start, end: made.end };
  });
  return { ...one, shapes, at: Math.min(one.at, shapes.length - 1), corner: -1 };
}
