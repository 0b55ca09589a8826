// Asking the desk, and having it act.
//
// Invariants: what is shown says how old it is: an answer that could not be had anew stays, marked stale, with the
// reason; an act carries a token, so that doing it again after a broken line says it once; who acts is the session's
// officer, put in by the desk and never by the page; a live event asks again what is on the screen, at most some
// times a second.
//
// Of an act to which no answer came it is not known whether it was recorded, and that is what is said. Its token is kept
// for a while, over a reload too, so that doing the same again says it once.
//
// It decides nothing and repeats no act by itself.
//
// SECURITY: tests/browser/test_page_attacks.py cuts the line in the middle of an act, and presses twice.
//
//     const inbox = useLook("inbox");
//     await act("acknowledge", { messages: ["17"] });
import { useCallback, useEffect, useRef, useState } from "./dom.js";
import { onLive } from "./live.js";
import { goToSignIn, session } from "./session.js";
import { deskNowMs } from "./time.js";

/** How long a look may take before it is said to hang; slow lines are slow, not dead. */
const LOOK_LIMIT_MS = 30_000;
const ACT_LIMIT_MS = 120_000;
/** Between two looks that live events ask for. */
const CALM_MS = 250;

/** What the desk said no to, or that no answer was had: `code` is "offline" then. */
export class AskError extends Error {
  /** @param {{ class?: string, code: string, message: string, path?: string }} what @param {number} status */
  constructor(what, status) {
    super(what.message);
    this.name = "AskError";
    this.kind = what.class ?? "error";
    this.code = what.code;
    this.path = what.path ?? "";
    this.status = status;
  }
}

/**
 * @param {string} path @param {RequestInit} init @param {number} limit_ms @param {AbortSignal} [stop]
 * @returns {Promise<any>}
 */
async function ask(path, init, limit_ms, stop) {
  const signals = [AbortSignal.timeout(limit_ms), ...(stop ? [stop] : [])];
  let answer;
  try {
    answer = await fetch(path, { ...init, cache: "no-store", signal: AbortSignal.any(signals) });
    if (answer.ok) return await answer.json();
  } catch (error) {
    if (stop?.aborted) throw error;
    const late = error instanceof DOMException && error.name === "TimeoutError";
    const message = late ? `desk: no answer in ${limit_ms / 1000} s` : "desk: no answer: is the line down?";
    throw new AskError({ class: "transport", code: late ? "late" : "offline", message }, 0);
  }
  if (answer.status === 401) goToSignIn();
  const found = await answer.json().catch(() => null);
  const plain = found && typeof found.message === "string" ? found : null;
  throw new AskError(
    plain ?? { code: "no-reason", message: `desk: expected an answer, got status ${answer.status}` },
    answer.status,
  );
}

/** @typedef {Record<string, string | number | boolean | null | undefined>} Query */

/** @param {string} verb @param {Query} [query] @returns {string} The address of an answer: its JSON twin. */
export function lookPath(verb, query = {}) {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const text = new URLSearchParams(pairs.map(([name, value]) => [name, String(value)])).toString();
  return `/api/${verb}${text ? `?${text}` : ""}`;
}

/**
 * Ask what changes nothing.
 *
 * @param {string} verb @param {Query} [query] @param {AbortSignal} [stop] @returns {Promise<any>}
 */
export function look(verb, query = {}, stop) {
  return ask(lookPath(verb, query), { headers: { accept: "application/json" } }, LOOK_LIMIT_MS, stop);
}

/**
 * Ask what changes nothing and does not fit into an address.
 *
 * @param {string} verb @param {object} body @param {AbortSignal} [stop] @returns {Promise<any>}
 */
export function lookWith(verb, body, stop) {
  return ask(`/api/${verb}`, makePost(body), ACT_LIMIT_MS, stop);
}

