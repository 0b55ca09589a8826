// What of the picture is drawn, how, and when: the layers over `picture-volumes`, and their filters.
//
// Invariants: every area has a point that is drawn at every zoom, so that nothing is too small to be seen; what is
// true at the cursor's moment is filled, what comes later is an outline alone, what is over is faint and only drawn
// when asked for; a party is told by colour, pattern and letters, a state by the outline's dashes and by its word.
//
// It asks for nothing and knows no document: `canvas.js` puts the layers on the map.
//
//     makeLayers(colours, { byHeight: false, areFeet: false });
//     makeFilters({ at_ms, ahead_ms, hasPast, chosen, selected });
import { t } from "../../core/words.js";
import { FONT } from "./base.js";
import { HEIGHT_STEPS_M } from "./colours.js";

/** Dashes of an activity's outline, in widths of the line. */
export const DASHES = /** @type {Record<string, number[]>} */ ({
  notified: [3, 1.6],
  acknowledged: [7, 1.4],
  concurred: [1, 0],
  objected: [5, 1.3, 1, 1.3],
  lapsed: [1, 1.5],
  closed: [1, 3],
  cancelled: [1, 3],
});
export const STATES = ["concurred", "acknowledged", "notified", "objected", "lapsed", "closed", "cancelled"];
export const KINDS = ["air", "ground", "convoy", "maritime", "drone", "medical", "other"];
export const ZONES = ["safe", "denied", "restricted", "caution", "demilitarised", "corridor", "line"];
/** Heights beyond this stand for "without bound" in the features. */
export const UNBOUNDED_M = 999_999;
const FOOT_M = 0.3048;
/** More labels than this are only written when the map is near: placing them would stop it. */
export const MOST_LABELS = 4000;

/** @typedef {readonly [string, ...any[]]} Expression */
/**
 * @typedef {{ parties: number[] | null, kinds: string[] | null, states: string[] | null, inConflict: boolean,
 *   isOwn: boolean }} Chosen Null: all of them.
 */
/** @typedef {{ byHeight: boolean, areFeet: boolean, hasManyThings: boolean, letters: string[] }} Look */
/**
 * @typedef {{ at_ms: number, ahead_ms: number, hasPast: boolean, chosen: Chosen, selected: string[],
 *   roles: Record<string, boolean> }} Moment `roles`: what is switched off is false.
 */

const get = (/** @type {string} */ name) => ["get", name];

/** @param {string[]} roles @returns {any} */
const isRole = (...roles) => ["match", get("role"), roles, true, false];

/** @param {import("./colours.js").MapColours} colours @returns {any} */
function partyColour(colours) {
  return ["match", ["%", get("party"), colours.party.length], ...colours.party.flatMap((one, at) => [at, one]), colours.ink2];
}

/** @param {import("./colours.js").MapColours} colours @returns {any} */
function heightColour(colours) {
  return ["step", get("low_m"), colours.heights[0], ...HEIGHT_STEPS_M.slice(1).flatMap((one, at) => [one, colours.heights[at + 1]])];
}

/** @param {import("./colours.js").MapColours} colours @returns {any} */
function zoneColour(colours) {
  return ["match", get("kind"), ...Object.entries(colours.zone).flat(), colours.ink2];
}

/** @param {boolean} areFeet @returns {any} "600–1,500 m" */
function sayHeights(areFeet) {
  const number = (/** @type {string} */ name) => [
    "number-format", areFeet ? ["/", get(name), FOOT_M] : get(name), { "max-fraction-digits": 0 },
  ];
  const unit = areFeet ? "ft" : "m";
  return [
    "case",
    ["all", ["<", get("low_m"), -UNBOUNDED_M], [">", get("high_m"), UNBOUNDED_M]], t("map.all-heights"),
    ["<", get("low_m"), -UNBOUNDED_M], ["concat", t("map.up-to"), " ", number("high_m"), " ", unit],
    [">", get("high_m"), UNBOUNDED_M], ["concat", t("map.from-up"), " ", number("low_m"), " ", unit],
    ["concat", number("low_m"), "–", number("high_m"), " ", unit],
  ];
}

/** @param {Look} look @returns {any} "TR Convoy 7 / 0–300 m · not acknowledged" */
function sayThing(look) {
  const letters = ["match", get("party"), ...look.letters.flatMap((one, at) => [at, one]), "?"];
  const state = [
    "match", get("role"), "activity-at", ["match", get("state"), ...STATES.flatMap((one) => [one, t(`map.state-${one}`)]), get("state")],
    "zone-at", ["match", get("kind"), ...ZONES.flatMap((one) => [one, t(`map.zone-${one}`)]), get("kind")],
    "site-at", t("map.site"), "incident-at", t("map.incident"), "item-at", t("map.item"), "",
  ];
  return [
    "format",
    ["case", ["==", get("armed"), 1], ["image", "armed"], ""], {},
    ["concat", ["case", ["==", get("own"), 1], ["concat", t("shell.own"), " · "], ["concat", letters, " · "]], get("label")], {},
    "\n", {},
    ["concat", state, ["case", ["match", get("role"), ["activity-at", "zone-at"], true, false], ["concat", " · ", sayHeights(look.areFeet)], ""]],
    { "font-scale": 0.86 },
  ];
}

