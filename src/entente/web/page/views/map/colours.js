// The colours of the map: the page's own tokens, read anew when light turns to dark.
//
// Invariants: no colour is written down here; what the style sheets say is what the map and the side view draw with.
//
//     const colours = useStore(mapColours);   // colours.party[2], colours.sea, colours.heights[0]
import { createStore } from "../../core/store.js";
import { theme } from "../shell/theme.js";

/** Lowest height of each step of the ramp, in metres above the ellipsoid; what lies below the second is the first. */
export const HEIGHT_STEPS_M = /** @type {const} */ ([-Infinity, 150, 1000, 3000, 6000, 12_000]);
export const PARTY_LOOKS = 8;

/**
 * @typedef {{
 *   party: string[], heights: string[], sea: string, land: string, border: string, mapInk: string, ink: string,
 *   ink2: string, surface: string, accent: string, site: string, conflict: string, line: string, isDark: boolean,
 *   zone: Record<string, string>,
 * }} MapColours
 */

/** @returns {MapColours} */
function readColours() {
  const style = getComputedStyle(document.documentElement);
  const get = (/** @type {string} */ name) => style.getPropertyValue(name).trim() || "#808080";
  const [safe, denied, restricted] = [get("--zone-safe"), get("--zone-denied"), get("--zone-restricted")];
  return {
    party: Array.from({ length: PARTY_LOOKS }, (_, at) => get(`--party-${at}`)),
    heights: HEIGHT_STEPS_M.map((_, at) => get(`--height-${at}`)),
    sea: get("--map-sea"),
    land: get("--map-land"),
    border: get("--map-border"),
    mapInk: get("--map-ink"),
    ink: get("--ink"),
    ink2: get("--ink-2"),
    surface: get("--surface"),
    accent: get("--accent"),
    site: get("--site"),
    conflict: get("--conflict"),
    line: get("--line"),
    isDark: get("--map-dark") === "1",
    zone: {
      safe, denied, restricted, caution: restricted, demilitarised: safe, corridor: safe, line: get("--ink-2"),
    },
  };
}

/** @type {import("../../core/store.js").Store<MapColours>} */
export const mapColours = createStore(readColours());

const look = () => mapColours.set(readColours());
theme.subscribe(look);
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", look);
