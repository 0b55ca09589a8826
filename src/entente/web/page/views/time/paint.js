// Painting the time bar: what stands (lanes, marks, conflicts, the record's growth) on one canvas, the cursor on
// another above it, so that a scrub paints two lines and nothing else.
//
// Invariants: only what is in the window is painted; where bars would lie in one pixel they become a count; a party
// is told by colour and pattern (its letter stands beside the lane); a conflict by colour and by a bar in a lane of
// its own; nothing that is bucketed is painted as single bars.
//
//     paintLanes(context, scale, rows, data, look);
import { listTicks, nameTick, toX } from "./scale.js";

/** @typedef {import("./scale.js").Scale} Scale */
/** @typedef {{ start_ms: number, end_ms: number, place: number, flags: number }} Bar */
/**
 * @typedef {{ party: string, number: number, isOwn: boolean, count: number, bars: readonly Bar[],
 *   rows: number, counts: readonly number[], met: readonly number[], first_ms: number, step_ms: number }} Lane
 */
/** @typedef {{ kind: string, party: string, object: string, at_ms: number, isOwn: boolean }} Mark */
/** @typedef {{ key: string, rule: string, isOwn: boolean, hasAlarm: boolean, start_ms: number, end_ms: number }} Met */
/** @typedef {{ from_ms: number, until_ms: number, entries: number, alarms: number }} Bucket */
/**
 * @typedef {{ lanes: readonly Lane[], marks: readonly Mark[], met: readonly Met[], buckets: readonly Bucket[],
 *   things: readonly { object: string, title: string }[] }} Drawn
 */
/**
 * @typedef {{ kind: "axis" | "lane" | "met" | "marks" | "record", top: number, height: number, lane?: Lane }} Row
 */
/**
 * @typedef {{ ink: string, ink2: string, line: string, ground: string, conflict: string, alarm: string, accent: string,
 *   warn: string, parties: readonly string[], font: string }} Colours
 */

export const ARMED = 1;
export const IN_CONFLICT = 2;
const AXIS_PX = 18;
const MET_PX = 12;
const MARKS_PX = 14;
const RECORD_PX = 20;
const GAP_PX = 3;

/** @param {readonly Lane[]} lanes @param {number} room_px For all lanes together. @returns {{ rows: Row[], height: number }} */
export function layRows(lanes, room_px) {
  /** @type {Row[]} */
  const rows = [];
  let top = 0;
  const add = (/** @type {Row["kind"]} */ kind, /** @type {number} */ height, /** @type {Lane | undefined} */ lane) => {
    rows.push({ kind, top, height, ...(lane ? { lane } : {}) });
    top += height + GAP_PX;
  };
  add("axis", AXIS_PX, undefined);
  const height_px = Math.max(9, Math.min(24, Math.floor(room_px / Math.max(1, lanes.length)) - GAP_PX));
  for (const lane of lanes) add("lane", height_px, lane);
  add("met", MET_PX, undefined);
  add("marks", MARKS_PX, undefined);
  add("record", RECORD_PX, undefined);
  return { rows, height: top };
}

/** Give bars that meet in time rows of their own within the lane, at most four. @param {Bar[]} bars @returns {number} */
export function packBars(bars) {
  /** @type {number[]} */
  const ends = [];
  for (const bar of bars) {
    let row = ends.findIndex((end_ms) => end_ms <= bar.start_ms);
    if (row < 0) row = ends.length < 4 ? ends.length : bar.place % 4;
    ends[row] = Math.max(ends[row] ?? 0, bar.end_ms);
    /** @type {any} */ (bar).row = row;
  }
  return Math.max(1, ends.length);
}

/** @returns {Colours} As the style sheets have them now. */
export function readColours() {
  const style = getComputedStyle(document.documentElement);
  const get = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
  return {
    ink: get("--ink"),
    ink2: get("--ink-2"),
    line: get("--line"),
    ground: get("--surface"),
    conflict: get("--conflict"),
    alarm: get("--alarm"),
    accent: get("--accent"),
    warn: get("--warn"),
    parties: Array.from({ length: 8 }, (_, number) => get(`--party-${number}`)),
    font: `12px ${get("--font") || "sans-serif"}`,
  };
}

