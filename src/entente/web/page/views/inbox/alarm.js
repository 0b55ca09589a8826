// The alarm that cannot be missed, and is quiet when nothing is due.
//
// What is due now (the desk says which) shows a banner, marks the tab's title and icon, and sounds; what is due soon is
// counted beside "To do" and makes no sound; where nothing is due there is nothing. A page that can hear nothing of the
// desk says so and sounds too: its quiet would be a lie.
//
// Invariants: it judges only the desk's latest answer, and says "cannot hear" once that is too old or the line is not
// good; it ends when the desk no longer lists a thing, never because somebody looked; what is new, or has come a rung
// further, sounds at once, once also while muted; one tab of a browser sounds, and never none that could.
//
// It acts on nothing.
//
//     startAlarm();
//     const { urgent, isDeaf } = useStore(alarm);
import { onLive, live } from "../../core/live.js";
import { go, route } from "../../core/route.js";
import { session } from "../../core/session.js";
import { createStore } from "../../core/store.js";
import { deskNowMs, parseUtc } from "../../core/time.js";
import { t } from "../../core/words.js";
import { askSoon, dueStore, startDue } from "./due.js";
import { alarmMark } from "./items.js";
import { leftOfMute_s, muted, startMute } from "./mute.js";
import { hush, ring, ringOnce, sound, startSound, trySound } from "./sound.js";
import { markTab, notify, startNotifying } from "./tab.js";
import { lookAround, startTurn, turn, wantTurn, whileNobodyHas } from "./turn.js";

/** A line that breaks and comes back within this is no news. */
const GRACE_MS = 10_000;
/** What is due is asked for each half minute, by a hidden tab each minute at worst. */
const OLD_MS = 75_000;
const CATCH_UP_MS = 5000;
const RETRY_MS = 3000;
const TICK_MS = 1000;
const LAST_STEP_MS = 60_000;
const LAST_LAPSE_MS = 120_000;
const SOON_MEET_MS = 10 * 60_000;
const SIGN_OUT_MS = 15 * 60_000;

/**
 * @typedef {import("./items.js").Item} Item
 * @typedef {{
 *   urgent: readonly Item[], grade: number, isDeaf: boolean, deaf_ms: number, from_ms: number, mark: string, ends_ms: number | null,
 * }} Alarm `urgent`: the nearest to its end first. `deaf_ms`: when it last could hear, by this device. `from_ms`: when
 *   the desk said so. `ends_ms`: when the session ends, where that is near.
 */

/** @type {import("../../core/store.js").Store<Alarm>} */
export const alarm = createStore(
  /** @type {Alarm} */ ({ urgent: [], grade: 0, isDeaf: false, deaf_ms: 0, from_ms: 0, mark: "", ends_ms: null }),
);

/**
 * How near its end a thing is: 1 to 4.
 *
 * @param {Item} item @param {number} from_ms When the desk said so. @param {number} now_ms Both by the desk's clock.
 */
export function gradeItem(item, from_ms, now_ms) {
  const { facts } = item;
  // An answer is late already: louder helps no more, but it is owed.
  if (facts.has_lapsed) return 2;
  let grade = Math.min(3, 1 + facts.steps);
  if (item.kind === "alarm") grade = 3;
  if (facts.is_urgent) grade = Math.max(grade, 2);
  if (item.kind === "confrontation" && facts.state !== "ended") {
    const begins_ms = parseUtc(facts.due_by);
    grade = begins_ms !== null && begins_ms - now_ms <= SOON_MEET_MS ? 4 : 3;
  }
  if (item.lapses_in_s !== null && from_ms + item.lapses_in_s * 1000 - now_ms <= LAST_LAPSE_MS) grade = 4;
  return grade;
}

/** @param {readonly Item[]} all @param {number} from_ms @returns {number} When the next of them becomes urgent. */
function findNextUrgent(all, from_ms) {
  const found = all
    .filter((one) => one.urgency !== "now" && !one.facts.has_lapsed)
    .flatMap((one) => [
      one.facts.escalates_to && one.escalates_in_s !== null ? from_ms + one.escalates_in_s * 1000 - LAST_STEP_MS : Infinity,
      one.lapses_in_s !== null ? from_ms + one.lapses_in_s * 1000 - LAST_LAPSE_MS : Infinity,
    ]);
  return Math.min(Infinity, ...found.filter((at_ms) => at_ms > from_ms));
}

let [heard_ms, looked_ms, asked_for_ms, retried_ms] = [Date.now(), Date.now(), 0, Date.now()];
/** @type {ReadonlySet<string>} */
let known = new Set();
let hasTried = false;

