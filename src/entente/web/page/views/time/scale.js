// The time bar's sums: a window of time, its width on the screen, its ticks; what is asked of the desk for it.
//
// Invariants: all times are milliseconds since 1970, of the desk's clock; a window is never shorter than a minute nor
// longer than 40 years; what is asked for covers what is shown, and stays the same while the window moves a little.
//
//     const x_px = toX(scale, at_ms);   // scale = { from_ms, until_ms, width_px }

/** @typedef {{ from_ms: number, until_ms: number }} Span */
/** @typedef {Span & { width_px: number }} Scale */

export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;
const LEAST_MS = MINUTE_MS;
const MOST_MS = 40 * 366 * DAY_MS;
const EARLIEST_MS = Date.UTC(1971, 0, 1);
const LATEST_MS = Date.UTC(2120, 0, 1);
/** Steps between ticks, and how often a step is written out. */
const STEPS_MS = [
  10_000, 30_000, MINUTE_MS, 5 * MINUTE_MS, 15 * MINUTE_MS, 30 * MINUTE_MS, HOUR_MS, 2 * HOUR_MS, 3 * HOUR_MS,
  6 * HOUR_MS, 12 * HOUR_MS, DAY_MS, 2 * DAY_MS, 7 * DAY_MS, 28 * DAY_MS, 91 * DAY_MS, 365 * DAY_MS, 1826 * DAY_MS,
];
/** Least room for a tick that bears a time. */
const ROOM_PX = 84;

/** @param {Scale} scale @param {number} at_ms */
export function toX(scale, at_ms) {
  return ((at_ms - scale.from_ms) / (scale.until_ms - scale.from_ms)) * scale.width_px;
}

/** @param {Scale} scale @param {number} x_px */
export function toMs(scale, x_px) {
  return scale.from_ms + (x_px / Math.max(1, scale.width_px)) * (scale.until_ms - scale.from_ms);
}

/** @param {Span} span @returns {Span} The same, whole and within bounds. */
export function clampSpan(span) {
  const length_ms = Math.min(MOST_MS, Math.max(LEAST_MS, span.until_ms - span.from_ms));
  const middle_ms = (span.from_ms + span.until_ms) / 2;
  const from_ms = Math.min(LATEST_MS - length_ms, Math.max(EARLIEST_MS, middle_ms - length_ms / 2));
  return { from_ms: Math.round(from_ms), until_ms: Math.round(from_ms + length_ms) };
}

/** @param {Span} span @param {number} factor Below 1: nearer. @param {number} about_ms What stays where it is. */
export function zoomSpan(span, factor, about_ms) {
  const length_ms = Math.min(MOST_MS, Math.max(LEAST_MS, (span.until_ms - span.from_ms) * factor));
  const share = (about_ms - span.from_ms) / (span.until_ms - span.from_ms);
  return clampSpan({ from_ms: about_ms - share * length_ms, until_ms: about_ms + (1 - share) * length_ms });
}

/** @param {Span} span @param {number} by_ms */
export function moveSpan(span, by_ms) {
  return clampSpan({ from_ms: span.from_ms + by_ms, until_ms: span.until_ms + by_ms });
}

/** @param {Span} span @param {number} at_ms @returns {Span} With the moment in sight: moved if it is not. */
export function showMoment(span, at_ms) {
  const length_ms = span.until_ms - span.from_ms;
  const edge_ms = length_ms * 0.06;
  if (at_ms >= span.from_ms + edge_ms && at_ms <= span.until_ms - edge_ms) return span;
  return clampSpan({ from_ms: at_ms - length_ms / 2, until_ms: at_ms + length_ms / 2 });
}

/** @param {number} first_ms @param {number} last_ms @returns {Span} All of it, with some room at both ends. */
export function fitSpan(first_ms, last_ms) {
  const room_ms = Math.max(10 * MINUTE_MS, (last_ms - first_ms) * 0.04);
  return clampSpan({ from_ms: first_ms - room_ms, until_ms: last_ms + room_ms });
}

/**
 * What is asked for: the window and as much again on each side, cut at steps, so that a small move asks nothing.
 *
 * @param {Span} span @returns {Span}
 */
export function widenSpan(span) {
  const length_ms = span.until_ms - span.from_ms;
  const step_ms = 2 ** Math.ceil(Math.log2(length_ms));
  return {
    from_ms: Math.max(0, Math.floor((span.from_ms - length_ms * 0.5) / step_ms) * step_ms),
    until_ms: Math.ceil((span.until_ms + length_ms * 0.5) / step_ms) * step_ms,
  };
}

/** @param {Scale} scale @returns {{ step_ms: number, ticks: { at_ms: number, isDay: boolean }[] }} */
export function listTicks(scale) {
  const length_ms = scale.until_ms - scale.from_ms;
  const most = Math.max(2, scale.width_px / ROOM_PX);
  const step_ms = STEPS_MS.find((one) => length_ms / one <= most) ?? /** @type {number} */ (STEPS_MS.at(-1));
  const ticks = [];
  for (let at_ms = Math.ceil(scale.from_ms / step_ms) * step_ms; at_ms <= scale.until_ms; at_ms += step_ms)
    ticks.push({ at_ms, isDay: at_ms % DAY_MS === 0 });
  return { step_ms, ticks };
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/** @param {number} value */
const two = (value) => String(value).padStart(2, "0");

/** @param {number} at_ms @param {number} step_ms @returns {string} A tick in UTC, as short as its step allows. */
export function nameTick(at_ms, step_ms) {
  const one = new Date(at_ms);
  if (step_ms >= 300 * DAY_MS) return String(one.getUTCFullYear());
  if (step_ms >= 28 * DAY_MS) return `${MONTHS[one.getUTCMonth()]} ${one.getUTCFullYear()}`;
  if (at_ms % DAY_MS === 0) return `${two(one.getUTCDate())} ${MONTHS[one.getUTCMonth()]}`;
  const seconds = step_ms < MINUTE_MS ? `:${two(one.getUTCSeconds())}` : "";
  return `${two(one.getUTCHours())}:${two(one.getUTCMinutes())}${seconds}`;
}
