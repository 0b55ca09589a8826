// Playing: the cursor moves by itself, as fast as it is told to.
//
// Invariants: it goes by the clock and not by frames, so that a slow machine shows fewer pictures of the same hour;
// what was known then is asked for at each step, so that it steps twice a second and no more; it stops where the data
// end, at now in a replay, and when anybody moves the cursor.
//
//     play(60);   pause();
import { moving, readCursor, setCursor } from "../../core/cursor.js";
import { createStore } from "../../core/store.js";
import { deskNowMs } from "../../core/time.js";

export const SPEEDS = [1, 10, 60, 600, 3600];
const STEP_MS = 500;

/** @type {import("../../core/store.js").Store<number>} How many seconds pass in one; 0: it stands. */
export const speed = createStore(0);

/** @type {number} */
let frame = 0;
let last_ms = Number.NaN;

/** @param {number} times @param {() => number} findEnd_ms Where it is to stop. */
export function play(times, findEnd_ms) {
  pause();
  speed.set(times);
  const start = readCursor();
  let [began_ms, begin_ms, drawn_ms] = [performance.now(), start.at_ms, 0];
  moving.set(Math.floor(begin_ms / 1000) * 1000);
  last_ms = moving.get() ?? Number.NaN;
  const run = () => {
    const cursor = readCursor();
    // Somebody else has moved it: he has it.
    if (moving.get() === null || moving.get() !== last_ms) return stop();
    const here_ms = performance.now();
    frame = window.requestAnimationFrame(run);
    if (cursor.isThen && (cursor.isSettling || here_ms - drawn_ms < STEP_MS)) {
      // The record's answer is waited for: what is shown is never ahead of it.
      if (cursor.isSettling) [began_ms, begin_ms] = [here_ms, cursor.at_ms];
      return undefined;
    }
    drawn_ms = here_ms;
    const at_ms = Math.floor((begin_ms + (here_ms - began_ms) * times) / 1000) * 1000;
    const end_ms = cursor.isThen ? deskNowMs() : findEnd_ms();
    if (at_ms >= end_ms) {
      stop();
      setCursor(cursor.isThen ? null : end_ms, { replace: true });
      return undefined;
    }
    last_ms = at_ms;
    moving.set(at_ms);
    return undefined;
  };
  frame = window.requestAnimationFrame(run);
}

function stop() {
  window.cancelAnimationFrame(frame);
  speed.set(0);
}

/** Stand still where the cursor is now; the address says so. */
export function pause() {
  if (speed.get() === 0) return;
  stop();
  const at_ms = moving.get();
  if (at_ms !== null) setCursor(at_ms, { replace: true });
}
