// A value that several parts of the page look at: who changes it, and who is told.
//
// Invariants: a listener is told after the value has changed and never while it changes; equal values tell nobody.
// It keeps nothing beyond the tab.
//
//     const link = createStore({ state: "never" });
//     link.set({ state: "good" });
//     const shown = useStore(link, (one) => one.state);
import { useEffect, useRef, useState } from "./dom.js";

/**
 * @template T
 * @typedef {{
 *   get: () => T,
 *   set: (next: T | ((old: T) => T)) => void,
 *   subscribe: (listener: (value: T) => void) => () => void,
 * }} Store
 */

/**
 * @template T
 * @param {T} initial
 * @returns {Store<T>}
 */
export function createStore(initial) {
  let value = initial;
  /** @type {Set<(value: T) => void>} */
  const listeners = new Set();
  return {
    get: () => value,
    set(next) {
      const found = typeof next === "function" ? /** @type {(old: T) => T} */ (next)(value) : next;
      if (Object.is(found, value)) return;
      value = found;
      for (const listener of [...listeners]) listener(value);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/**
 * Look at a store, or a part of it, and be drawn again when that changes.
 *
 * @template T, [P=T]
 * @param {Store<T>} store
 * @param {(value: T) => P} [pick]
 * @returns {P}
 */
export function useStore(store, pick) {
  const choose = pick ?? ((/** @type {T} */ value) => /** @type {P} */ (/** @type {unknown} */ (value)));
  const part = choose(store.get());
  // What is shown, and how it was picked: the next drawing may pick something else.
  const shown = useRef({ choose, part });
  shown.current = { choose, part };
  const [, setTurn] = useState(0);
  useEffect(() => {
    const look = () => {
      if (!Object.is(shown.current.choose(store.get()), shown.current.part)) setTurn((old) => old + 1);
    };
    look(); // it may have changed between drawing and listening
    return store.subscribe(look);
  }, [store]);
  return part;
}
