// Drawing by hand: clicks add points, corners are dragged, the middle of an edge becomes a corner.
//
// Invariants: whatever the hand does is one change that can be taken back; while a corner is dragged the map stays
// where it is; nothing here asks the desk or tells anybody.
//
// The form (`form.js`) does all of the same without a hand on the map.
//
//     const leave = attachPen(map);
import { change, changeShape, draft, endChange, makePoint, readWidth } from "./draft.js";
import { MILE_M } from "../units.js";

const EARTH_M = 6_371_008.8;
const RADIAN = Math.PI / 180;
const NEAR_PX = 9;
const TOUCH_PX = 20;
/** The handle on a circle's edge stands for its radius. */
const EDGE = 100_000;

/** On a sphere: for handles and for what is shown until the desk has answered. @param {[number, number]} from @param {number} bearing_deg @param {number} distance_m @returns {[number, number]} */
function walk([lat, lon], bearing_deg, distance_m) {
  const [angle, way] = [distance_m / EARTH_M, bearing_deg * RADIAN];
  const north = Math.asin(Math.sin(lat * RADIAN) * Math.cos(angle) + Math.cos(lat * RADIAN) * Math.sin(angle) * Math.cos(way));
  const east = Math.atan2(Math.sin(way) * Math.sin(angle) * Math.cos(lat * RADIAN), Math.cos(angle) - Math.sin(lat * RADIAN) * Math.sin(north));
  return [north / RADIAN, lon + east / RADIAN];
}

/** @param {[number, number]} one @param {[number, number]} other */
function measure(one, other) {
  const [north, east] = [(other[0] - one[0]) * RADIAN, (other[1] - one[1]) * RADIAN];
  const part = Math.sin(north / 2) ** 2 + Math.cos(one[0] * RADIAN) * Math.cos(other[0] * RADIAN) * Math.sin(east / 2) ** 2;
  return 2 * EARTH_M * Math.asin(Math.min(1, Math.sqrt(part)));
}

/** @param {readonly [number, number][]} points @returns {number[][]} Longitude first, in one copy of the world. */
function unwrap(points) {
  /** @type {number[][]} */
  const line = [];
  for (const [lat, lon] of points) {
    const last = line.at(-1)?.[0] ?? lon;
    line.push([last + ((((lon - last + 180) % 360) + 360) % 360) - 180, lat]);
  }
  return line;
}

/** @param {object} properties @param {string} type @param {any} coordinates */
const feature = (properties, type, coordinates) => ({ type: "Feature", properties, geometry: { type, coordinates } });

/**
 * @param {import("./draft.js").Draft | null} one @param {any} trial What the desk says of this very draft, or null.
 * @returns {any} Features for the map's source `draft`.
 */
export function drawDraft(one, trial) {
  const features = /** @type {any[]} */ ([]);
  one?.shapes.forEach((shape, at) => {
    const line = unwrap(shape.points);
    const exact = trial?.volumes?.find((/** @type {any} */ volume) => volume.n === at)?.rings;
    const isOn = at === one.at;
    if (exact) features.push(feature({ part: "area" }, "MultiPolygon", exact));
    else if (shape.type === "polygon" && line.length > 2) features.push(feature({ part: "area" }, "Polygon", [[...line, line[0]]]));
    const [centre] = shape.points;
    const width_cm = readWidth(shape, one.areFeet);
    if (shape.type === "circle" && centre && width_cm !== null) {
      const ring = Array.from({ length: 73 }, (_, place) => walk(centre, place * 5, width_cm / 100)).map(([lat, lon]) => [lon, lat]);
      if (!exact) features.push(feature({ part: "area" }, "Polygon", [ring]));
      if (isOn) features.push(feature({ part: "corner", at: EDGE, on: 0 }, "Point", ring[18]));
    }
    if (shape.type === "corridor" || (shape.type === "polygon" && line.length === 2)) if (line.length > 1) features.push(feature({ part: "line" }, "LineString", line));
    if (!isOn) return;
    const count = shape.type === "polygon" && line.length > 2 ? line.length : line.length - 1;
    for (let place = 0; place < count && shape.type !== "circle"; place += 1) {
      const [from, to] = [line[place] ?? [0, 0], line[place + 1] ?? line[0] ?? [0, 0]];
      features.push(feature({ part: "middle", at: place }, "Point", [((from[0] ?? 0) + (to[0] ?? 0)) / 2, ((from[1] ?? 0) + (to[1] ?? 0)) / 2]));
    }
    line.forEach((point, place) => features.push(feature({ part: "corner", at: place, on: place === one.corner ? 1 : 0 }, "Point", point)));
  });
  for (const met of trial?.conflicts ?? []) if (met.at) features.push(feature({ part: "meet" }, "Point", met.at));
  return { type: "FeatureCollection", features };
}