/** @type {Map<string, CanvasPattern | string>} */
const patterns = new Map();

/**
 * A party's fill: its colour, in its pattern.
 *
 * @param {CanvasRenderingContext2D} context @param {number} number @param {string} colour
 */
function partyFill(context, number, colour) {
  const key = `${number}:${colour}`;
  const known = patterns.get(key);
  if (known !== undefined) return known;
  const tile = document.createElement("canvas");
  tile.width = tile.height = 8;
  const one = tile.getContext("2d");
  if (one === null || number % 8 === 0) return colour;
  one.globalAlpha = 0.4;
  one.fillStyle = colour;
  one.fillRect(0, 0, 8, 8);
  one.globalAlpha = 1;
  one.strokeStyle = colour;
  one.lineWidth = 2;
  drawTile(one, number % 8);
  const made = context.createPattern(tile, "repeat") ?? colour;
  if (patterns.size > 100) patterns.clear();
  patterns.set(key, made);
  return made;
}

/** @param {CanvasRenderingContext2D} one @param {number} look In the order of `parts/party.js`. */
function drawTile(one, look) {
  const line = (/** @type {number[]} */ ...points) => {
    one.beginPath();
    for (let at = 0; at < points.length; at += 2) one.lineTo(points[at] ?? 0, points[at + 1] ?? 0);
    one.stroke();
  };
  if (look === 1) {
    line(-2, 6, 6, -2);
    line(2, 10, 10, 2);
  } else if (look === 2) {
    one.fillRect(1, 1, 3, 3);
    one.fillRect(5, 5, 3, 3);
  } else if (look === 3) {
    line(0, 0, 8, 8);
    line(8, 0, 0, 8);
  } else if (look === 4) {
    line(0, 2, 8, 2);
    line(0, 6, 8, 6);
  } else if (look === 5) {
    line(2, 0, 2, 8);
    line(6, 0, 6, 8);
  } else if (look === 6) {
    one.fillRect(0, 0, 4, 4);
    one.fillRect(4, 4, 4, 4);
  } else line(0, 6, 4, 2, 8, 6);
}

/**
 * Paint all that stands.
 *
 * @param {CanvasRenderingContext2D} context @param {Scale} scale @param {readonly Row[]} rows @param {number} height_px
 * @param {Drawn} data @param {Colours} look @param {number} now_ms
 */
export function paintLanes(context, scale, rows, height_px, data, look, now_ms) {
  context.clearRect(0, 0, scale.width_px, height_px);
  context.font = look.font;
  context.textBaseline = "middle";
  paintAxis(context, scale, rows, height_px, look, now_ms);
  for (const row of rows) {
    if (row.kind === "lane" && row.lane) paintLane(context, scale, row, row.lane, look);
    else if (row.kind === "met") paintMet(context, scale, row, data.met, look);
    else if (row.kind === "marks") paintMarks(context, scale, row, data.marks, look, now_ms);
    else if (row.kind === "record") paintRecord(context, scale, row, data.buckets, look);
  }
}

/**
 * @param {CanvasRenderingContext2D} context @param {Scale} scale @param {readonly Row[]} rows @param {number} height_px
 * @param {Colours} look @param {number} now_ms
 */
function paintAxis(context, scale, rows, height_px, look, now_ms) {
  const { step_ms, ticks } = listTicks(scale);
  context.fillStyle = look.ink2;
  context.strokeStyle = look.line;
  context.lineWidth = 1;
  for (const tick of ticks) {
    const x = Math.round(toX(scale, tick.at_ms)) + 0.5;
    context.beginPath();
    context.moveTo(x, tick.isDay ? 0 : 12);
    context.lineTo(x, height_px);
    context.stroke();
    context.fillStyle = tick.isDay ? look.ink : look.ink2;
    context.fillText(nameTick(tick.at_ms, step_ms), x + 4, 8);
  }
  for (const row of rows) {
    context.fillStyle = look.line;
    if (row.kind !== "axis") context.fillRect(0, row.top + row.height + 1, scale.width_px, 1);
  }
  // What is still to come is a plan: it lies on a lighter ground.
  const now_px = toX(scale, now_ms);
  if (now_px < scale.width_px) {
    context.globalAlpha = 0.05;
    context.fillStyle = look.accent;
    context.fillRect(Math.max(0, now_px), AXIS_PX, scale.width_px, height_px);
    context.globalAlpha = 1;
  }
}

