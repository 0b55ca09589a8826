// Where the page is: the path names the view, the query holds all of its state. So a link shows a colleague the
// same picture, and "back" goes back.
//
// Invariants: all state of a view that is worth keeping is in the query; an empty value is left out; a change that
// only follows a movement (a pan, a scrub) replaces the entry in the browser's history, any other adds one.
//
// It loads no view: `app.js` does.
//
//     setParams({ item: "17" });
//     const item = useParam("item");
import { createStore, useStore } from "./store.js";

export const VIEWS = /** @type {readonly string[]} */ ([
  "map", "inbox", "talk", "conflicts", "release", "blind", "terms", "record", "help",
]);

/** @typedef {{ view: string, params: Readonly<Record<string, string>> }} Route */

/** Parameters that every view shares; they go along from view to view. */
const COMMON = ["t", "known", "lang", "theme"];

/** @param {{ pathname: string, search: string }} location @returns {Route} */
export function parseLocation(location) {
  const name = location.pathname.replace(/^\/+|\/+$/g, "");
  const view = VIEWS.includes(name) ? name : "map";
  /** @type {Record<string, string>} */
  const params = {};
  for (const [key, value] of new URLSearchParams(location.search)) if (!(key in params)) params[key] = value;
  return { view, params };
}

/** @type {import("./store.js").Store<Route>} */
export const route = createStore(parseLocation(window.location));

/** @param {string} view @param {Record<string, string>} params @returns {string} */
export function makeHref(view, params) {
  const query = new URLSearchParams(Object.entries(params).filter(([, value]) => value !== ""));
  query.sort();
  const text = query.toString().replaceAll("%2C", ",").replaceAll("%3A", ":");
  return `/${view}${text ? `?${text}` : ""}`;
}

/** @param {Route} next @param {boolean} isReplacing */
function move(next, isReplacing) {
  const href = makeHref(next.view, next.params);
  if (href === window.location.pathname + window.location.search) return;
  if (isReplacing) window.history.replaceState(null, "", href);
  else window.history.pushState(null, "", href);
  route.set(next);
}

/** Return the parameters that go along to another view. */
function commonParams() {
  const { params } = route.get();
  return Object.fromEntries(COMMON.filter((name) => name in params).map((name) => [name, params[name] ?? ""]));
}

/**
 * Give the address of a view, for a link: the shared parameters go along.
 *
 * @param {string} view @param {Record<string, string>} [params]
 */
export function linkTo(view, params = {}) {
  return makeHref(view, { ...commonParams(), ...params });
}

/** @param {string} view @param {Record<string, string>} [params] */
export function go(view, params = {}) {
  move({ view, params: { ...commonParams(), ...params } }, false);
}

/**
 * Change some of the state in the address; an empty text or null takes a parameter out.
 *
 * @param {Record<string, string | null>} patch
 * @param {{ replace?: boolean }} [how]
 */
export function setParams(patch, how = {}) {
  const { view, params } = route.get();
  /** @type {Record<string, string>} */
  const next = { ...params };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null || value === "") delete next[name];
    else next[name] = value;
  }
  move({ view, params: next }, how.replace ?? false);
}

/** @param {string} name @param {string} [fallback] @returns {string} */
export function useParam(name, fallback = "") {
  return useStore(route, (one) => one.params[name] ?? fallback);
}

/** Follow the browser's own moves, and take clicks on our links. Called once. */
export function startRouting() {
  window.addEventListener("popstate", () => route.set(parseLocation(window.location)));
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
    if (!(link instanceof HTMLAnchorElement) || link.target || link.hasAttribute("download")) return;
    const url = new URL(link.href);
    if (url.origin !== window.location.origin) return;
    if (!VIEWS.includes(url.pathname.slice(1))) return;
    event.preventDefault();
    move(parseLocation(url), false);
  });
}
