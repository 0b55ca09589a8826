// The map's state, as the address holds it.
//
// Invariants: what is not in the address is the default; a word that is not known there is left out, never guessed.
//
//     const state = useMapState();
//     setParams({ colour: "height" });
import { useMemo } from "../../core/dom.js";
import { lookPath } from "../../core/api.js";
import { route } from "../../core/route.js";
import { useStore } from "../../core/store.js";
import { listPartyIds } from "../../parts/party.js";
import { KINDS, STATES } from "./layers.js";

export const ROLES = /** @type {const} */ (["activity", "zone", "site", "buffer", "around", "conflict", "incident", "item"]);
/** How far ahead of the cursor what is to come is outlined, in hours, by default. */
const AHEAD_H = 6;
const HOUR_MS = 3_600_000;

/** @param {string | undefined} text @param {readonly string[]} known @returns {string[] | null} */
function readList(text, known) {
  if (text === undefined) return null;
  return text.split(",").filter((one) => known.includes(one));
}

/** @param {string | undefined} text "lat,lon,zoom" @returns {{ lat: number, lon: number, zoom: number } | null} */
export function readAt(text) {
  const [lat, lon, zoom] = (text ?? "").split(",").map(Number);
  if (lat === undefined || lon === undefined || zoom === undefined || ![lat, lon, zoom].every(Number.isFinite)) return null;
  if (Math.abs(lat) > 90 || Math.abs(lon) > 180 || zoom < 0 || zoom > 22) return null;
  return { lat, lon, zoom };
}

/** @param {{ lng: number, lat: number }} center @param {number} zoom */
export function encodeAt(center, zoom) {
  const lon = ((((center.lng + 180) % 360) + 360) % 360) - 180;
  const digits = zoom > 12 ? 5 : zoom > 7 ? 4 : 3;
  return `${center.lat.toFixed(digits)},${lon.toFixed(digits)},${zoom.toFixed(2)}`;
}

/** @param {Readonly<Record<string, string>>} params */
export function readState(params) {
  const ids = listPartyIds();
  const parties = readList(params["parties"], ids);
  const off = new Set((params["off"] ?? "").split(","));
  const ahead_h = Number(params["ahead"] ?? AHEAD_H);
  return {
    at: readAt(params["at"]),
    item: params["item"] ?? "",
    parties,
    kinds: readList(params["kinds"], KINDS),
    states: readList(params["states"], STATES),
    inConflict: params["only"] === "conflicts",
    isOwn: params["only"] === "own",
    byHeight: params["colour"] === "height",
    areFeet: params["units"] === "ft",
    ahead_ms: (Number.isFinite(ahead_h) && ahead_h >= 0 ? Math.min(ahead_h, 8784) : AHEAD_H) * HOUR_MS,
    hasPast: params["past"] === "1",
    hasAround: params["rings"] === "1",
    isTable: params["table"] === "1",
    side: params["side"] ?? "",
    draw: /** @type {"" | "notify" | "update" | "counter"} */ (["notify", "update", "counter"].includes(params["draw"] ?? "") ? params["draw"] : ""),
    object: params["object"] ?? "",
    roles: /** @type {Record<string, boolean>} */ (Object.fromEntries(ROLES.map((role) => [role, !off.has(role)]))),
  };
}

/** @typedef {ReturnType<typeof readState>} MapState */

/** @returns {MapState} */
export function useMapState() {
  const params = useStore(route, (one) => one.params);
  return useMemo(() => readState(params), [params]);
}

/** @param {MapState} state @returns {import("./layers.js").Chosen} */
export function readChosen(state) {
  const ids = listPartyIds();
  return {
    parties: state.parties && state.parties.map((one) => ids.indexOf(one)),
    kinds: state.kinds,
    states: state.states,
    inConflict: state.inConflict,
    isOwn: state.isOwn,
  };
}

/**
 * The address of the features: MapLibre's worker fetches and reads them.
 *
 * @param {{ at_size: number | null, hasPast: boolean }} what @param {string} [roles] @returns {string}
 */
export function volumesUrl({ at_size, hasPast }, roles = "") {
  const query = { at_size: at_size ?? 0, ended: hasPast ? 1 : 0, ...(roles ? { roles, around: 1 } : {}) };
  return new URL(lookPath("picture-volumes", query), window.location.origin).href;
}
