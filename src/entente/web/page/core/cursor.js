// The one time cursor of the page: map, lanes, conflicts and record show the moment that it stands at.
//
// Two questions are kept apart. *Which moment* of the activities is shown (`t`); and *what was known* about it: all
// that is known now, or only what stood in the record at that moment (`known=then`): a replay. Both are in the
// address. Without `t` the cursor is at now and moves with it.
//
// By which clock? By the host's signed times where it gave any: what this desk could have known. The authors' own
// times are used where it gave none, and the time bar says which of the two it is.
//
// Invariants: `at_ms` is a moment of the desk's clock; `at_size` is null for "all that is known", or the size of
// the record that is shown; while it is being looked up, `isSettling` says so, and nothing older is called current;
// of a moment that is still to come nothing was known "then": all that is known now is shown.
//
//     const cursor = useCursor();   // { at_ms, isNow, isThen, at_size, isSettling }
//     setCursor(Date.UTC(2026, 10, 29, 3), { then: true });
import { useEffect, useState } from "./dom.js";
import { AskError, look } from "./api.js";
import { onLive } from "./live.js";
import { route, setParams } from "./route.js";
import { createStore, useStore } from "./store.js";
import { deskNowMs, encodeUtc, parseUtc } from "./time.js";

/**
 * @typedef {{ at_ms: number, size: number, clock: string, record_ms: number | null, error: AskError | null }} RecordAt
 *   `clock`: whose, "recorded" (the host's signed times) or "claimed" (the authors' own). `record_ms`: when by that
 *   clock the last of those entries was there. With an `error` no size was had.
 */

/**
 * The size of the record at the cursor's moment, kept by `useSettling`: null while not known.
 *
 * @type {import("./store.js").Store<RecordAt | null>}
 */
export const recordAt = createStore(/** @type {RecordAt | null} */ (null));

/**
 * Where the cursor is while it is dragged or playing: drawn at once, written into the address a little later.
 *
 * @type {import("./store.js").Store<number | null>}
 */
export const moving = createStore(/** @type {number | null} */ (null));

/**
 * @typedef {{ at_ms: number, isNow: boolean, isThen: boolean, at_size: number | null, isSettling: boolean }} Cursor
 */

/** @returns {Cursor} */
export function readCursor() {
  const { params } = route.get();
  const dragged = moving.get();
  const fixed_ms = dragged ?? parseUtc(params["t"] ?? "");
  const at_ms = fixed_ms ?? deskNowMs();
  const isThen = params["known"] === "then" && fixed_ms !== null && fixed_ms < deskNowMs();
  const found = recordAt.get();
  const isSettling = isThen && (found?.at_ms !== fixed_ms || found.error !== null);
  return { at_ms, isNow: fixed_ms === null, isThen, at_size: isThen && !isSettling ? (found?.size ?? null) : null, isSettling };
}

/**
 * @param {number | null} at_ms Null: now.
 * @param {{ then?: boolean, replace?: boolean }} [how] `then`: only what was known at that moment.
 */
export function setCursor(at_ms, how = {}) {
  moving.set(null);
  /** @type {Record<string, string | null>} */
  const patch = { t: at_ms === null ? null : encodeUtc(at_ms) };
  if (at_ms === null) patch["known"] = null;
  else if (how.then !== undefined) patch["known"] = how.then ? "then" : null;
  setParams(patch, { replace: how.replace ?? false });
}

/**
 * Look at the cursor; drawn again when it moves, and while it is at now every `every_s` seconds.
 *
 * @param {number} [every_s] @returns {Cursor}
 */
export function useCursor(every_s = 30) {
  useStore(route);
  useStore(moving);
  useStore(recordAt);
  const [, setTick] = useState(0);
  const cursor = readCursor();
  useEffect(() => {
    if (!cursor.isNow) return undefined;
    const timer = window.setInterval(() => setTick((one) => one + 1), every_s * 1000);
    return () => window.clearInterval(timer);
  }, [cursor.isNow, every_s]);
  return cursor;
}

/** A scrub asks for the moments at which it rests, not for all that it passes. */
const REST_MS = 90;

/** Keep `recordAt` for the cursor's moment. Mounted once, by the time bar. */
export function useSettling() {
  useEffect(() => {
    let stop = new AbortController();
    let timer = 0;
    let asked_ms = Number.NaN;
    const settle = async (/** @type {number} */ at_ms) => {
      stop.abort();
      stop = new AbortController();
      const { signal } = stop;
      try {
        const found = await findSize(at_ms, signal);
        if (!signal.aborted) recordAt.set({ at_ms, error: null, ...found });
      } catch (error) {
        if (signal.aborted) return;
        const told = error instanceof AskError ? error : new AskError({ code: "fault", message: String(error) }, 0);
        recordAt.set({ at_ms, size: 0, clock: "", record_ms: null, error: told });
      }
    };
    const watch = () => {
      const cursor = readCursor();
      if (!cursor.isThen || !cursor.isSettling) {
        asked_ms = Number.NaN;
        return;
      }
      if (asked_ms === cursor.at_ms) return;
      asked_ms = cursor.at_ms;
      window.clearTimeout(timer);
      timer = window.setTimeout(() => settle(cursor.at_ms), moving.get() === null ? 0 : REST_MS);
    };
    watch();
    const again = () => {
      // A line that came back may tell what could not be had; what was had of the past stays as it is.
      if (recordAt.get()?.error) recordAt.set(null);
      asked_ms = Number.NaN;
      watch();
    };
    const leave = [route.subscribe(watch), moving.subscribe(watch), onLive(["awake", "reset", "link"], again)];
    return () => {
      stop.abort();
      window.clearTimeout(timer);
      for (const one of leave) one();
    };
  }, []);
}

/** @param {number} at_ms @param {AbortSignal} signal */
async function findSize(at_ms, signal) {
  for (const clock of ["recorded", "claimed"]) {
    const answer = await look("moments", { at_us: at_ms * 1000, buckets: 1, clock }, signal);
    if (answer.at === null && clock === "recorded") continue;
    const record_ms = answer.at?.us ? Math.floor(answer.at.us / 1000) : null;
    // SECURITY: a question about size 0 is one about the newest: of a moment before the record began the first entry is
    // shown, which is the charter and nothing else (tests/browser/test_page_time.py).
    return { size: Math.max(1, answer.at?.size ?? 0), clock, record_ms };
  }
  throw new AskError({ code: "no-moment", message: "moments: expected the size of the record at a moment, got none" }, 0);
}
