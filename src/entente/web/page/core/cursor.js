// The one time cursor of the page: map, lanes, conflicts and record show the moment that it stands at.
//
// Two questions are kept apart. *Which moment* of the activities is shown (`t`); and *what was known* about it: all
// that is known now, or only what stood in the record at that moment (`known=then`): a replay. Both are in the
// address. Without `t` the cursor is at now and moves with it.
//
// Invariants: `at_ms` is a moment of the desk's clock; `at_size` is null for "all that is known", or the size of
// the record that is shown; while it is being looked up, `isSettling` says so, and nothing older is called current.
//
//     const cursor = useCursor();   // { at_ms, isNow, isThen, at_size, isSettling }
//     setCursor(Date.UTC(2026, 10, 29, 3), { then: true });
import { useEffect, useState } from "./dom.js";
import { route, setParams } from "./route.js";
import { createStore, useStore } from "./store.js";
import { deskNowMs, encodeUtc, parseUtc } from "./time.js";

/**
 * The size of the record at the cursor's moment, kept by `views/time`: null while not known.
 *
 * @type {import("./store.js").Store<{ at_ms: number, size: number } | null>}
 */
export const recordAt = createStore(/** @type {{ at_ms: number, size: number } | null} */ (null));

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
  const isThen = params["known"] === "then" && fixed_ms !== null;
  const found = recordAt.get();
  const isSettling = isThen && found?.at_ms !== fixed_ms;
  return { at_ms, isNow: fixed_ms === null, isThen, at_size: isThen ? (found?.size ?? null) : null, isSettling };
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