/** @param {object} body @returns {RequestInit} */
function makePost(body) {
  return { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}

/** @returns {string} A token that makes an act one, however often it is asked for. */
export function makeToken() {
  return [...crypto.getRandomValues(new Uint8Array(12))].map((one) => one.toString(16).padStart(2, "0")).join("");
}

/**
 * Have the desk act, in the name of the officer who is signed in.
 *
 * @param {string} verb
 * @param {object} body Without `officer`. Give a `token` (`makeToken`) where the verb ends in a message, and keep it
 *   for trying again: `useAct` does.
 * @returns {Promise<any>}
 */
export async function act(verb, body) {
  try {
    return await ask(`/api/${verb}`, makePost(body), ACT_LIMIT_MS);
  } catch (error) {
    if (!isFateOpen(error)) throw error;
    const { kind, message, status } = /** @type {AskError} */ (error);
    throw new AskError({ class: kind, code: "fate-unknown", message }, status);
  }
}

/** @param {unknown} error Whether the desk may have done what was asked for all the same. */
function isFateOpen(error) {
  return error instanceof AskError && (error.status === 0 || (error.status >= 500 && error.code === "no-reason"));
}

const OPEN_ACTS = "entente.acts";
/** After this long the same words are said anew: they may be meant so. */
const OPEN_MS = 600_000;

/** @returns {Record<string, { token: string, at_ms: number }>} Acts whose fate is not known, by a hash of what was said. */
function readOpenActs() {
  try {
    const kept = Object.entries(JSON.parse(window.sessionStorage.getItem(OPEN_ACTS) ?? "{}"));
    return Object.fromEntries(kept.filter(([, one]) => Math.abs(Date.now() - one.at_ms) < OPEN_MS));
  } catch {
    return {};
  }
}

/** @param {string} name @param {string} token Empty: what became of it is known. */
function keepOpenAct(name, token) {
  const { [name]: _, ...others } = readOpenActs();
  try {
    window.sessionStorage.setItem(OPEN_ACTS, JSON.stringify(token ? { ...others, [name]: { token, at_ms: Date.now() } } : others));
  } catch {
    // A browser that keeps nothing: the token holds as long as the button.
  }
}

/** @param {string} verb @param {string} text @returns {Promise<string>} */
async function nameAct(verb, text) {
  const said = new TextEncoder().encode(`${session.get()?.officer ?? ""}\n${verb}\n${text}`);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", said));
  return [...hash.slice(0, 16)].map((one) => one.toString(16).padStart(2, "0")).join("");
}

/**
 * @typedef {{ data: any, error: AskError | null, isLoading: boolean, isStale: boolean, at_ms: number,
 *   again: () => void }} Looked
 */

/**
 * Look at an answer and keep it fresh. `data` is null until the first answer; a later failure keeps the old one and
 * says `isStale`.
 *
 * @param {string | null} verb Null asks nothing.
 * @param {Query} [query]
 * @param {{ on?: readonly string[], every_s?: number }} [how] Which live events ask again (by default entries,
 *   alarms and what the desk itself did), and how often without any.
 * @returns {Looked}
 */
export function useLook(verb, query = {}, how = {}) {
  const path = verb === null ? "" : lookPath(verb, query);
  const [state, setState] = useState(() => emptyLook(path));
  const again = useRef(() => {});
  useEffect(() => {
    if (path === "") return undefined;
    const stop = new AbortController();
    let [isAsking, isWanted, last_ms] = [false, false, 0];
    /** @type {number | undefined} */
    let timer;
    const run = async () => {
      if (isAsking) {
        isWanted = true;
        return;
      }
      [isAsking, isWanted, last_ms] = [true, false, performance.now()];
      try {
        const data = await ask(path, { headers: { accept: "application/json" } }, LOOK_LIMIT_MS, stop.signal);
        setState({ path, data, error: null, isLoading: false, isStale: false, at_ms: deskNowMs() });
      } catch (error) {
        if (stop.signal.aborted) return;
        const told = error instanceof AskError ? error : new AskError({ code: "fault", message: String(error) }, 0);
        setState((old) => ({ ...(old.path === path ? old : emptyLook(path)), error: told, isLoading: false, isStale: true }));
      }
      isAsking = false;
      if (isWanted) soon();
    };
    const soon = () => {
      if (timer !== undefined) return;
      const wait_ms = Math.max(0, CALM_MS - (performance.now() - last_ms));
      timer = window.setTimeout(() => {
        timer = undefined;
        if (!stop.signal.aborted) run();
      }, wait_ms);
    };
    again.current = soon;
    run();
    const names = how.on ?? ["entry", "standing", "alarm", "link", "work", "reset", "awake", "own"];
    const leaves = [
      onLive(names, soon),
      // After a sleep, or a line that was down: what is shown is old until it was asked for again.
      onLive(["awake"], () => setState((old) => (old.data === null ? old : { ...old, isStale: true }))),
    ];
    const beat = how.every_s ? window.setInterval(soon, how.every_s * 1000) : undefined;
    return () => {
      stop.abort();
      for (const leave of leaves) leave();
      window.clearTimeout(timer);
      window.clearInterval(beat);
    };
  }, [path]);
  const current = state.path === path ? state : emptyLook(path);
  return { ...current, again: useCallback(() => again.current(), []) };
}

/** @param {string} path */
function emptyLook(path) {
  return {
    path,
    data: /** @type {any} */ (null),
    error: /** @type {AskError | null} */ (null),
    isLoading: path !== "",
    isStale: false,
    at_ms: 0,
  };
}

/**
 * An act with what became of it. `run` may be called again after a failure: the same body says the same thing once.
 * While it is on its way, the same body waits for the same answer.
 *
 * @param {string} verb
 */
export function useAct(verb) {
  const [state, setState] = useState({
    isBusy: false,
    error: /** @type {AskError | null} */ (null),
    answer: /** @type {any} */ (null),
  });
  const last = useRef({ text: "", token: "" });
  const running = useRef(/** @type {{ text: string, answer: Promise<any> } | null} */ (null));
  const run = useCallback(
    (/** @type {object} */ body) => {
      const text = JSON.stringify(body);
      // A button may be pressed twice before it is drawn as pressed.
      if (running.current?.text === text) return running.current.answer;
      const send = async () => {
        setState({ isBusy: true, error: null, answer: null });
        const name = await nameAct(verb, text);
        // A failed line leaves it open whether it was said: the same words go with the same token.
        if (last.current.text !== text) last.current = { text, token: readOpenActs()[name]?.token ?? makeToken() };
        keepOpenAct(name, last.current.token);
        try {
          const answer = await act(verb, { token: last.current.token, ...body });
          last.current = { text: "", token: "" };
          keepOpenAct(name, "");
          setState({ isBusy: false, error: null, answer });
          return answer;
        } catch (error) {
          const told = error instanceof AskError ? error : new AskError({ code: "fault", message: String(error) }, 0);
          if (told.code !== "fate-unknown") keepOpenAct(name, "");
          setState({ isBusy: false, error: told, answer: null });
          return null;
        }
      };
      const answer = send().finally(() => (running.current = null));
      running.current = { text, answer };
      return answer;
    },
    [verb],
  );
  return { ...state, run };
}
