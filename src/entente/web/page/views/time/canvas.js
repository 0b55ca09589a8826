// The lanes of the time bar under the hand: two canvases, one for what stands and one for the cursor.
//
// Invariants: a scrub paints the upper canvas only; dragging moves the cursor, dragging with shift or with the wheel
// sideways moves the window, the wheel alone zooms about the pointer; a click on a conflict's bar opens it.
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../../core/dom.js";
import { clean } from "../../core/safe.js";
import { useStore } from "../../core/store.js";
import { deskNowMs, formatUtc } from "../../core/time.js";
import { t } from "../../core/words.js";
import { partyLook } from "../../parts/party.js";
import { narrow } from "../../parts/table.js";
import { theme } from "../shell/theme.js";
import { layRows, paintCursor, paintLanes, readColours } from "./paint.js";
import { sayName } from "./lanes.js";
import { moveSpan, toMs, toX, zoomSpan } from "./scale.js";

const DARK = window.matchMedia("(prefers-color-scheme: dark)");
const CLICK_PX = 4;

/** @param {HTMLCanvasElement | null} canvas @param {number} width_px @param {number} height_px */
function sizeCanvas(canvas, width_px, height_px) {
  const context = canvas?.getContext("2d") ?? null;
  if (canvas === null || context === null) return null;
  const ratio = Math.min(2, window.devicePixelRatio || 1);
  const [width, height] = [Math.round(width_px * ratio), Math.round(height_px * ratio)];
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}

/**
 * @param {{ span: import("./scale.js").Span, data: import("./lanes.js").Data, cursor: import("../../core/cursor.js").Cursor,
 *   isDim: boolean, onSpan: (span: import("./scale.js").Span) => void, onMoment: (at_ms: number, isLast?: boolean) => void,
 *   onOpen: (key: string) => void }} props
 */
export function Lanes({ span, data, cursor, isDim, onSpan, onMoment, onOpen }) {
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  const under = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  const upper = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  const [width_px, setWidth] = useState(600);
  const [hint, setHint] = useState("");
  const [, setDark] = useState(0);
  const light = useStore(theme);
  const isNarrow = useStore(narrow);
  const { rows, height } = useMemo(() => layRows(data.lanes, isNarrow ? 56 : 84), [data.lanes, isNarrow]);
  const scale = { ...span, width_px };
  const colours = useMemo(readColours, [light, DARK.matches]);
  useEffect(() => {
    const one = box.current;
    if (one === null) return undefined;
    const observer = new ResizeObserver(() => setWidth(Math.max(120, one.clientWidth)));
    observer.observe(one);
    const look = () => setDark((old) => old + 1);
    DARK.addEventListener("change", look);
    return () => {
      observer.disconnect();
      DARK.removeEventListener("change", look);
    };
  }, []);
  const minute = Math.floor(deskNowMs() / 60_000);
  useLayoutEffect(() => {
    const context = sizeCanvas(under.current, width_px, height);
    if (context) paintLanes(context, scale, rows, height, data, colours, deskNowMs());
  }, [span.from_ms, span.until_ms, width_px, rows, data, colours, minute]);
  useLayoutEffect(() => {
    const context = sizeCanvas(upper.current, width_px, height);
    if (context) paintCursor(context, scale, height, cursor, deskNowMs(), colours);
  });

  const live = useRef({ scale, span });
  live.current = { scale, span };
  useEffect(() => {
    const one = box.current;
    if (one === null) return undefined;
    const wheel = (/** @type {WheelEvent} */ event) => {
      event.preventDefault();
      const now = live.current;
      const length_ms = now.span.until_ms - now.span.from_ms;
      const x_px = event.clientX - one.getBoundingClientRect().left;
      const side = event.shiftKey ? event.deltaY : event.deltaX;
      if (Math.abs(side) > (event.shiftKey ? 0 : Math.abs(event.deltaY))) onSpan(moveSpan(now.span, (side / now.scale.width_px) * length_ms));
      else onSpan(zoomSpan(now.span, 2 ** (event.deltaY / 300), toMs(now.scale, x_px)));
    };
    one.addEventListener("wheel", wheel, { passive: false });
    return () => one.removeEventListener("wheel", wheel);
  });
  const drag = useRef({ isOn: false, isPan: false, x_px: 0, span, moved_px: 0 });
  const place = (/** @type {PointerEvent} */ event) => {
    const edge = box.current?.getBoundingClientRect();
    return { x_px: event.clientX - (edge?.left ?? 0), y_px: event.clientY - (edge?.top ?? 0) };
  };
  const down = (/** @type {PointerEvent} */ event) => {
    if (event.button !== 0 && event.button !== 1) return;
    const { x_px } = place(event);
    box.current?.setPointerCapture(event.pointerId);
    drag.current = { isOn: true, isPan: event.shiftKey || event.button === 1, x_px, span, moved_px: 0 };
  };
  const move = (/** @type {PointerEvent} */ event) => {
    const { x_px, y_px } = place(event);
    const now = drag.current;
    if (!now.isOn) return setHint(findHint(data, rows, scale, x_px, y_px).words);
    now.moved_px = Math.max(now.moved_px, Math.abs(x_px - now.x_px));
    if (now.isPan) return onSpan(moveSpan(now.span, ((now.x_px - x_px) / width_px) * (now.span.until_ms - now.span.from_ms)));
    if (now.moved_px >= CLICK_PX) onMoment(toMs(scale, Math.min(width_px, Math.max(0, x_px))), false);
    return undefined;
  };
  const up = (/** @type {PointerEvent} */ event) => {
    const { x_px, y_px } = place(event);
    const now = drag.current;
    if (!now.isOn) return;
    now.isOn = false;
    const found = now.moved_px < CLICK_PX ? findHint(data, rows, scale, x_px, y_px).key : "";
    if (found) onOpen(found);
    else if (!now.isPan) onMoment(toMs(scale, Math.min(width_px, Math.max(0, x_px))));
  };
  return html`<div class="time-lanes">
    <div class="time-names" aria-hidden="true">
      ${rows.map((row) => html`<span key=${`${row.kind}-${row.top}`} style=${{ top: `${row.top}px`, height: `${row.height}px` }}
        class=${row.lane ? `party party-${row.lane.number % 8}` : "muted"}>
        ${row.lane
          ? html`<span class="party-mark"></span><bdi>${partyLook(row.lane.party).letter}</bdi>`
          : row.kind === "axis" ? "UTC" : t(`time.row-${row.kind}`)}</span>`)}
    </div>
    <div class=${`time-canvas ${isDim ? "time-dim" : ""}`} ref=${box} style=${{ height: `${height}px` }} title=${hint}
      onPointerDown=${down} onPointerMove=${move} onPointerUp=${up} onPointerCancel=${() => { drag.current.isOn = false; }}>
      <canvas ref=${under}></canvas><canvas ref=${upper}></canvas>
    </div>
  </div>`;
}