/** @param {CanvasRenderingContext2D} context @param {Scale} scale @param {Row} row @param {Lane} lane @param {Colours} look */
function paintLane(context, scale, row, lane, look) {
  const colour = look.parties[lane.number % 8] ?? look.ink;
  const fill = partyFill(context, lane.number, colour);
  if (lane.counts.length) {
    paintCounts(context, scale, row, lane, fill, look);
    return;
  }
  const height_px = Math.max(3, Math.floor(row.height / lane.rows) - 1);
  context.lineWidth = 1;
  for (const bar of lane.bars) {
    if (bar.end_ms < scale.from_ms || bar.start_ms > scale.until_ms) continue;
    const x = Math.max(-4, toX(scale, bar.start_ms));
    const width = Math.max(2, Math.min(scale.width_px + 4, toX(scale, bar.end_ms)) - x);
    const y = row.top + Math.min(/** @type {any} */ (bar).row, lane.rows - 1) * (height_px + 1);
    context.fillStyle = fill;
    context.fillRect(x, y, width, height_px);
    const isMet = (bar.flags & IN_CONFLICT) !== 0;
    context.strokeStyle = isMet ? look.conflict : colour;
    context.lineWidth = isMet ? 2 : 1;
    context.strokeRect(x + 0.5, y + 0.5, Math.max(1, width - 1), height_px - 1);
    if (bar.flags & ARMED) paintArmed(context, x, y, height_px, look);
  }
}

/** @param {CanvasRenderingContext2D} context @param {number} x @param {number} y @param {number} height_px @param {Colours} look */
function paintArmed(context, x, y, height_px, look) {
  context.fillStyle = look.ink;
  context.beginPath();
  context.moveTo(Math.max(0, x), y);
  context.lineTo(Math.max(0, x) + 7, y + height_px / 2);
  context.lineTo(Math.max(0, x), y + height_px);
  context.fill();
}

/**
 * @param {CanvasRenderingContext2D} context @param {Scale} scale @param {Row} row @param {Lane} lane
 * @param {CanvasPattern | string} fill @param {Colours} look
 */
function paintCounts(context, scale, row, lane, fill, look) {
  const most = Math.max(1, ...lane.counts);
  lane.counts.forEach((count, place) => {
    if (!count) return;
    const from_ms = lane.first_ms + place * lane.step_ms;
    if (from_ms > scale.until_ms || from_ms + lane.step_ms < scale.from_ms) return;
    const x = toX(scale, from_ms);
    const width = Math.max(1, toX(scale, from_ms + lane.step_ms) - x);
    const height = Math.max(2, row.height * Math.sqrt(count / most));
    context.fillStyle = fill;
    context.fillRect(x, row.top + row.height - height, width, height);
    const met = lane.met[place] ?? 0;
    if (!met) return;
    context.fillStyle = look.conflict;
    context.fillRect(x, row.top + row.height - 3, width, 3);
  });
}

/** @param {CanvasRenderingContext2D} context @param {Scale} scale @param {Row} row @param {readonly Met[]} met @param {Colours} look */
function paintMet(context, scale, row, met, look) {
  for (const one of met) {
    if (one.end_ms < scale.from_ms || one.start_ms > scale.until_ms) continue;
    const x = Math.max(-4, toX(scale, one.start_ms));
    const width = Math.max(4, Math.min(scale.width_px + 4, toX(scale, one.end_ms)) - x);
    context.fillStyle = one.hasAlarm ? look.alarm : look.conflict;
    context.strokeStyle = look.conflict;
    context.lineWidth = 1.5;
    if (one.isOwn || one.hasAlarm) context.fillRect(x, row.top + 1, width, row.height - 2);
    else context.strokeRect(x + 1, row.top + 2, Math.max(2, width - 2), row.height - 4);
  }
}

