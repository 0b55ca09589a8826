// Whose turn it is to sound: of all tabs of this browser one, and never none.
//
// Invariants: the turn is a lock of the browser's, so that a tab that is closed or thrown away loses it at once; a tab
// that holds it and does not answer (it hangs, it is frozen) has it taken away after `UNANSWERED` questions; where the
// browser has no locks each tab sounds: two are better than none.
//
// It makes no sound.
//
//     wantTurn(true);
//     useStore(turn)   // "mine", "another": some other tab sounds, "none"
import { createStore } from "../../core/store.js";

const NAME = "entente.alarm";
const ASK_MS = 1500;
/** Questions are answered by messages, which no browser holds back as it does timers. */
const UNANSWERED = 3;

/** @type {import("../../core/store.js").Store<"none" | "mine" | "another">} */
export const turn = createStore(/** @type {"none" | "mine" | "another"} */ ("none"));

let [isWanted, isWaiting, unanswered] = [false, false, 0];
/** @type {(() => void) | null} */
let giveBack = null;
/** @type {AbortController | null} */
let waiting = null;
/** @type {BroadcastChannel | null} */
let channel = null;

/** @param {boolean} isTaking Whether to take the turn from a tab that does not answer. */
async function wait(isTaking) {
  isWaiting = true;
  const own = new AbortController();
  waiting = own;
  try {
    await navigator.locks.request(NAME, isTaking ? { steal: true } : { signal: own.signal }, () => {
      if (!isWanted || waiting !== own) return undefined;
      isWaiting = false;
      turn.set("mine");
      return new Promise((resolve) => {
        giveBack = () => resolve(undefined);
      });
    });
  } catch {
    // given up, or taken away by a tab to which we did not answer in time
  }
  if (waiting !== own) return;
  [giveBack, waiting, isWaiting] = [null, null, false];
  if (turn.get() === "mine") turn.set("none");
  if (isWanted) wait(false);
}

function ask() {
  if (!isWanted || !isWaiting) return;
  if (unanswered >= UNANSWERED) {
    unanswered = 0;
    waiting?.abort();
    wait(true);
    return;
  }
  unanswered += 1;
  channel?.postMessage("whose");
}

/** Want the turn, or leave it to others. @param {boolean} isOn */
export function wantTurn(isOn) {
  if (isOn === isWanted) return;
  [isWanted, unanswered] = [isOn, 0];
  if (navigator.locks === undefined) {
    turn.set(isOn ? "mine" : "none");
  } else if (isOn) {
    if (waiting === null) wait(false);
    ask();
  } else {
    giveBack?.();
    waiting?.abort();
    if (turn.get() === "mine") turn.set("none");
  }
}

/** Do something if no tab has the turn. @param {() => void} run */
export function whileNobodyHas(run) {
  if (navigator.locks === undefined) run();
  else navigator.locks.request(NAME, { ifAvailable: true }, (lock) => void (lock !== null && run()));
}

/** See whether another tab has the turn; `turn` says so a moment later. */
export function lookAround() {
  if (navigator.locks === undefined || turn.get() === "mine") return;
  navigator.locks.query().then((all) => {
    const isHeld = (all.held ?? []).some((one) => one.name === NAME);
    if (turn.get() !== "mine") turn.set(isHeld ? "another" : "none");
  });
}

/** Called once. */
export function startTurn() {
  if (navigator.locks === undefined) return;
  // A browser that puts tabs to sleep to save power leaves alone one that holds a lock.
  navigator.locks.request("entente.awake", { mode: "shared" }, () => new Promise(() => {}));
  channel = new BroadcastChannel(NAME);
  channel.onmessage = (event) => {
    if (event.data === "whose" && turn.get() === "mine") channel?.postMessage("mine");
    else if (event.data === "mine") unanswered = 0;
  };
  window.setInterval(ask, ASK_MS);
}
