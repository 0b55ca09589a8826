// What is on the map, as files for others: GeoJSON, KML, CSV, a picture.
//
// Invariants: what the filters show goes out and nothing else; every file says of which moment it is, as known when,
// and of which heights' datum; a number is never moved to another datum in silence: KML's "absolute" is above sea
// level, ours are above the ellipsoid, and each placemark says so; an exercise is marked as one. What has no bound
// has none there either, and is no large number; no position goes beyond 180 degrees (RFC 7946, KML 2.2).
//
//     makeExports({ things, state, data, canvas, at_ms })   // items for ExportMenu
import { look } from "../../core/api.js";
import { clean, showMarks } from "../../core/safe.js";
import { session } from "../../core/session.js";
import { encodeUtc, formatUtc } from "../../core/time.js";
import { t } from "../../core/words.js";
import { saveFile, toCsv } from "../../parts/export.js";
import { makeColumns } from "./twin.js";

/** @typedef {{ things: readonly import("./things.js").Thing[], state: import("./state.js").MapState, data: any, canvas: any, at_ms: number }} What */

/** @param {What} what @returns {Record<string, unknown>} */
function describe({ data, at_ms }) {
  return {
    moment: encodeUtc(at_ms),
    as_known_after_entries: data?.at_size ?? null,
    heights: "metres above the WGS84 ellipsoid",
    party: session.get()?.party ?? "",
    is_exercise: session.get()?.exercise ?? false,
    note: t("map.export-note"),
  };
}

/** Ask again with the outlines, for the things that are shown. @param {What} what @returns {Promise<any[]>} */
async function findFeatures({ things, state, data }) {
  const whole = await look("picture-volumes", { at_size: data?.at_size ?? 0, ended: state.hasPast ? 1 : 0 });
  const keys = new Set(things.map((one) => one.key));
  return whole.features
    .filter((/** @type {any} */ one) => keys.has(one.properties.object) && !one.properties.role.endsWith("-at"))
    .map(toOutside);
}

/** @param {number[][]} ring Closed. @param {number} edge @param {1 | -1} side @returns {number[][]} What is on that side of a meridian. */
function clip(ring, edge, side) {
  const open = ring.slice(0, -1);
  const isIn = (/** @type {number[]} */ one) => side * (/** @type {number} */ (one[0]) - edge) <= 0;
  const found = open.flatMap((one, at) => {
    const before = /** @type {number[]} */ (open.at(at - 1));
    const [lon, lat, lon0, lat0] = /** @type {[number, number, number, number]} */ ([one[0], one[1], before[0], before[1]]);
    const cut = isIn(one) === isIn(before) ? [] : [[edge, lat0 + ((edge - lon0) / (lon - lon0)) * (lat - lat0)]];
    return isIn(one) ? [...cut, one] : cut;
  });
  return found.length < 3 ? [] : [...found, /** @type {number[]} */ (found[0])];
}

/**
 * Cut polygons along the meridian of 180 degrees, and put each part where it is called: on a flat map of ours they go on beyond.
 *
 * @param {number[][][][]} polygons @returns {number[][][][]}
 */
export function cutAt180(polygons) {
  return polygons.flatMap((rings) => {
    const lons = /** @type {number[][]} */ (rings[0]).map((one) => /** @type {number} */ (one[0]));
    if (Math.min(...lons) >= -180 && Math.max(...lons) <= 180) return [rings];
    return [-360, 0, 360].flatMap((turn) => {
      const parts = rings.map((ring) => clip(clip(ring, turn + 180, 1), turn - 180, -1)).filter((ring) => ring.length);
      return parts.length ? [parts.map((ring) => ring.map(([lon, lat]) => [/** @type {number} */ (lon) - turn, /** @type {number} */ (lat)]))] : [];
    });
  });
}

const isBound = (/** @type {number} */ height_m) => Math.abs(height_m) <= 999_999;
const isTime = (/** @type {number} */ ms) => Math.abs(ms) < 8.6e15;

/** @param {any} feature A feature of the map, as others read one. */
function toOutside({ id, geometry, properties: { from_ms, until_ms, low_m, high_m, party: _, ...one } }) {
  const properties = {
    ...one,
    from: isTime(from_ms) ? encodeUtc(from_ms) : null,
    until: isTime(until_ms) ? encodeUtc(until_ms) : null,
    low_m: isBound(low_m) ? low_m : null,
    high_m: isBound(high_m) ? high_m : null,
  };
  const isArea = geometry.type === "MultiPolygon";
  return { type: "Feature", id, geometry: isArea ? { ...geometry, coordinates: cutAt180(geometry.coordinates) } : geometry, properties };
}

