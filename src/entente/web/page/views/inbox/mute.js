// Quiet for some minutes, in this tab alone: it ends by itself, and is shown as long as it lasts.
//
// Invariants: it never lasts longer than was asked for, also when the device slept or its clock was set back; another
// tab is not muted with it; a reload keeps it.
//
//     mute(10);
//     leftOfMute_s()   // 600; 0: not muted
import { createStore } from "../../core/store.js";

export const MUTE_MIN = /** @type {readonly number[]} */ ([2, 10, 30]);
const SLOT = "entente.mute";

/** @typedef {{ wall_ms: number, here_ms: number, span_ms: number }} Mute */

/** @type {import("../../core/store.js").Store<Mute | null>} */
export const muted = createStore(/** @type {Mute | null} */ (null));

/** @param {string | null} text */
function keep(text) {
  try {
    if (text === null) window.sessionStorage.removeItem(SLOT);
    else window.sessionStorage.setItem(SLOT, text);
  } catch {
    // storage is switched off: a reload sounds again
  }
}

/** @param {number} minutes 0 ends it. */
export function mute(minutes) {
  const now_ms = Date.now();
  muted.set(minutes > 0 ? { wall_ms: now_ms, here_ms: performance.now(), span_ms: minutes * 60_000 } : null);
  keep(minutes > 0 ? String(now_ms + minutes * 60_000) : null);
}

/** @returns {number} Seconds that are left of it; 0: not muted. */
export function leftOfMute_s() {
  const one = muted.get();
  if (one === null) return 0;
  // One of the clocks may stand still (the device slept) or be set back: the one that went further counts.
  const passed_ms = Math.max(performance.now() - one.here_ms, Date.now() - one.wall_ms);
  if (passed_ms < one.span_ms) return (one.span_ms - passed_ms) / 1000;
  mute(0);
  return 0;
}

/** Take up what was muted before a reload. A tab that was copied from this one begins with sound. */
export function startMute() {
  try {
    const [entry] = performance.getEntriesByType("navigation");
    const until_ms = Number(window.sessionStorage.getItem(SLOT) ?? 0);
    const isReload = entry instanceof PerformanceNavigationTiming && entry.type === "reload";
    const left_ms = Math.min(until_ms - Date.now(), Math.max(...MUTE_MIN) * 60_000);
    if (isReload && left_ms > 0) muted.set({ wall_ms: Date.now(), here_ms: performance.now(), span_ms: left_ms });
    else keep(null);
  } catch {
    // as above
  }
}
