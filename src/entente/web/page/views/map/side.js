// The side view: heights over time. What passes over what, and when, seen from the side.
//
// Invariants: a box is a volume's heights and times and nothing else: two boxes that overlap here may be far apart on
// the ground, and the view says so; the heights' scale is even; what is unbounded goes on to the edge; the boxes can
// be walked through with arrow keys; what is left out for its number is said.
//
//     html`<${SideView} things=${inView} selected=${item} state=${state} open=${open} ... />`
import { readCursor, moving } from "../../core/cursor.js";
import { html, useEffect, useMemo, useRef, useState } from "../../core/dom.js";
import { route, setParams } from "../../core/route.js";
import { useStore } from "../../core/store.js";
import { formatUtc } from "../../core/time.js";
import { formatNumber, t } from "../../core/words.js";
import { sayThing } from "./walk.js";
import { FOOT_M, formatBand } from "./units.js";

const HOUR_MS = 3_600_000;
const BEFORE_MS = 3 * HOUR_MS;
const MOST = 400;
const HEIGHT_PX = 190;
const [LEFT_PX, TOP_PX, BOTTOM_PX, RIGHT_PX] = [64, 8, 22, 10];

/** @param {number} span @param {number} count */
function niceStep(span, count) {
  const power = 10 ** Math.floor(Math.log10(span / count));
  return [1, 2, 5, 10].map((one) => one * power).find((one) => span / one <= count) ?? power * 10;
}

/** @param {readonly any[]} boxes @param {number} at_ms @param {number} ahead_ms @param {boolean} areFeet */
function makeFrame(boxes, at_ms, ahead_ms, areFeet) {
  // Moved by whole hours, so that a step of the cursor draws only its line anew.
  const from_ms = Math.floor(at_ms / HOUR_MS) * HOUR_MS - BEFORE_MS;
  const until_ms = from_ms + BEFORE_MS + Math.max(ahead_ms, 3 * HOUR_MS) + HOUR_MS;
  const finite = boxes.flatMap((one) => [one.low_m, one.high_m]).filter((one) => one !== null && Math.abs(one) < 100_000);
  const unit_m = areFeet ? FOOT_M : 1;
  const low = Math.min(0, ...finite) / unit_m;
  const high = Math.max(areFeet ? 1500 : 500, ...finite.map((one) => one / unit_m));
  const step = niceStep(high - low, 4);
  return { from_ms, until_ms, low_m: Math.floor(low / step) * step * unit_m, high_m: Math.ceil((high * 1.04) / step) * step * unit_m, step, unit_m };
}

/** @param {readonly import("./things.js").Thing[]} things @param {any} draft */
function listBoxes(things, draft) {
  const boxes = things.flatMap((one) =>
    (one.type === "conflict" || one.type === "item" || one.type === "incident" ? [] : one.volumes).map((volume, at) => ({
      key: `${one.key} ${at}`, thing: one, number: one.number, from_ms: volume.start_us / 1000, until_ms: volume.end_us / 1000,
      low_m: volume.floor_m ?? null, high_m: volume.ceiling_m ?? null,
    })),
  );
  const own = (draft?.volumes ?? []).map((/** @type {any} */ volume, /** @type {number} */ at) => ({
    key: `draft ${at}`, thing: null, number: 0, from_ms: volume.start_us / 1000, until_ms: volume.end_us / 1000, low_m: volume.floor_m, high_m: volume.ceiling_m,
  }));
  return [...boxes, ...own];
}

