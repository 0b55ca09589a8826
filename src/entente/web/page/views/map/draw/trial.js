// A draft is tried while it is drawn: the desk tells what it would conflict with, before anybody is told.
//
// Invariants: an answer is shown for the very draft that it was given for, and for no other; until it is there, and
// when none can be had, the draft is called untried and never free; only the latest question counts.
//
//     const trial = useTrial(one);   // { state: "good" | "met" | "faulty" | "incomplete" | "asking" | "failed", ... }
import { AskError, lookWith } from "../../../core/api.js";
import { useEffect, useRef, useState } from "../../../core/dom.js";
import { onLive } from "../../../core/live.js";
import { encodeShape, listFaults, readWidth } from "./draft.js";

/** After the last change. */
const REST_MS = 250;
const MOST_CORRIDORS = 40;

/**
 * @typedef {{ state: "good" | "met" | "faulty" | "incomplete" | "asking" | "failed", key: string, answer: any, volumes: any[] | null,
 *   error: AskError | null }} Trial `volumes`: the draft as a message would hold it.
 */

/** Outlines of corridors that the desk has made, by line and width. @type {Map<string, any>} */
const corridors = new Map();

/** @param {import("./draft.js").Shape} shape @param {boolean} areFeet @param {AbortSignal} stop */
async function findCorridor(shape, areFeet, stop) {
  const body = { line_e7: shape.points.map(([lat, lon]) => [Math.round(lat * 1e7), Math.round(lon * 1e7)]), half_width_cm: readWidth(shape, areFeet) };
  const key = JSON.stringify(body);
  const known = corridors.get(key);
  if (known) return known;
  const found = await lookWith("corridor", body, stop);
  if (corridors.size >= MOST_CORRIDORS) corridors.clear();
  corridors.set(key, found.outline);
  return found.outline;
}

/** @param {import("./draft.js").Draft} one */
export const trialKey = (one) => JSON.stringify([one.mode, one.id, one.to, one.kind, one.armed, one.areFeet, one.shapes]);

/** @param {import("./draft.js").Draft} one @param {any[]} volumes What the desk's `try` and `suggest` are asked. */
export function makeQuestion(one, volumes) {
  return one.mode === "notify" ? { volumes, kind: one.kind, armed: one.armed } : { activity: one.id, volumes, to: one.to.length ? one.to : null };
}

/** @param {import("./draft.js").Draft} one @param {AbortSignal} stop @returns {Promise<any[]>} */
export async function encodeDraft(one, stop) {
  return Promise.all(
    one.shapes.map(async (shape) => encodeShape(shape, one.areFeet, shape.type === "corridor" ? await findCorridor(shape, one.areFeet, stop) : null)),
  );
}

/** @param {import("./draft.js").Draft} one @returns {Trial & { last: any }} `last`: the latest answer, of a draft that may have changed. */
export function useTrial(one) {
  const key = trialKey(one);
  const [found, setFound] = useState(/** @type {Trial | null} */ (null));
  const [turn, setTurn] = useState(0);
  const last = useRef(/** @type {any} */ (null));
  const isIncomplete = listFaults(one).length > 0;
  useEffect(() => onLive(["entry", "reset", "awake"], () => setTurn((old) => old + 1)), []);
  useEffect(() => {
    if (isIncomplete) return undefined;
    const stop = new AbortController();
    const timer = window.setTimeout(async () => {
      try {
        const volumes = await encodeDraft(one, stop.signal);
        const answer = await lookWith("try", makeQuestion(one, volumes), stop.signal);
        if (stop.signal.aborted) return;
        last.current = answer;
        const state = answer.faults.length || !answer.is_tried ? "faulty" : answer.conflicts.length ? "met" : "good";
        setFound({ state, key, answer, volumes, error: null });
      } catch (error) {
        if (stop.signal.aborted) return;
        const told = error instanceof AskError ? error : new AskError({ code: "fault", message: String(error) }, 0);
        setFound({ state: "failed", key, answer: null, volumes: null, error: told });
      }
    }, REST_MS);
    return () => {
      window.clearTimeout(timer);
      stop.abort();
    };
  }, [key, isIncomplete, turn]);
  if (isIncomplete) return { state: "incomplete", key, answer: null, volumes: null, error: null, last: last.current };
  // SECURITY: an answer about an earlier draft is never shown as one about this (tests/browser/test_page_map.py).
  if (found === null || found.key !== key) return { state: "asking", key, answer: null, volumes: null, error: null, last: last.current };
  return { ...found, last: last.current };
}