/**
 * @param {import("./lanes.js").Data} data @param {readonly import("./paint.js").Row[]} rows
 * @param {import("./scale.js").Scale} scale @param {number} x_px @param {number} y_px
 * @returns {{ words: string, key: string }}
 */
function findHint(data, rows, scale, x_px, y_px) {
  const row = rows.find((one) => y_px >= one.top && y_px <= one.top + one.height);
  const at_ms = toMs(scale, x_px);
  const slack_ms = Math.abs(toMs(scale, 5) - scale.from_ms);
  const span = (/** @type {number} */ start_ms, /** @type {number} */ end_ms) => `${formatUtc(start_ms)} – ${formatUtc(end_ms)}`;
  if (row?.kind === "met") {
    const one = data.met.find((met) => at_ms >= met.start_ms - slack_ms && at_ms <= met.end_ms + slack_ms);
    return one ? { words: `${one.key.split("|").map(sayName).join(" · ")}, ${span(one.start_ms, one.end_ms)}`, key: one.key } : NO_HINT;
  }
  if (row?.kind === "marks") {
    const one = data.marks.find((mark) => Math.abs(toX(scale, mark.at_ms) - x_px) <= 6);
    return one ? { words: `${t(`time.at-${one.kind}`, { name: sayName(one.object) })}, ${clean(one.party, 24)}, ${formatUtc(one.at_ms)}`, key: "" } : NO_HINT;
  }
  const bar = row?.lane?.bars.find((one) => at_ms >= one.start_ms - slack_ms && at_ms <= one.end_ms + slack_ms);
  if (!bar) return NO_HINT;
  const thing = data.things[bar.place];
  return { words: `${clean(thing?.title ?? "", 80)} (${sayName(thing?.object ?? "")}), ${span(bar.start_ms, bar.end_ms)}`, key: "" };
}

const NO_HINT = { words: "", key: "" };
