// What the time bar shows, as the desk's `lanes` and `moments` give it, in the bar's own units.
//
// Invariants: nothing is invented: a conflict without a time of its own has none on the bar; what was asked for one
// size of the record is never drawn as another's.
//
//     const data = readLanes(answer);   // { lanes, marks, met, things, first_ms, last_ms, ... }
import { clean } from "../../core/safe.js";
import { packBars } from "./paint.js";

/** @typedef {import("./paint.js").Drawn} Drawn */
/**
 * @typedef {Drawn & { first_ms: number, last_ms: number, size: number, at_size: number, isNewest: boolean,
 *   isBucketed: boolean, isCut: boolean, total: number, as_of_ms: number }} Data
 */

/** @type {Data} */
export const NOTHING = {
  lanes: [], marks: [], met: [], buckets: [], things: [], first_ms: 0, last_ms: 0, size: 0, at_size: 0,
  isNewest: true, isBucketed: false, isCut: false, total: 0, as_of_ms: 0,
};

/** @param {number | null | undefined} us */
const toMs = (us) => Math.floor((us ?? 0) / 1000);

/** @param {any} answer Of `lanes`. @returns {Data} */
export function readLanes(answer) {
  const lanes = answer.lanes.map((/** @type {any} */ lane) => {
    const bars = (lane.bars ?? []).map((/** @type {number[]} */ [start, end, place, flags]) => ({
      start_ms: toMs(start), end_ms: toMs(end), place: place ?? 0, flags: flags ?? 0,
    }));
    return {
      party: lane.party, number: lane.number, isOwn: lane.is_own, count: lane.count, bars, rows: packBars(bars),
      counts: lane.counts ?? [], met: lane.met ?? [], first_ms: toMs(lane.from_us), step_ms: (lane.step_us ?? 1) / 1000,
    };
  });
  return {
    lanes,
    marks: answer.marks.map((/** @type {any} */ one) => ({
      kind: one.kind, party: one.party, object: one.object, at_ms: toMs(one.at_us), isOwn: one.is_own,
    })),
    met: answer.conflicts
      .filter((/** @type {any} */ one) => one.start_us !== null)
      .map((/** @type {any} */ one) => ({
        key: one.key, rule: one.rule, isOwn: one.is_own, hasAlarm: one.has_alarm, start_ms: toMs(one.start_us),
        end_ms: toMs(one.end_us),
      })),
    buckets: [],
    things: answer.things,
    first_ms: toMs(answer.first_us),
    last_ms: toMs(answer.last_us),
    size: answer.size,
    at_size: answer.at_size,
    isNewest: answer.is_newest,
    isBucketed: answer.is_bucketed,
    isCut: answer.is_cut,
    total: answer.total,
    as_of_ms: toMs(answer.as_of_us),
  };
}

/** @param {any} answer Of `moments`. @returns {import("./paint.js").Bucket[]} */
export function readBuckets(answer) {
  return (answer?.buckets ?? []).map((/** @type {any} */ one) => ({
    from_ms: toMs(one.from_us), until_ms: toMs(one.until_us), entries: one.entries, alarms: one.alarms,
  }));
}

/** @param {string} object A scoped name. @returns {string} Its id, for people. */
export function sayName(object) {
  return clean(object.split("@")[0] ?? "", 60);
}

/** @typedef {{ at_ms: number, kind: string, name: string, key: string }} Moment What `[` and `]` go to. */

/** @param {Data} data @returns {Moment[]} In their order. */
export function listMoments(data) {
  /** @type {Moment[]} */
  const found = [];
  for (const lane of data.lanes)
    for (const bar of lane.bars) {
      const thing = data.things[bar.place];
      const name = thing ? clean(thing.title, 60) || sayName(thing.object) : "";
      found.push({ at_ms: bar.start_ms, kind: "begins", name, key: thing?.object ?? "" });
      found.push({ at_ms: bar.end_ms, kind: "ends", name, key: thing?.object ?? "" });
    }
  for (const one of data.met) {
    const name = one.key.split("|").map(sayName).join(" · ");
    found.push({ at_ms: one.start_ms, kind: "conflict-begins", name, key: one.key });
    found.push({ at_ms: one.end_ms, kind: "conflict-ends", name, key: one.key });
  }
  for (const mark of data.marks)
    found.push({ at_ms: mark.at_ms, kind: mark.kind, name: sayName(mark.object), key: mark.object });
  return found.sort((one, other) => one.at_ms - other.at_ms);
}

/** @param {readonly Moment[]} moments @param {number} at_ms @param {1 | -1} way @returns {Moment[]} All at the next one. */
export function findNext(moments, at_ms, way) {
  // Whole seconds: what the address holds.
  const here = Math.floor(at_ms / 1000);
  const later = moments.filter((one) => (Math.floor(one.at_ms / 1000) - here) * way > 0);
  const next = way > 0 ? later[0] : later.at(-1);
  return next === undefined ? [] : later.filter((one) => Math.floor(one.at_ms / 1000) === Math.floor(next.at_ms / 1000));
}