const AT_ROLES = ["activity-at", "zone-at", "site-at", "incident-at", "item-at"];

/**
 * The layers over the features, from the lowest; each has the source `things` unless it says another.
 *
 * @param {import("./colours.js").MapColours} colours @param {Look} look @returns {any[]}
 */
export function makeLayers(colours, look) {
  const party = partyColour(colours);
  const fill = look.byHeight ? heightColour(colours) : party;
  const pattern = [
    "match", ["%", get("party"), 8], ...colours.party.flatMap((_, at) => [at, `${look.byHeight ? "plain" : "party"}-${at}`]), "party-7",
  ];
  const zone = zoneColour(colours);
  const zonePattern = ["match", get("kind"), ...ZONES.flatMap((one) => [one, `zone-${one}`]), "zone-line"];
  const width = ["case", ["==", get("own"), 1], 3, 1.7];
  const dashes = ["match", get("state"), ...Object.entries(DASHES).flatMap(([name, one]) => [name, ["literal", one]]), ["literal", [1, 0]]];
  const mark = (/** @type {string} */ id, /** @type {any} */ image, /** @type {object} */ more = {}) => ({
    id, type: "symbol", layout: { "icon-image": image, "icon-allow-overlap": true, "icon-ignore-placement": false, "icon-size": 0.9, ...more },
  });
  const layers = [
    { id: "zone-fill", type: "fill", paint: { "fill-pattern": zonePattern, "fill-opacity": 0.75 } },
    { id: "zone-line", type: "line", paint: { "line-color": zone, "line-width": 2.2, "line-opacity": 0.95 } },
    { id: "buffer-fill", type: "fill", paint: { "fill-color": colours.site, "fill-opacity": 0.1 } },
    { id: "buffer-line", type: "line", paint: { "line-color": colours.site, "line-width": 1.4, "line-dasharray": [4, 2] } },
    {
      id: "around-line", type: "line", source: "around",
      paint: { "line-color": party, "line-width": 1, "line-dasharray": [1, 2.5], "line-opacity": 0.9 },
    },
    { id: "past-line", type: "line", paint: { "line-color": party, "line-width": 1, "line-opacity": 0.35, "line-dasharray": [1, 3] } },
    { id: "ahead-line", type: "line", paint: { "line-color": look.byHeight ? fill : party, "line-width": 1.2, "line-opacity": 0.75 } },
    { id: "act-fill", type: "fill", paint: { "fill-color": fill, "fill-opacity": look.byHeight ? 0.55 : 0.2, "fill-antialias": false } },
    { id: "act-pattern", type: "fill", paint: { "fill-pattern": pattern, "fill-opacity": look.byHeight ? 0.45 : 0.75 } },
    { id: "meet-line", type: "line", paint: { "line-color": colours.conflict, "line-width": 6, "line-opacity": 0.4 } },
    { id: "act-line", type: "line", paint: { "line-color": party, "line-width": width, "line-dasharray": dashes } },
    { id: "site-fill", type: "fill", paint: { "fill-color": colours.site, "fill-opacity": 0.45 } },
    { id: "site-line", type: "line", paint: { "line-color": colours.site, "line-width": 2 } },
    { id: "incident-line", type: "line", paint: { "line-color": colours.conflict, "line-width": 1.6, "line-dasharray": [2, 2] } },
    { id: "item-fill", type: "fill", paint: { "fill-color": colours.accent, "fill-opacity": 0.12 } },
    { id: "item-line", type: "line", paint: { "line-color": colours.accent, "line-width": 1.4 } },
    { id: "chosen-case", type: "line", paint: { "line-color": colours.surface, "line-width": 7, "line-opacity": 0.9 } },
    { id: "chosen-line", type: "line", paint: { "line-color": colours.accent, "line-width": 3.6 } },
    {
      id: "dot-ahead", type: "circle",
      paint: { "circle-radius": 3.2, "circle-opacity": 0, "circle-stroke-color": party, "circle-stroke-width": 1.3 },
    },
    {
      id: "dot", type: "circle",
      paint: {
        "circle-radius": ["case", ["==", get("own"), 1], 4.6, 3.4],
        "circle-color": ["match", get("role"), "zone-at", zone, "site-at", colours.site, party],
        "circle-stroke-color": ["case", ["==", get("own"), 1], colours.ink, colours.surface],
        "circle-stroke-width": ["case", ["==", get("own"), 1], 1.8, 1],
      },
    },
    {
      id: "label", type: "symbol", minzoom: look.hasManyThings ? 6 : 0,
      layout: {
        "text-field": sayThing(look), "text-font": FONT, "text-size": 12, "text-variable-anchor": ["top", "bottom", "left", "right"],
        "text-radial-offset": 0.6, "text-justify": "auto", "text-max-width": 16, "text-padding": 3,
        "symbol-sort-key": ["-", ["*", -2, get("conflict")], get("own")],
      },
      paint: { "text-color": colours.ink, "text-halo-color": colours.surface, "text-halo-width": 1.6 },
    },
    mark("item-mark", ["case", ["==", get("state"), "recalled"], "recalled", "item"]),
    mark("site-mark", "site", { "icon-size": 0.75, "icon-allow-overlap": false }),
    mark("incident-mark", "incident"),
    mark("meet-mark", "conflict"),
  ];
  return layers.map((one) => ({ source: "things", ...one }));
}

