// What the inbox lists, ready to be shown: keys, order, groups, clocks, and what belongs together.
//
// Invariants: the desk says what is due and how urgent it is; here it is only put into groups. A reminder of the desk
// about an item stands with that item and not beside it, so that one thing is one line. A clock runs by the desk's
// time. It asks nothing and says nothing.
//
//     const { groups, all } = arrange(items);
//     findClock(item, from_ms)   // { kind: "escalates", at_ms, to: "duty-2" }
import { parseUtc } from "../../core/time.js";

/**
 * @typedef {{
 *   message: string, index: number | null, message_kind: string, object: string, object_type: string, id: string,
 *   title: string, version: string, to: readonly string[], due_by: string, silence: string, steps: number,
 *   escalates_to: string, has_lapsed: boolean, escalate_s: number, lapse_s: number, conflicts: readonly string[],
 *   moved_cm: number | null, difference_cm: number | null, thread: string, language: string, text: string,
 *   is_urgent: boolean, state: string,
 * }} Facts
 * @typedef {{ volume: number, point_e7: [number, number], words: string, moved_cm: number | null }} Reading
 * @typedef {{
 *   kind: string, subject: string, words: string, author: string, since: string, waited_s: number | null,
 *   escalates_in_s: number | null, lapses_in_s: number | null, is_overdue: boolean, readings: readonly Reading[],
 *   part: string, urgency: "now" | "soon" | "later", facts: Facts,
 * }} InboxItem
 * @typedef {InboxItem & { key: string, reminders: readonly InboxItem[] }} Item
 * @typedef {{ kind: "escalates" | "lapses" | "due", at_ms: number, to: string }} Clock
 */

export const URGENCIES = /** @type {const} */ (["now", "soon", "later"]);
const REMINDER = "acknowledge-due";

/** @param {InboxItem} item @returns {string} What the address calls it. */
export function itemKey(item) {
  return [item.kind, item.subject, item.part].filter(Boolean).join(":");
}

/**
 * @param {readonly InboxItem[]} items As the desk lists them.
 * @returns {{ all: Item[], groups: { urgency: typeof URGENCIES[number], items: Item[] }[] }} In the order of the page.
 */
export function arrange(items) {
  const isReminder = (/** @type {InboxItem} */ one) => one.kind === "alarm" && one.facts.state === REMINDER;
  /** @type {Map<string, InboxItem[]>} */
  const reminders = new Map();
  for (const one of items.filter(isReminder)) {
    reminders.set(one.facts.message, [...(reminders.get(one.facts.message) ?? []), one]);
  }
  /** @type {Set<string>} */
  const taken = new Set();
  /** @type {Item[]} */
  const whole = items
    .filter((one) => !isReminder(one))
    .map((one) => {
      const owed = one.kind === "acknowledge" || one.kind === "confrontation";
      if (owed) taken.add(one.facts.message);
      return { ...one, key: itemKey(one), reminders: owed ? (reminders.get(one.facts.message) ?? []) : [] };
    });
  for (const [message, list] of reminders) {
    if (!taken.has(message)) whole.push(...list.map((one) => ({ ...one, key: itemKey(one), reminders: [] })));
  }
  const groups = URGENCIES.map((urgency) => ({ urgency, items: whole.filter((one) => one.urgency === urgency) }));
  return { all: groups.flatMap((one) => one.items), groups: groups.filter((one) => one.items.length) };
}

/**
 * Give what happens next if nobody acts, and when.
 *
 * @param {InboxItem} item @param {number} from_ms When the desk said so. @returns {Clock | null}
 */
export function findClock(item, from_ms) {
  const { facts } = item;
  /** @type {Clock[]} */
  const found = [];
  if (facts.escalates_to && item.escalates_in_s !== null) {
    found.push({ kind: "escalates", at_ms: from_ms + item.escalates_in_s * 1000, to: facts.escalates_to });
  }
  if (item.lapses_in_s !== null) found.push({ kind: "lapses", at_ms: from_ms + item.lapses_in_s * 1000, to: "" });
  const due_ms = parseUtc(facts.due_by);
  if (due_ms !== null && item.kind !== "conflict" && item.kind !== "confrontation") {
    found.push({ kind: "due", at_ms: due_ms, to: "" });
  }
  found.sort((one, other) => one.at_ms - other.at_ms);
  return found[0] ?? null;
}

/** @param {InboxItem} item @returns {string} Which words say what is asked: the kind, and of what. */
export function askName(item) {
  const { facts } = item;
  if (item.kind === "acknowledge") return `ask-acknowledge-${facts.message_kind.replace(/\./g, "-")}`;
  if (item.kind === "alarm" && facts.state) return "ask-alarm";
  if (item.kind === "confrontation" && facts.state === "ended") return "ask-confrontation-ended";
  return `ask-${item.kind}`;
}

/** @param {InboxItem} item @returns {string} A mark that changes when the item becomes a new alarm: a rung was reached. */
export function alarmMark(item) {
  return `${itemKey(item)}#${item.facts.steps}${item.facts.has_lapsed ? "l" : ""}`;
}