/** @param {string} text */
const xml = (text) => showMarks(text).replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`);

/** @param {readonly any[]} ring @param {number | null} height_m */
const ringText = (ring, height_m) => ring.map(([lon, lat]) => `${lon},${lat},${height_m ?? 0}`).join(" ");

/** @param {any} feature As `toOutside` makes one. @returns {string} */
function placemark({ properties: one, geometry }) {
  const { low_m, high_m } = one;
  const polygons = geometry.type === "MultiPolygon" ? geometry.coordinates : [];
  const edge = (/** @type {number[][]} */ ring, /** @type {number} */ at) => {
    const name = at ? "innerBoundaryIs" : "outerBoundaryIs";
    return `<${name}><LinearRing><coordinates>${ringText(ring, high_m)}</coordinates></LinearRing></${name}>`;
  };
  const mode = high_m === null ? "clampToGround" : "absolute";
  const polygon = (/** @type {number[][][]} */ rings) => `<Polygon><extrude>0</extrude><altitudeMode>${mode}</altitudeMode>${rings.map(edge).join("")}</Polygon>`;
  const shape = polygons.length
    ? `<MultiGeometry>${polygons.map(polygon).join("")}</MultiGeometry>`
    : `<Point><coordinates>${geometry.coordinates.join(",")}</coordinates></Point>`;
  const heights = `${low_m ?? "no lower limit"} to ${high_m ?? "no upper limit"} m above the WGS84 ellipsoid. KML reads heights as above mean sea level: here they are NOT converted.`;
  const [begin, end] = [one.from ? `<begin>${one.from}</begin>` : "", one.until ? `<end>${one.until}</end>` : ""];
  return `<Placemark><name>${xml(clean(one.label || one.object, 200))}</name><description>${xml(`${one.role}, ${one.kind}, ${one.state}. ${heights}`)}</description>` +
    `${begin || end ? `<TimeSpan>${begin}${end}</TimeSpan>` : ""}${shape}</Placemark>`;
}

/** @param {What} what @param {any[]} features @returns {string} */
export function toKml(what, features) {
  const about = Object.entries(describe(what)).map(([name, value]) => `${name}: ${value}`).join("\n");
  return `<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2"><Document><name>entente</name><description>${xml(about)}</description>` +
    `${features.map(placemark).join("\n")}</Document></kml>\n`;
}

/** Draw map, moment and mark on one picture. @param {What} what */
function savePicture(what) {
  const map = what.canvas.current?.map;
  if (!map) return;
  map.once("render", () => {
    const from = map.getCanvas();
    const ratio = from.width / from.clientWidth;
    const picture = document.createElement("canvas");
    const foot_px = 44 * ratio;
    [picture.width, picture.height] = [from.width, from.height + foot_px];
    const pen = picture.getContext("2d");
    if (pen === null) return;
    pen.drawImage(from, 0, 0);
    pen.fillStyle = "#ffffff";
    pen.fillRect(0, from.height, picture.width, foot_px);
    pen.fillStyle = "#12212a";
    pen.font = `${13 * ratio}px system-ui, sans-serif`;
    const known = what.data ? t("map.as-known", { n: what.data.at_size }) : "";
    const mark = session.get()?.exercise ? `${t("shell.exercise")} · ` : "";
    pen.fillText(`${mark}${formatUtc(what.at_ms)} · ${known} · ${t("map.datum")}`, 10 * ratio, from.height + 18 * ratio);
    pen.fillText(t("map.credits-more"), 10 * ratio, from.height + 36 * ratio);
    picture.toBlob((blob) => blob && saveFile("entente-map.png", "image/png", blob), "image/png");
  });
  map.triggerRepaint();
}

/** @param {What} what */
export function makeExports(what) {
  const withFeatures = (/** @type {(features: any[]) => void} */ run) => () =>
    findFeatures(what).then(run, (error) => window.alert(clean(error?.message ?? String(error), 300)));
  return [
    {
      label: "GeoJSON",
      run: withFeatures((features) =>
        saveFile("entente-map.geojson", "application/geo+json", JSON.stringify({ type: "FeatureCollection", about: describe(what), features }, null, 1)),
      ),
    },
    { label: "KML", run: withFeatures((features) => saveFile("entente-map.kml", "application/vnd.google-earth.kml+xml", toKml(what, features))) },
    { label: "CSV", run: () => saveFile("entente-map.csv", "text/csv", toCsv(makeColumns(what.at_ms, what.state.areFeet), what.things)) },
    { label: "PNG", run: () => savePicture(what) },
    { label: t("shell.print"), run: () => window.print() },
  ];
}
