// The things of the picture as one list: what each is called, where and when it is, and whether the filters show it.
//
// Invariants: one place names a thing, for panel, table, side view, search and export alike; a title is a partner's
// text and is cleaned wherever it becomes plain text.
//
//     const things = listThings(picture);
//     things.filter((one) => isShown(one, state, at_ms));
import { clean } from "../../core/safe.js";

/**
 * @typedef {{ key: string, type: "activity" | "zone" | "site" | "incident" | "item" | "conflict", name: string,
 *   author: string, number: number, isOwn: boolean, kind: string, state: string, from_ms: number, until_ms: number,
 *   low_m: number | null, high_m: number | null, at: [number, number] | null, box: [number, number, number, number] | null,
 *   hasConflict: boolean, isArmed: boolean, of: any, volumes: any[] }} Thing `low_m` null: without bound.
 */

const FOREVER_MS = 8.64e15;

/** @param {number | null | undefined} us @param {number} other */
const toMs = (us, other) => (us === null || us === undefined ? other : us / 1000);

/** @param {any[]} volumes */
function measure(volumes) {
  const lows = volumes.map((one) => one.floor_m ?? -Infinity);
  const highs = volumes.map((one) => one.ceiling_m ?? Infinity);
  const [low, high] = [Math.min(...lows), Math.max(...highs)];
  const boxes = volumes.map((one) => one.bbox).filter(Boolean);
  return {
    from_ms: Math.min(...volumes.map((one) => toMs(one.start_us, -FOREVER_MS))),
    until_ms: Math.max(...volumes.map((one) => toMs(one.end_us, FOREVER_MS))),
    low_m: Number.isFinite(low) ? low : null,
    high_m: Number.isFinite(high) ? high : null,
    at: volumes[0]?.at ?? null,
    box: boxes.length
      ? /** @type {[number, number, number, number]} */ ([
          Math.min(...boxes.map((one) => one[0])), Math.min(...boxes.map((one) => one[1])),
          Math.max(...boxes.map((one) => one[2])), Math.max(...boxes.map((one) => one[3])),
        ])
      : null,
  };
}

/** @param {any} one @param {Thing["type"]} type @param {Partial<Thing>} more @returns {Thing} */
function makeThing(one, type, more) {
  const volumes = one.volumes?.length ? one.volumes : [{ ...one, bbox: one.bbox }];
  return {
    key: one.object ?? "",
    type,
    name: "",
    author: one.author ?? "",
    number: one.number ?? 0,
    isOwn: Boolean(one.is_own),
    kind: "",
    state: "",
    hasConflict: false,
    isArmed: false,
    of: one,
    volumes,
    ...measure(volumes),
    ...more,
  };
}

/** @param {any} picture An answer of `picture`. @returns {Thing[]} */
export function listThings(picture) {
  if (!picture) return [];
  const list = (/** @type {string} */ name) => /** @type {any[]} */ (picture[name] ?? []);
  return [
    ...list("conflicts").map((one) =>
      makeThing(one, "conflict", {
        key: one.key,
        name: (one.sides ?? []).map((/** @type {any} */ side) => clean(side.title, 60)).join(" × "),
        kind: one.rule,
        state: one.state,
        hasConflict: true,
        isOwn: Boolean(one.is_own),
        at: one.at ?? null,
        box: one.at ? [one.at[0], one.at[1], one.at[0], one.at[1]] : null,
      }),
    ),
    ...list("activities").map((one) =>
      makeThing(one, "activity", {
        name: clean(one.title, 120), kind: one.activity, state: one.state, hasConflict: one.conflicts?.length > 0, isArmed: one.armed,
      }),
    ),
    ...list("zones").map((one) => makeThing(one, "zone", { name: clean(one.name, 120), kind: one.zone, state: one.record_state })),
    ...list("sites").map((one) => makeThing(one, "site", { name: clean(one.name, 120), kind: one.category, state: one.standing })),
    ...list("incidents").map((one) =>
      makeThing(one, "incident", { key: one.incident, name: clean(one.id, 80), kind: one.category, state: one.in_doubt ? "in-doubt" : "" }),
    ),
    ...list("items").map((one) =>
      makeThing(one, "item", { key: one.message, name: clean(one.words, 120), kind: one.direction, state: one.recalled ? "recalled" : "" }),
    ),
  ];
}

/**
 * Tell whether the filters show a thing; the cursor's moment counts for what has one.
 *
 * @param {Thing} one @param {import("./state.js").MapState} state @param {number} at_ms
 */
export function isShown(one, state, at_ms) {
  if (!state.roles[one.type]) return false;
  if (one.type === "conflict") return one.until_ms > at_ms || state.hasPast;
  if (state.parties && !state.parties.includes(one.author)) return false;
  if (state.isOwn && !one.isOwn) return false;
  if (state.inConflict && !one.hasConflict) return false;
  if (one.type === "activity") {
    if (state.kinds && !state.kinds.includes(one.kind)) return false;
    if (state.states && !state.states.includes(one.state)) return false;
  }
  if (one.type === "incident") return one.from_ms <= at_ms;
  if (one.until_ms <= at_ms) return state.hasPast;
  return one.from_ms <= at_ms + state.ahead_ms;
}

/** @param {Thing} one @param {number} at_ms @returns {"now" | "ahead" | "past"} */
export function phaseOf(one, at_ms) {
  return one.until_ms <= at_ms ? "past" : one.from_ms > at_ms ? "ahead" : "now";
}

/** @param {Thing} one @param {{ west: number, south: number, east: number, north: number }} view */
export function isWithin(one, view) {
  if (one.box === null) return false;
  const [west, south, east, north] = one.box;
  if (north < view.south || south > view.north) return false;
  if (view.east - view.west >= 360) return true;
  // The view may have been moved round the world, and a box may go on beyond 180.
  return [-720, -360, 0, 360, 720].some((turn) => east + turn >= view.west && west + turn <= view.east);
}