/** @param {{ number: number }} props One party's pattern, as on the map. */
function Pattern({ number }) {
  const style = { stroke: `var(--party-${number % 8})`, fill: `var(--party-${number % 8})` };
  const line = (/** @type {string} */ path) => html`<path d=${path} style=${{ stroke: style.stroke }} stroke-width="1.6" fill="none" />`;
  const inside = [
    html`<rect width="8" height="8" style=${{ fill: style.fill }} opacity="0.35" />`,
    line("M-2 10L10 -2M-6 6L6 -6M2 14L14 2"),
    html`<circle cx="4" cy="4" r="1.6" style=${{ fill: style.fill }} />`,
    line("M0 4H8M4 0V8"), line("M0 4H8"), line("M4 0V8"),
    html`<path d="M0 0H4V4H0zM4 4H8V8H4z" style=${{ fill: style.fill }} />`,
    line("M-2 -2L10 10M6 -6L14 2M-6 6L2 14"),
  ];
  return html`<pattern id=${`map-side-${number}`} width="8" height="8" patternUnits="userSpaceOnUse">${inside[number % 8]}</pattern>`;
}

/** @param {{ x: (ms: number) => number, height: number }} props Drawn alone at each step of the cursor. */
function CursorLine({ x, height }) {
  useStore(moving);
  useStore(route);
  const at = x(readCursor().at_ms);
  return html`<line class="map-side-cursor" x1=${at} x2=${at} y1=${TOP_PX} y2=${height - BOTTOM_PX} />`;
}

/**
 * @param {{ things: readonly import("./things.js").Thing[], selected: string, together: readonly string[], state: import("./state.js").MapState,
 *   data: any, open: (key: string) => void, draft: any, at_ms: number, isNarrow: boolean }} props
 */
