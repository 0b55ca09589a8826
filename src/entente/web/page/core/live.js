// The live line to the desk: one stream of server-sent events a tab, resumed where it broke.
//
// Invariants: the line is only called good while beats come: after 40 s without any it is stale, whatever the
// browser thinks of its socket; after a sleep it is not good until the desk has spoken, and everything is asked for anew;
// events wake and carry no truth: what is shown is asked for.
//
// SECURITY: tests/browser/test_page_attacks.py lets a tab sleep for a day, and sets the clock back under a silent desk.
//
//     const leave = onLive(["entry"], () => again());
import { createStore } from "./store.js";
import { markHere, passedMs, setDeskClock } from "./time.js";

/** A beat comes every 15 s; two may be late. */
const STALE_MS = 40_000;
const ASLEEP_MS = 90_000;
const TRY_MS = [500, 1000, 2000, 5000, 10_000];
const NAMES = ["hello", "entry", "standing", "alarm", "link", "work", "own", "reset", "beat"];

/** @typedef {{ state: "opening" | "good" | "stale" | "down", since_ms: number }} LiveState */

/** @type {import("./store.js").Store<LiveState>} */
export const live = createStore(/** @type {LiveState} */ ({ state: "opening", since_ms: Date.now() }));
/** The line from the desk to the center, as the desk tells it. */
export const centerLink = createStore({ state: "", trouble: "" });

/** @type {Map<string, Set<(data: any) => void>>} */
const listeners = new Map();
/** @type {EventSource | null} */
let source = null;
let [heard, tries, place, hasOpened] = [markHere(), 0, "", false];

/** @param {readonly string[]} names @param {(data: any) => void} listener @returns {() => void} */
export function onLive(names, listener) {
  for (const name of names) {
    if (!listeners.has(name)) listeners.set(name, new Set());
    listeners.get(name)?.add(listener);
  }
  return () => {
    for (const name of names) listeners.get(name)?.delete(listener);
  };
}

/** @param {string} name @param {any} data */
function tell(name, data) {
  for (const listener of [...(listeners.get(name) ?? [])]) listener(data);
}

/** @param {LiveState["state"]} state */
function setState(state) {
  if (live.get().state !== state) live.set({ state, since_ms: Date.now() });
}

/** @param {MessageEvent<string>} event */
function hear(event) {
  heard = markHere();
  tries = 0;
  setState("good");
  if (event.lastEventId) place = event.lastEventId;
  /** @type {any} */
  let data = null;
  try {
    data = JSON.parse(event.data);
  } catch {
    return; // it only wakes: one that cannot be read wakes nobody
  }
  if (typeof data?.now_ms === "number" && /^(hello|beat)$/.test(event.type)) setDeskClock(data.now_ms, data.rate ?? 1);
  if (/^(hello|link)$/.test(event.type)) centerLink.set({ state: String(data?.state), trouble: String(data?.trouble ?? "") });
  tell(event.type, data);
}

function open() {
  source?.close();
  source = new EventSource(`/api/events${place ? `?after=${encodeURIComponent(place)}` : ""}`);
  source.onopen = () => {
    const isAgain = hasOpened;
    hasOpened = true;
    heard = markHere();
    tries = 0;
    setState("good");
    if (isAgain) tell("awake", null);
  };
  source.onerror = () => {
    source?.close();
    source = null;
    setState("down");
    window.setTimeout(open, TRY_MS[Math.min(tries++, TRY_MS.length - 1)]);
  };
  for (const name of NAMES) source.addEventListener(name, hear);
}

/** Open the line and watch it. Called once. */
export function startLive() {
  open();
  let looked = markHere();
  let opened = markHere();
  const watch = () => {
    // Timers stood still: the machine slept, or the browser let the tab sleep.
    const slept = passedMs(looked) > ASLEEP_MS;
    looked = markHere();
    if (slept) {
      setState("opening");
      open();
      tell("awake", null);
    } else if (source !== null && passedMs(heard) > STALE_MS) {
      setState("stale");
      if (passedMs(heard) > 2 * STALE_MS && passedMs(opened) > 2 * STALE_MS) {
        opened = markHere();
        open();
      }
    }
  };
  window.setInterval(watch, 1000);
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && watch());
  window.addEventListener("online", () => source === null && open());
  window.addEventListener("offline", () => setState("down"));
}

/** Say that this tab made the desk do something: what is on the screen is asked for again at once. */
export function tellOwn() {
  tell("own", null);
}
