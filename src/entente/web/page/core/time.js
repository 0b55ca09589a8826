// Times: the desk's clock, UTC first and local beside it.
//
// Invariants: what the page calls "now" is the desk's now (an exercise may run in another year and faster), never
// this device's; how far the two are apart is known, and shown when it matters. Times of the record are text of up
// to six decimals, or whole microseconds: both are read, neither is rounded up. How long ago something was is told by
// both clocks of this device: one may stand still in its sleep, the other be set back.
//
//     formatUtc(deskNowMs())   // "29 Nov 2026 03:02Z"

/** @typedef {{ desk_ms: number, here_ms: number, wall_ms: number, rate: number }} Anchor */

/** @type {Anchor} */
let anchor = { desk_ms: Date.now(), here_ms: performance.now(), wall_ms: Date.now(), rate: 1 };
/** Whether the desk has told its time yet. */
let isAnchored = false;

/**
 * Take the desk's clock, from its session answer or a beat of its events.
 *
 * @param {number} now_ms @param {number} [rate] How many seconds of it pass in one of ours.
 */
export function setDeskClock(now_ms, rate = anchor.rate) {
  anchor = { desk_ms: now_ms, here_ms: performance.now(), wall_ms: Date.now(), rate };
  isAnchored = true;
}

/** @returns {{ here_ms: number, wall_ms: number }} A moment on this device, to be asked how long ago it was. */
export const markHere = () => ({ here_ms: performance.now(), wall_ms: Date.now() });

/** @param {{ here_ms: number, wall_ms: number }} mark @returns {number} How long ago, by the clock that went further. */
export const passedMs = (mark) => Math.max(performance.now() - mark.here_ms, Date.now() - mark.wall_ms);

/** Give the desk's now, in milliseconds since 1970. */
export function deskNowMs() {
  return anchor.desk_ms + passedMs(anchor) * anchor.rate;
}

/** Give how many seconds of the desk pass in one of ours: not 1 in an exercise. */
export function deskRate() {
  return anchor.rate;
}

/** Give how far this device's clock is ahead of the desk's, in seconds; 0 in an exercise or before it is known. */
export function clockSkew_s() {
  return isAnchored && anchor.rate === 1 ? Math.round((anchor.wall_ms - anchor.desk_ms) / 1000) : 0;
}

/** @param {string} text A time of the record, "2026-11-29T03:02:13.123456Z". @returns {number | null} */
export function parseUtc(text) {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?Z$/.test(text)) return null;
  const found = Date.parse(text);
  return Number.isNaN(found) ? null : found;
}

/** @param {number} ms @returns {string} "2026-11-29T03:02:13Z", for addresses */
export function encodeUtc(ms) {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** @param {number} value */
const two = (value) => String(value).padStart(2, "0");

/**
 * Write a time in UTC, as every side writes it: "29 Nov 2026 03:02Z".
 *
 * @param {number} ms @param {{ seconds?: boolean, date?: boolean, year?: boolean }} [how]
 */
export function formatUtc(ms, how = {}) {
  if (!Number.isFinite(ms) || Math.abs(ms) > 8.64e15) return "?";
  const one = new Date(ms);
  const seconds = how.seconds ? `:${two(one.getUTCSeconds())}` : "";
  const clock = `${two(one.getUTCHours())}:${two(one.getUTCMinutes())}${seconds}Z`;
  if (how.date === false) return clock;
  const year = how.year === false ? "" : ` ${one.getUTCFullYear()}`;
  return `${two(one.getUTCDate())} ${MONTHS[one.getUTCMonth()]}${year} ${clock}`;
}

/** @param {number} ms @returns {string} The same moment by this device's time zone, "04:02 UTC+1". */
export function formatLocal(ms) {
  if (!Number.isFinite(ms) || Math.abs(ms) > 8.64e15) return "?";
  const one = new Date(ms);
  const offset_min = -one.getTimezoneOffset();
  const day = one.getDate() === one.getUTCDate() ? "" : `${two(one.getDate())} ${MONTHS[one.getMonth()]} `;
  const sign = offset_min < 0 ? "−" : "+";
  const rest = Math.abs(offset_min) % 60;
  const zone = `UTC${sign}${Math.floor(Math.abs(offset_min) / 60)}${rest ? `:${two(rest)}` : ""}`;
  return `${day}${two(one.getHours())}:${two(one.getMinutes())} ${zone}`;
}

/** @param {number} seconds @returns {string} "2 h 05 min", "45 s", "3 d 4 h": cut off, never rounded up */
export function formatSpan(seconds) {
  const left = Math.floor(Math.abs(seconds));
  if (left < 60) return `${left} s`;
  if (left < 3600) return `${Math.floor(left / 60)} min${left < 600 ? ` ${two(left % 60)} s` : ""}`;
  if (left < 86_400) return `${Math.floor(left / 3600)} h ${two(Math.floor((left % 3600) / 60))} min`;
  return `${Math.floor(left / 86_400)} d ${Math.floor((left % 86_400) / 3600)} h`;
}
