// The check at work in every tab: at the start, at each new entry, and after the tab has slept.
//
// What it finds is in `core/verification.js` for every view, and in `checked` for the record's view.
//
// Invariants: it never throws, and never asks while it is asking; a line that is down is no lie; the page's
// first picture does not wait for it.
//
//     startVerification();                                // once
//     const found = useStore(checked);                    // founding, head, firm_size, pins, late_ms ...
import { AskError, look } from "../core/api.js";
import { onLive } from "../core/live.js";
import { createStore } from "../core/store.js";
import { deskNowMs } from "../core/time.js";
import { KEPT as STORAGE, verification } from "../core/verification.js";
import { toHex } from "./bytes.js";
import { RecordCheck } from "./check.js";

/** Live events come in bursts: one question answers many. */
const CALM_MS = 400;
/** Between checks when nothing is heard. */
const BEAT_MS = 60_000;
/** An entry that was announced must be under a checkpoint by then. */
const LATE_MS = 30_000;
/** Up to this size all leaf hashes are summed up unasked; beyond, when the record is looked at. */
export const SMALL_RECORD = 20_000;

let [announced, late_ms, summing] = [0, 0, 0];
/** @type {string | null} */
let kept = null;
/** One text in this browser; where it keeps none, in this tab. */
const store = {
  read() {
    try {
      return window.localStorage.getItem(STORAGE) ?? kept;
    } catch {
      return kept;
    }
  },
  /** @param {string} text */
  write(text) {
    kept = text;
    try {
      window.localStorage.setItem(STORAGE, text);
    } catch {
      // Storage is full or switched off: what was verified holds as long as the tab.
    }
  },
};

/** The one check of this tab. In an exercise the witnesses' times are of the desk's clock. */
export const check = new RecordCheck({ look, store, now_ms: deskNowMs });

/**
 * `leaves_size`: entries of which every hash was summed up. `late_ms`: since when an entry is announced that
 * no checkpoint covers, 0 for none. `offline`: why the last check could not be made.
 *
 * @typedef {import("./check.js").CheckState & {leaves_size: number, summing: number, late_ms: number,
 *   offline: string}} Checked
 */
/** @type {import("../core/store.js").Store<Checked>} */
export const checked = createStore(/** @type {Checked} */ (describe("")));

/** @param {string} offline @returns {Checked} */
function describe(offline) {
  return {
    ...check.state,
    leaves_size: check.leaves.size,
    summing: summing ?? 0,
    late_ms: late_ms ?? 0,
    offline,
  };
}

/** @param {string} [offline] */
function publish(offline = checked.get().offline) {
  const { state, founding, head, pins, at_ms, trouble } = check.state;
  checked.set(describe(offline));
  const failure = pins?.failure ?? null;
  verification.set({
    state,
    size: head?.size ?? pins?.size ?? 0,
    at_ms: at_ms || (pins?.at_ms ?? 0),
    root: head ? toHex(head.root) : "",
    fingerprint: founding?.fingerprint ?? "",
    trouble:
      failure ??
      (trouble
        ? { code: trouble.code, words: trouble.message, expected: trouble.expected, got: trouble.got }
        : null),
  });
}

/** Tell everybody what a check outside the usual round found. */
export const publishCheck = () => publish();

let [isAsking, isWanted, wantsKeys] = [false, false, true];
/** @type {number | undefined} */
let timer;

/** Check soon; several wishes are one. @param {boolean} [keys] charter and rosters too */
export function checkSoon(keys = false) {
  wantsKeys ||= keys;
  if (timer === undefined) timer = window.setTimeout(runOnce, CALM_MS);
}

async function runOnce() {
  timer = undefined;
  if (isAsking) {
    isWanted = true;
    return;
  }
  [isAsking, isWanted] = [true, false];
  const keys = wantsKeys;
  wantsKeys = false;
  let offline = "";
  try {
    await check.run({ keys });
    await checkAnnounced();
    if ((check.state.head?.size ?? 0) <= SMALL_RECORD) await sumLeaves();
  } catch (error) {
    wantsKeys ||= keys;
    offline = error instanceof AskError ? error.message : String(error);
  }
  isAsking = false;
  publish(offline);
  if (isWanted) checkSoon();
}

/** Hashes of entries that were announced and not held against the tree yet. @type {Map<number, string>} */
const waiting = new Map();

async function checkAnnounced() {
  const size = check.state.head?.size ?? 0;
  for (const [index, leaf] of [...waiting]) {
    if (index >= size) continue;
    if ((await check.checkLeaf(index, leaf)) !== null) waiting.delete(index);
  }
  const isLate = check.state.state === "checked" && announced > size;
  late_ms = isLate ? late_ms || Date.now() : 0;
}

/** Say whether an announced entry waits longer than it may for a checkpoint. @param {Checked} found */
export function isLate(found) {
  return found.late_ms > 0 && Date.now() - found.late_ms > LATE_MS;
}

/** Sum up every leaf hash, in pieces between which the page is drawn. */
export async function sumLeaves() {
  await check.sumLeaves(async (held, size) => {
    summing = held / size;
    publish();
    await new Promise((go) => window.setTimeout(go, 0));
  });
  summing = 0;
  publish();
}

/** @param {any} data what a live event told of an entry: a wish to check, and a word to hold the desk to */
function hearEntry(data) {
  if (Number.isSafeInteger(data?.index) && typeof data.leaf === "string") {
    announced = Math.max(announced, data.index + 1);
    // A stream that starts far back tells thousands: the newest are enough, the others are summed up.
    if (waiting.size > 200) waiting.delete(/** @type {number} */ (waiting.keys().next().value));
    waiting.set(data.index, data.leaf);
  }
  checkSoon(data?.kind === "roster.statement");
}

/** Begin, once the page stands. */
export function startVerification() {
  publish();
  onLive(["entry"], hearEntry);
  onLive(["standing", "link"], () => checkSoon());
  onLive(["reset", "awake"], () => checkSoon(true));
  window.addEventListener("storage", (event) => {
    if (event.key !== STORAGE) return;
    check.reload();
    publish();
  });
  window.setInterval(() => document.visibilityState === "visible" && checkSoon(), BEAT_MS);
  checkSoon(true);
}

/** An officer looked at the failure. @param {boolean} anew forget what this browser knew */
export async function settleFailure(anew) {
  waiting.clear();
  announced = 0;
  try {
    await (anew ? check.startAnew() : check.tryAgain());
    publish("");
  } catch (error) {
    publish(error instanceof AskError ? error.message : String(error));
    checkSoon(true);
  }
}

/** Somebody compared the fingerprint by another way. */
export function setCompared() {
  check.setCompared();
  publish();
}
