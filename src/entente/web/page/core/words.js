// The page's own sentences, by name, in the reader's language.
//
// Invariants: English is complete, and what another language lacks is shown in English; a name that is in no
// catalogue is shown as itself, so that it is seen; what partners wrote is never translated here, and what is signed
// stays in its own language. A catalogue is loaded with the view that needs it.
//
//     await loadWords("inbox");
//     t("inbox.due", { n: 3 })               // "3 things to do"
//     tx("inbox.from", { who: html`<b>…</b>` })   // pieces, for a sentence with more than text in it
import { clean } from "./safe.js";
import { createStore } from "./store.js";

/** @typedef {string | { one: string, other: string, few?: string, many?: string }} Sentence */
/** @typedef {Record<string, Sentence>} Catalogue */

export const LANGUAGES = /** @type {const} */ ({ en: "English", fr: "Français" });

/** @type {import("./store.js").Store<string>} */
export const language = createStore(chooseLanguage());

/** @type {Map<string, Catalogue>} by "fr/inbox" */
const catalogues = new Map();

function chooseLanguage() {
  const asked = new URLSearchParams(window.location.search).get("lang") ?? readChoice();
  if (asked && asked in LANGUAGES) return asked;
  const own = navigator.languages.map((one) => one.slice(0, 2)).find((one) => one in LANGUAGES);
  return own ?? "en";
}

function readChoice() {
  try {
    return window.localStorage.getItem("entente.lang");
  } catch {
    return null; // storage is switched off: the choice lives as long as the tab
  }
}

/** @param {string} code One of `LANGUAGES`. @param {Iterable<string>} names The catalogues that are in use. */
export async function setLanguage(code, names = [...new Set([...catalogues.keys()].map((one) => one.slice(3)))]) {
  if (!(code in LANGUAGES)) return;
  await Promise.all([...names].map((name) => loadOne(code, name)));
  try {
    window.localStorage.setItem("entente.lang", code);
  } catch {
    // as above
  }
  document.documentElement.lang = code;
  language.set(code);
}

/** @param {string} code @param {string} name */
async function loadOne(code, name) {
  const key = `${code}/${name}`;
  if (catalogues.has(key)) return;
  try {
    const found = await import(`../words/${code}/${name}.js`);
    catalogues.set(key, found.default);
  } catch (error) {
    if (code === "en") throw error;
    catalogues.set(key, {}); // English is shown instead
  }
}

/** @param {...string} names */
export async function loadWords(...names) {
  const codes = new Set(["en", language.get()]);
  await Promise.all(names.flatMap((name) => [...codes].map((code) => loadOne(code, name))));
}

/** @param {string} key @returns {Sentence | undefined} */
function findSentence(key) {
  const dot = key.indexOf(".");
  const [name, rest] = [key.slice(0, dot), key.slice(dot + 1)];
  return catalogues.get(`${language.get()}/${name}`)?.[rest] ?? catalogues.get(`en/${name}`)?.[rest];
}

/** @param {string} key @param {Record<string, unknown>} args @returns {string} */
function choose(key, args) {
  const found = findSentence(key);
  // A name may hold what a desk said (a state that this page does not know): shown, and no more than shown.
  // SECURITY: tests/browser/test_page_hostile.py, every text of an answer.
  if (found === undefined) return clean(key, 80);
  if (typeof found === "string") return found;
  const rule = new Intl.PluralRules(language.get()).select(Number(args["n"] ?? 0));
  return /** @type {Record<string, string>} */ (found)[rule] ?? found.other;
}

/** @param {string} key @returns {boolean} */
export function hasWords(key) {
  return findSentence(key) !== undefined;
}

/** @param {string} key "view.name" @param {Record<string, string | number>} [args] @returns {string} */
export function t(key, args = {}) {
  return choose(key, args).replace(/\{(\w+)\}/g, (whole, name) => (name in args ? String(args[name]) : whole));
}

/** @param {string} key @param {Record<string, unknown>} args @returns {unknown[]} */
export function tx(key, args) {
  return choose(key, args)
    .split(/(\{\w+\})/)
    .map((piece) => {
      const name = /^\{(\w+)\}$/.exec(piece)?.[1];
      return name !== undefined && name in args ? args[name] : piece;
    });
}

/** @param {number} value @param {number} [decimals] */
export function formatNumber(value, decimals = 0) {
  return value.toLocaleString(language.get() === "en" ? "en-GB" : language.get(), {
    maximumFractionDigits: decimals,
  });
}