/**
 * @param {CanvasRenderingContext2D} context @param {Scale} scale @param {Row} row @param {readonly Mark[]} marks
 * @param {Colours} look @param {number} now_ms
 */
function paintMarks(context, scale, row, marks, look, now_ms) {
  const middle = row.top + row.height / 2;
  for (const mark of marks) {
    if (mark.at_ms < scale.from_ms || mark.at_ms > scale.until_ms) continue;
    const x = toX(scale, mark.at_ms);
    const isOver = mark.kind === "acknowledgement" && mark.at_ms < now_ms;
    const isAlarm = mark.kind === "alarm";
    context.fillStyle = context.strokeStyle = isAlarm || (isOver && mark.isOwn) ? look.conflict : look.ink;
    context.lineWidth = 1.5;
    context.beginPath();
    if (mark.kind === "acknowledgement") context.arc(x, middle, 4, 0, 2 * Math.PI);
    else if (isAlarm) context.rect(x - 4, middle - 4, 8, 8);
    else if (mark.kind === "concurrence") pathPoints(context, x, middle, [0, -5, 5, 0, 0, 5, -5, 0]);
    else pathPoints(context, x, middle, [-5, -4, 5, -4, 0, 5]);
    context.closePath();
    if (mark.isOwn || isAlarm) context.fill();
    else context.stroke();
  }
}

/** @param {CanvasRenderingContext2D} context @param {number} x @param {number} y @param {readonly number[]} points */
function pathPoints(context, x, y, points) {
  for (let at = 0; at < points.length; at += 2) context.lineTo(x + (points[at] ?? 0), y + (points[at + 1] ?? 0));
}

/**
 * @param {CanvasRenderingContext2D} context @param {Scale} scale @param {Row} row @param {readonly Bucket[]} buckets
 * @param {Colours} look
 */
function paintRecord(context, scale, row, buckets, look) {
  const most = Math.max(1, ...buckets.map((one) => one.entries));
  for (const one of buckets) {
    if (!one.entries || one.until_ms < scale.from_ms || one.from_ms > scale.until_ms) continue;
    const x = toX(scale, one.from_ms);
    const width = Math.max(1, toX(scale, one.until_ms) - x - 0.5);
    const height = Math.max(2, (row.height - 1) * Math.sqrt(one.entries / most));
    context.fillStyle = look.ink2;
    context.fillRect(x, row.top + row.height - height, width, height);
    if (!one.alarms) continue;
    context.fillStyle = look.conflict;
    context.fillRect(x, row.top, width, 4);
  }
}

/**
 * Paint the cursor and now: all that a scrub changes.
 *
 * @param {CanvasRenderingContext2D} context @param {Scale} scale @param {number} height_px
 * @param {{ at_ms: number, isNow: boolean, isThen: boolean, isSettling: boolean }} cursor @param {number} now_ms
 * @param {Colours} look
 */
export function paintCursor(context, scale, height_px, cursor, now_ms, look) {
  context.clearRect(0, 0, scale.width_px, height_px);
  const now_px = Math.round(toX(scale, now_ms)) + 0.5;
  context.lineWidth = 1.5;
  context.strokeStyle = look.accent;
  context.setLineDash([4, 3]);
  line(context, now_px, height_px);
  context.setLineDash([]);
  if (cursor.isNow) return;
  const x = Math.round(toX(scale, cursor.at_ms)) + 0.5;
  context.strokeStyle = context.fillStyle = look.ink;
  context.lineWidth = 2;
  if (cursor.isSettling) context.setLineDash([2, 3]);
  line(context, x, height_px);
  context.setLineDash([]);
  context.beginPath();
  context.moveTo(x - 6, 0);
  context.lineTo(x + 6, 0);
  context.lineTo(x, 9);
  context.fill();
}

/** @param {CanvasRenderingContext2D} context @param {number} x @param {number} height_px */
function line(context, x, height_px) {
  context.beginPath();
  context.moveTo(x, 0);
  context.lineTo(x, height_px);
  context.stroke();
}