/** @returns {boolean} Whether nothing of the desk can be heard. */
function listen() {
  const [due, line, now_ms] = [dueStore.get(), live.get(), Date.now()];
  // Timers stood still: what came meanwhile is asked for at once, and given a moment to come.
  if (now_ms - looked_ms > GRACE_MS) {
    heard_ms = Math.max(heard_ms, now_ms - GRACE_MS + CATCH_UP_MS);
    askSoon();
  }
  looked_ms = now_ms;
  const isHearing = line.state === "good" && due.isKnown && !due.isStale && now_ms - due.here_ms < OLD_MS;
  if (isHearing) heard_ms = now_ms;
  else if (line.state === "good" && now_ms - retried_ms > RETRY_MS) {
    retried_ms = now_ms;
    askSoon();
  }
  return !isHearing && (line.state === "stale" || now_ms - heard_ms > GRACE_MS);
}

/** When the session ends, where that is near: at the sign-in nothing is heard. */
function findEnd() {
  const one = session.get();
  const ends_ms = parseUtc(one?.expires ?? "");
  // An exercise has a clock of its own; a session ends by the machine's.
  const now_ms = one?.exercise ? Date.now() : deskNowMs();
  return ends_ms !== null && ends_ms - now_ms < SIGN_OUT_MS ? ends_ms : null;
}

/** @param {Alarm} one Whether it sounds here depends on it, on the mute, on the browser and on other tabs. */
function makeSound(one) {
  const isWanted = (one.grade > 0 || one.isDeaf) && soundsForMe();
  const isMuted = leftOfMute_s() > 0;
  if (isWanted && !hasTried) {
    hasTried = true;
    trySound();
  }
  wantTurn(isWanted && !isMuted && sound.get() === "ready");
  const marks = new Set(one.urgent.map(alarmMark));
  const isNew = [...marks].some((mark) => !known.has(mark));
  known = marks;
  if (turn.get() === "mine" && isWanted && !isMuted) ring(one.grade, isNew);
  else hush();
  if (isWanted && isMuted && isNew) whileNobodyHas(() => ringOnce(one.grade));
  if (isNew) notify(t("inbox.alarm-notice", { n: one.urgent.length }), goUrgent);
}

/** Whether this officer is one to be woken: who may only look is told by the banner. */
export function soundsForMe() {
  return session.get()?.verbs.includes("acknowledge") ?? false;
}

let isUpdating = false;

function update() {
  // What it changes tells those who listen, and they would call it again.
  if (isUpdating) return queueMicrotask(update);
  isUpdating = true;
  try {
    judge();
  } catch (error) {
    // A fault of its own must not pass for quiet.
    console.error(error);
    alarm.set({ ...alarm.get(), isDeaf: true, deaf_ms: heard_ms, mark: "fault" });
  } finally {
    isUpdating = false;
  }
}

function judge() {
  const [due, now_ms] = [dueStore.get(), deskNowMs()];
  const isDeaf = listen();
  const graded = due.all
    .filter((one) => one.urgency === "now")
    .map((item) => ({ item, grade: gradeItem(item, due.at_ms, now_ms) }))
    .sort((one, other) => other.grade - one.grade);
  const urgent = graded.map((one) => one.item);
  const next_ms = findNextUrgent(due.all, due.at_ms);
  if (now_ms >= next_ms && asked_for_ms !== next_ms) {
    asked_for_ms = next_ms;
    askSoon();
  }
  const grade = graded[0]?.grade ?? 0;
  const ends_ms = findEnd();
  const mark = [due.at_ms, grade, isDeaf, ends_ms, ...urgent.map(alarmMark)].join();
  /** @type {Alarm} */
  const found = { urgent, grade, isDeaf, deaf_ms: heard_ms, from_ms: due.at_ms, mark, ends_ms };
  markTab(urgent.length, isDeaf);
  makeSound(found);
  if (alarm.get().mark !== mark) alarm.set(found);
}

/** Go to what is nearest to its end; from there, to the next. */
export function goUrgent() {
  const { urgent } = alarm.get();
  const list = urgent.length ? urgent : dueStore.get().all;
  const { view, params } = route.get();
  const here = view === "inbox" ? list.findIndex((one) => one.key === params["item"]) : -1;
  const next = list[(here + 1) % list.length];
  // What is due is due now, whatever moment the screen shows.
  go("inbox", { t: "", known: "", ...(next ? { item: next.key } : {}) });
}

let isStarted = false;

/** Begin to follow what is due; once, however often it is called. */
export function startAlarm() {
  if (isStarted) return;
  isStarted = true;
  startMute();
  startNotifying();
  startTurn();
  startSound();
  startDue();
  for (const one of [dueStore, live, muted, sound, turn]) one.subscribe(update);
  // Events come to a hidden tab too, where timers are held back.
  onLive(["beat", "awake"], update);
  document.addEventListener("visibilitychange", update);
  document.addEventListener("resume", update);
  window.addEventListener("pageshow", update);
  window.setInterval(() => {
    update();
    lookAround();
  }, TICK_MS);
}