export function SideView({ things, selected, together, state, open, draft, at_ms, isNarrow }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const [width, setWidth] = useState(600);
  const [place, setPlace] = useState(0);
  useEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const observer = new ResizeObserver(() => setWidth(Math.max(200, element.clientWidth)));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const height = isNarrow ? 140 : HEIGHT_PX;
  const all = useMemo(() => listBoxes(things, draft), [things, draft]);
  const frame = useMemo(() => makeFrame(all, at_ms, state.ahead_ms, state.areFeet), [all, Math.floor(at_ms / HOUR_MS), state.ahead_ms, state.areFeet]);
  const boxes = useMemo(
    () => all.filter((one) => one.until_ms > frame.from_ms && one.from_ms < frame.until_ms).sort((one, other) => one.from_ms - other.from_ms).slice(0, MOST),
    [all, frame],
  );
  const x = (/** @type {number} */ ms) => LEFT_PX + ((ms - frame.from_ms) / (frame.until_ms - frame.from_ms)) * (width - LEFT_PX - RIGHT_PX);
  const y = (/** @type {number} */ m) => TOP_PX + ((frame.high_m - m) / (frame.high_m - frame.low_m)) * (height - TOP_PX - BOTTOM_PX);
  const cut = (/** @type {number} */ value, /** @type {number} */ low, /** @type {number} */ high) => Math.min(high, Math.max(low, value));
  const rect = (/** @type {any} */ one) => {
    const [left, right] = [cut(x(one.from_ms), LEFT_PX, width - RIGHT_PX), cut(x(one.until_ms), LEFT_PX, width - RIGHT_PX)];
    const [top, bottom] = [cut(y(one.high_m ?? 1e9), TOP_PX, height - BOTTOM_PX), cut(y(one.low_m ?? -1e9), TOP_PX, height - BOTTOM_PX)];
    return { x: left, y: top, width: Math.max(2, right - left), height: Math.max(2, bottom - top) };
  };
  const numbers = [...new Set(boxes.map((one) => one.number))];
  const press = (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step !== undefined && boxes.length) {
      event.preventDefault();
      event.stopPropagation();
      setPlace((place + step + boxes.length) % boxes.length);
    } else if (event.key === "Enter" && boxes[place]?.thing) open(boxes[place].thing.key);
  };
  const drawn = useMemo(() => {
    const ticks = [];
    for (let at = Math.ceil(frame.from_ms / HOUR_MS) * HOUR_MS; at <= frame.until_ms; at += HOUR_MS * Math.ceil((frame.until_ms - frame.from_ms) / HOUR_MS / Math.max(3, width / 90))) ticks.push(at);
    const lines = [];
    for (let at = Math.ceil(frame.low_m / frame.unit_m / frame.step) * frame.step; at * frame.unit_m <= frame.high_m; at += frame.step) lines.push(at);
    return html`
      <defs>${numbers.map((one) => html`<${Pattern} key=${one} number=${one} />`)}</defs>
      ${lines.map((at) => html`<g key=${`h${at}`}><line class="map-side-net" x1=${LEFT_PX} x2=${width - RIGHT_PX} y1=${y(at * frame.unit_m)} y2=${y(at * frame.unit_m)} />
        <text x=${LEFT_PX - 6} y=${y(at * frame.unit_m) + 4} text-anchor="end">${formatNumber(at)}</text></g>`)}
      ${ticks.map((at) => html`<g key=${`t${at}`}><line class="map-side-net" x1=${x(at)} x2=${x(at)} y1=${TOP_PX} y2=${height - BOTTOM_PX} />
        <text x=${x(at)} y=${height - 6} text-anchor="middle">${formatUtc(at, { date: new Date(at).getUTCHours() === 0, year: false })}</text></g>`)}
      ${boxes.map((one) => {
        const isOn = one.thing !== null && (one.thing.key === selected || together.includes(one.thing.key));
        const kind = one.thing === null ? "draft" : one.thing.type;
        return html`<rect key=${one.key} ...${rect(one)} class=${`map-side-box map-side-${kind} ${isOn ? "map-side-on" : ""} ${one.thing?.isOwn ? "map-side-own" : ""}`}
          style=${kind === "activity" ? { fill: `url(#map-side-${one.number})`, stroke: `var(--party-${one.number % 8})` } : {}}
          onClick=${() => one.thing && open(one.thing.key)}><title>${one.thing ? sayThing(one.thing, state.areFeet) : t("map.draft")}</title></rect>`;
      })}
      ${things.filter((one) => one.type === "conflict" && one.of.start_us && one.of.has_band).map((one) => html`<g key=${one.key}>
        <rect ...${rect({ from_ms: one.of.start_us / 1000, until_ms: one.of.end_us / 1000, low_m: one.of.floor_m, high_m: one.of.ceiling_m })} class="map-side-meet"
          onClick=${() => open(one.key)}><title>${sayThing(one, state.areFeet)}</title></rect></g>`)}`;
  }, [boxes, things, frame, width, height, selected, together.join(" "), state.areFeet]);
  const current = boxes[Math.min(place, boxes.length - 1)];
  return html`<section class="map-side" aria-label=${t("map.side")}>
    <header class="map-side-head">
      <h2>${t("map.side")}</h2>
      <span class="muted">${t(state.areFeet ? "map.side-feet" : "map.side-metres")} · ${t("map.side-note")}</span>
      ${all.length > boxes.length ? html`<span class="muted">${t("map.side-cut", { shown: boxes.length, total: all.length })}</span>` : null}
      <button type="button" class="quiet" onClick=${() => setParams({ side: "0" })} aria-label=${t("map.side-close")}>✕</button>
    </header>
    <div class="map-side-box-all" ref=${box}>
      <svg width=${width} height=${height} role="application" tabindex="0" onKeyDown=${press}
        aria-label=${t("map.side-label", { n: boxes.length, what: current?.thing ? sayThing(current.thing, state.areFeet) : t("map.side-none") })}>
        ${drawn}
        ${current ? html`<rect class="map-side-walk" ...${rect(current)} />` : null}
        <${CursorLine} x=${x} height=${height} />
      </svg>
    </div>
    <p class="hidden-text" aria-live="polite">${current?.thing ? `${sayThing(current.thing, state.areFeet)}, ${formatBand(current.low_m, current.high_m, state.areFeet)}` : ""}</p>
  </section>`;
}