/** @param {Chosen} chosen @returns {any[]} What an activity must be to be shown. */
function chooseActivities(chosen) {
  const wants = [];
  if (chosen.parties) wants.push(["match", get("party"), chosen.parties.length ? chosen.parties : [-1], true, false]);
  if (chosen.isOwn) wants.push(["==", get("own"), 1]);
  if (chosen.inConflict) wants.push(["==", get("conflict"), 1]);
  const byRole = [];
  if (chosen.kinds) byRole.push(["match", get("kind"), chosen.kinds.length ? chosen.kinds : ["?"], true, false]);
  if (chosen.states) byRole.push(["match", get("state"), chosen.states.length ? chosen.states : ["?"], true, false]);
  if (byRole.length) wants.push(["case", isRole("activity", "activity-at", "around"), ["all", ...byRole], true]);
  return wants;
}

/** @param {Moment} moment @returns {Record<string, any>} A filter for each layer. */
export function makeFilters(moment) {
  const { at_ms, ahead_ms, chosen, roles } = moment;
  const wants = chooseActivities(chosen);
  const isOn = (/** @type {string} */ role) => roles[role] !== false;
  const now = [["<=", get("from_ms"), at_ms], [">", get("until_ms"), at_ms]];
  const soon = [[">", get("from_ms"), at_ms], ["<=", get("from_ms"), at_ms + ahead_ms]];
  const near = [[">", get("until_ms"), at_ms], ["<=", get("from_ms"), at_ms + ahead_ms]];
  const all = (/** @type {string[]} */ names, /** @type {any[]} */ when) => {
    const shown = names.filter((name) => isOn(name.replace(/-at$/, "")));
    return ["all", shown.length ? isRole(...shown) : false, ...when, ...wants];
  };
  const points = [...AT_ROLES];
  return {
    "zone-fill": all(["zone"], now),
    "zone-line": all(["zone"], now),
    "buffer-fill": all(["buffer"], now),
    "buffer-line": all(["buffer"], now),
    "around-line": all(["around"], near),
    "past-line": moment.hasPast ? all(["activity", "zone"], [["<=", get("until_ms"), at_ms]]) : false,
    "ahead-line": all(["activity", "zone"], soon),
    "act-fill": all(["activity"], now),
    "act-pattern": all(["activity"], now),
    "meet-line": ["all", ["==", get("conflict"), 1], all(["activity"], near)],
    "act-line": all(["activity"], now),
    "site-fill": all(["site"], now),
    "site-line": all(["site"], now),
    "incident-line": all(["incident"], [["<=", get("from_ms"), at_ms]]),
    "item-fill": all(["item"], now),
    "item-line": all(["item"], near),
    "chosen-case": ["match", get("object"), moment.selected.length ? moment.selected : ["?"], ["!", isRole("conflict", "buffer", ...AT_ROLES)], false],
    "chosen-line": ["match", get("object"), moment.selected.length ? moment.selected : ["?"], ["!", isRole("conflict", "buffer", ...AT_ROLES)], false],
    dot: all(points, now),
    "dot-ahead": all(points, soon),
    label: all(points, near),
    "item-mark": all(["item-at"], near),
    "site-mark": all(["site-at"], now),
    "incident-mark": all(["incident-at"], [["<=", get("from_ms"), at_ms]]),
    "meet-mark": ["all", isOn("conflict") ? isRole("conflict") : false, [">", get("until_ms"), at_ms]],
  };
}

/** Layers in which something can be pointed at, the uppermost first. */
export const POINTABLE = [
  "meet-mark", "incident-mark", "item-mark", "site-mark", "dot", "dot-ahead", "act-line", "act-fill", "ahead-line", "site-fill",
  "zone-fill", "zone-line", "incident-line", "item-fill", "past-line",
];
