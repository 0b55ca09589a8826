// What is due, asked for once for the whole page: the alarm, its banner and the view look at the same answer.
//
// Invariants: what could not be asked anew stays and is marked stale, since when; an item goes when the desk no longer
// lists it, and never because somebody here acted. Live events ask again; so does every half minute.
//
//     startDue();
//     const due = useStore(dueStore);   // { items, at_ms, error, isStale }
import { AskError, look } from "../../core/api.js";
import { onLive } from "../../core/live.js";
import { createStore } from "../../core/store.js";
import { deskNowMs } from "../../core/time.js";
import { arrange } from "./items.js";

const CALM_MS = 250;
const EVERY_MS = 30_000;

/**
 * @typedef {{
 *   all: readonly import("./items.js").Item[],
 *   groups: readonly { urgency: "now" | "soon" | "later", items: readonly import("./items.js").Item[] }[],
 *   at_ms: number, here_ms: number, isKnown: boolean, isStale: boolean, error: AskError | null,
 * }} Due `at_ms`: by the desk's clock. `here_ms`: when the last good answer came, by this device's.
 */

/** @type {import("../../core/store.js").Store<Due>} */
export const dueStore = createStore(
  /** @type {Due} */ ({ all: [], groups: [], at_ms: 0, here_ms: 0, isKnown: false, isStale: false, error: null }),
);

let [isAsking, isWanted, last_ms] = [false, false, 0];
/** @type {number | undefined} */
let timer;

async function ask() {
  if (isAsking) {
    isWanted = true;
    return;
  }
  [isAsking, isWanted, last_ms] = [true, false, Date.now()];
  try {
    const items = await look("inbox");
    dueStore.set({ ...arrange(items), at_ms: deskNowMs(), here_ms: Date.now(), isKnown: true, isStale: false, error: null });
  } catch (error) {
    const told = error instanceof AskError ? error : new AskError({ code: "fault", message: String(error) }, 0);
    dueStore.set((old) => ({ ...old, isStale: true, error: told }));
  }
  isAsking = false;
  if (isWanted) askSoon();
}

/** Ask again, a moment later where it was just asked. */
export function askSoon() {
  const wait_ms = CALM_MS - (Date.now() - last_ms);
  if (wait_ms <= 0) {
    // At once: a tab in the background has its timers held back, and an event may have woken it.
    window.clearTimeout(timer);
    timer = undefined;
    ask();
  } else if (timer === undefined) {
    timer = window.setTimeout(() => {
      timer = undefined;
      ask();
    }, wait_ms);
  }
}

let isStarted = false;

/** Begin to ask; once, however often it is called. */
export function startDue() {
  if (isStarted) return;
  isStarted = true;
  onLive(["entry", "alarm", "link", "work", "own", "reset", "awake"], askSoon);
  // After a sleep, or a line that was down, it is old until it was asked for again.
  onLive(["awake"], () => dueStore.set((old) => (old.isKnown ? { ...old, isStale: true } : old)));
  // A beat comes in the background too, where timers are held back.
  onLive(["beat"], () => Date.now() - last_ms > EVERY_MS - 5000 && askSoon());
  window.setInterval(askSoon, EVERY_MS);
  ask();
}
