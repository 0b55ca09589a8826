// The alarm's sound, made by the browser itself: no file, and nothing asked for over the line.
//
// Invariants: bursts are laid down ahead by the clock of the sound, so that a tab in the background, whose timers are
// held back, goes on sounding, and a tab that hangs falls silent within `AHEAD_S`; whether the browser lets sound is
// found out and never assumed; while nothing rings, the sound's clock stands still.
//
// It knows nothing of what is due, nor whether a loudspeaker is on: no page can.
//
//     startSound();
//     ring(2);
//     hush();
import { createStore } from "../../core/store.js";

/** @typedef {"unknown" | "ready" | "barred" | "none"} SoundState `barred`: not until somebody presses or clicks. */

/** @type {import("../../core/store.js").Store<SoundState>} */
export const sound = createStore(/** @type {SoundState} */ ("unknown"));

/** How far ahead sound is laid down: longer than a minute, which is how seldom a hidden tab's timers may run. */
const AHEAD_S = 65;
const PROBE_MS = 500;
const LENGTH_S = 0.16;
const PAUSE_S = 0.1;

/** @typedef {{ notes_hz: readonly number[], every_s: number, gain: number }} Pattern */

/**
 * What is nearer to its end sounds longer, higher, louder and more often. 0 is "cannot hear": low, falling and seldom.
 *
 * @type {readonly Pattern[]}
 */
const PATTERNS = [
  { notes_hz: [392, 294], every_s: 20, gain: 0.25 },
  { notes_hz: [659, 659], every_s: 12, gain: 0.2 },
  { notes_hz: [659, 784, 659], every_s: 8, gain: 0.32 },
  { notes_hz: [784, 988, 784, 988], every_s: 5, gain: 0.5 },
  { notes_hz: [988, 1319, 988, 1319, 988], every_s: 3, gain: 0.75 },
];

/** @type {AudioContext | null} */
let context = null;
/** @type {number | null} */
let ringing = null;
let laid_s = 0;
/** @type {Set<OscillatorNode>} */
const laid = new Set();
/** @type {number | undefined} */
let probing;

/** Ask the browser for sound, and know a moment later whether it lets us. */
function probe() {
  if (context === null) return;
  // Where sound is not let yet, this is answered only once it is: so nobody waits for the answer.
  context.resume().then(settle, () => {});
  window.clearTimeout(probing);
  probing = window.setTimeout(() => {
    if (context !== null && context.state !== "running") sound.set("barred");
  }, PROBE_MS);
}

function settle() {
  if (context === null || context.state !== "running") return;
  window.clearTimeout(probing);
  sound.set("ready");
  if (ringing === null && laid.size === 0) context.suspend().catch(() => {});
}

/** Try whether the browser lets sound; it may without anybody having pressed, where its owner set it so. */
export function trySound() {
  if (context === null) {
    try {
      context = new AudioContext({ latencyHint: "playback" });
    } catch {
      sound.set("none");
      return;
    }
    context.addEventListener("statechange", settle);
  }
  probe();
}

/** Find out whether there is sound; from the first key or click on there may be. Called once. */
export function startSound() {
  if (typeof AudioContext !== "function") {
    sound.set("none");
    return;
  }
  for (const name of ["keydown", "pointerup", "click"]) {
    const press = () => /^(unknown|barred)$/.test(sound.get()) && trySound();
    window.addEventListener(name, press, { capture: true, passive: true });
  }
  // Asked for before anybody pressed, it is a warning on the browser's console: not without need, then.
  if (navigator.userActivation?.hasBeenActive === false) sound.set("barred");
  else trySound();
}

/** @param {Pattern} pattern @param {number} at_s By the sound's clock. */
function layBurst(pattern, at_s) {
  const one = context;
  if (one === null) return;
  pattern.notes_hz.forEach((hz, n) => {
    const start_s = at_s + n * (LENGTH_S + PAUSE_S);
    const tone = one.createOscillator();
    const level = one.createGain();
    tone.type = "triangle";
    tone.frequency.value = hz;
    // Soft edges: a tone that is cut clicks.
    level.gain.setValueAtTime(0, start_s);
    level.gain.linearRampToValueAtTime(pattern.gain, start_s + 0.015);
    level.gain.setValueAtTime(pattern.gain, start_s + LENGTH_S - 0.03);
    level.gain.linearRampToValueAtTime(0, start_s + LENGTH_S);
    tone.connect(level).connect(one.destination);
    tone.onended = () => {
      laid.delete(tone);
      level.disconnect();
      if (ringing === null && laid.size === 0) one.suspend().catch(() => {});
    };
    laid.add(tone);
    tone.start(start_s);
    tone.stop(start_s + LENGTH_S);
  });
}

function takeUp() {
  for (const tone of laid) {
    tone.onended = null;
    tone.stop();
    tone.disconnect();
  }
  laid.clear();
}

/**
 * Ring, or go on ringing: to be called again at least once a minute.
 *
 * @param {number} grade 0: cannot hear; 1 to 4: how near the end is. @param {boolean} [isAnew] With a burst at once.
 */
export function ring(grade, isAnew = false) {
  const pattern = PATTERNS[grade];
  if (context === null || pattern === undefined) return;
  if (ringing !== grade || isAnew) {
    takeUp();
    [ringing, laid_s] = [grade, context.currentTime + 0.05];
  }
  if (context.state !== "running") probe();
  for (; laid_s < context.currentTime + AHEAD_S; laid_s += pattern.every_s) layBurst(pattern, laid_s);
}

/** Ring once: to try the sound, or for what is new while the alarm is muted. @param {number} grade */
export function ringOnce(grade) {
  const pattern = PATTERNS[grade];
  if (context === null) trySound();
  if (context === null || pattern === undefined || ringing !== null) return;
  probe();
  layBurst(pattern, context.currentTime + 0.05);
}

/** Be silent, at once. */
export function hush() {
  if (ringing === null) return;
  ringing = null;
  takeUp();
  context?.suspend().catch(() => {});
}