/** @param {number} lat @param {number} lon */
export function addPoint(lat, lon) {
  const point = makePoint(lat, lon);
  change((one) => {
    const shape = one.shapes[one.at];
    if (!shape || shape.type === "kept") return one;
    const points = shape.type === "circle" ? [point] : [...shape.points, point];
    return { ...one, corner: points.length - 1, shapes: one.shapes.map((each, at) => (at === one.at ? { ...shape, points } : each)) };
  });
}

/** Take the chosen corner away, or else the last one. */
export function removePoint() {
  change((one) => {
    const shape = one.shapes[one.at];
    if (!shape || !shape.points.length) return one;
    const gone = one.corner >= 0 && one.corner < shape.points.length ? one.corner : shape.points.length - 1;
    const points = shape.points.filter((_, at) => at !== gone);
    return { ...one, corner: Math.min(gone, points.length - 1), shapes: one.shapes.map((each, at) => (at === one.at ? { ...shape, points } : each)) };
  });
}

/** @param {number} corner @param {[number, number]} point */
function movePoint(corner, point) {
  if (corner === EDGE) {
    changeShape((shape, one) => {
      const [centre] = shape.points;
      if (!centre) return shape;
      const radius_m = measure(centre, point);
      return { ...shape, width: one.areFeet ? String(Math.max(0.01, Math.round((radius_m / MILE_M) * 100) / 100)) : String(Math.max(1, Math.round(radius_m))) };
    }, "drag");
    return;
  }
  changeShape((shape) => ({ ...shape, points: shape.points.map((each, at) => (at === corner ? point : each)) }), "drag");
}

/** @param {any} map @returns {() => void} */
export function attachPen(map) {
  let dragged = -1;
  let hasMoved = false;
  const find = (/** @type {any} */ point, /** @type {number} */ reach_px) => {
    if (!map.getLayer("draft-corner")) return null;
    const box = [[point.x - reach_px, point.y - reach_px], [point.x + reach_px, point.y + reach_px]];
    return map.queryRenderedFeatures(box, { layers: ["draft-corner"] })[0] ?? map.queryRenderedFeatures(box, { layers: ["draft-middle"] })[0] ?? null;
  };
  const down = (/** @type {any} */ event) => {
    if (event.points?.length > 1) return;
    const found = find(event.point, event.type === "touchstart" ? TOUCH_PX : NEAR_PX);
    if (found === null) return;
    event.preventDefault(); // MapLibre: the map is not moved then
    const at = Number(found.properties.at);
    [dragged, hasMoved] = [at, false];
    endChange();
    if (found.properties.part === "middle") {
      dragged = at + 1;
      const point = makePoint(event.lngLat.lat, event.lngLat.lng);
      change((one) => ({
        ...one, corner: dragged,
        shapes: one.shapes.map((shape, place) => (place === one.at ? { ...shape, points: [...shape.points.slice(0, dragged), point, ...shape.points.slice(dragged)] } : shape)),
      }));
      hasMoved = true;
    } else if (at !== EDGE && draft.get()?.corner !== at) change((one) => ({ ...one, corner: at }), "choose");
  };
  const move = (/** @type {any} */ event) => {
    if (dragged < 0) return;
    hasMoved = true;
    movePoint(dragged, makePoint(event.lngLat.lat, event.lngLat.lng));
  };
  const up = () => {
    if (dragged >= 0) endChange();
    dragged = -1;
  };
  const click = (/** @type {any} */ event) => {
    if (hasMoved || find(event.point, event.originalEvent?.pointerType === "touch" ? TOUCH_PX : NEAR_PX) !== null) {
      hasMoved = false;
      return;
    }
    addPoint(event.lngLat.lat, event.lngLat.lng);
  };
  const hands = /** @type {[string, (event: any) => void][]} */ ([
    ["mousedown", down], ["touchstart", down], ["mousemove", move], ["touchmove", move], ["mouseup", up], ["touchend", up], ["click", click],
  ]);
  for (const [name, act] of hands) map.on(name, act);
  map.doubleClickZoom.disable();
  return () => {
    for (const [name, act] of hands) map.off(name, act);
    map.doubleClickZoom.enable();
  };
}
