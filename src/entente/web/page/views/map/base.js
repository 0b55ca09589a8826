// The ground of the map: sea, land, a net of degrees, borders without a claim, towns. All of it ships with the page.
//
// Invariants: no address of another machine stands in the style: no tiles, glyphs or sprites are fetched; borders are
// faint, dashed and unnamed; the finer coast is fetched when the map is near enough for it to be seen.
//
//     const style = makeBaseStyle(colours);
//     await fillBase(map);
import { loadBasemap, loadTowns } from "../../core/basemap.js";

export const FONT = ["DejaVu Sans, system-ui, sans-serif"];
/** From here on the coast of 1:10 million is worth its bytes. */
const FINE_FROM_ZOOM = 4;
const EMPTY = { type: "FeatureCollection", features: [] };

function makeNet() {
  const features = /** @type {object[]} */ ([]);
  const line = (/** @type {number[][]} */ coordinates, /** @type {number} */ every) =>
    features.push({ type: "Feature", properties: { every }, geometry: { type: "LineString", coordinates } });
  for (let lon = -180; lon < 180; lon += 5) {
    line(Array.from({ length: 35 }, (_, at) => [lon, -85 + at * 5]), lon % 30 === 0 ? 30 : lon % 10 === 0 ? 10 : 5);
  }
  for (let lat = -85; lat <= 85; lat += 5) {
    line(Array.from({ length: 73 }, (_, at) => [-180 + at * 5, lat]), lat % 30 === 0 ? 30 : lat % 10 === 0 ? 10 : 5);
  }
  return { type: "FeatureCollection", features };
}

const source = (/** @type {object} */ data) => ({ type: "geojson", data, tolerance: 0.375, maxzoom: 9 });

/** @param {import("./colours.js").MapColours} colours @returns {any} */
export function makeBaseStyle(colours) {
  return {
    version: 8,
    sources: {
      net: source(makeNet()),
      land: source(EMPTY),
      borders: source(EMPTY),
      towns: { type: "geojson", data: EMPTY, maxzoom: 10 },
    },
    layers: [
      { id: "sea", type: "background", paint: {} },
      { id: "land", type: "fill", source: "land", paint: { "fill-antialias": false } },
      { id: "coast", type: "line", source: "land", paint: { "line-width": 0.8 } },
      {
        id: "net", type: "line", source: "net",
        filter: ["any", [">=", ["get", "every"], 30], ["all", [">=", ["zoom"], 3], [">=", ["get", "every"], 10]], [">=", ["zoom"], 5]],
        paint: { "line-width": 0.5 },
      },
      { id: "borders", type: "line", source: "borders", paint: { "line-width": 0.8, "line-dasharray": [3, 3] } },
      {
        id: "towns", type: "symbol", source: "towns",
        // Fewer from afar: the towns are there to find one's way by, and not what is looked at.
        filter: ["<", ["get", "rank"], ["step", ["zoom"], 25, 3, 90, 4, 300, 5, 100_000]],
        layout: {
          "icon-image": "town", "icon-allow-overlap": false,
          "text-field": ["get", "name"], "text-font": FONT, "text-size": ["interpolate", ["linear"], ["zoom"], 3, 10, 9, 12.5],
          "symbol-sort-key": ["get", "rank"], "text-max-width": 8, "text-padding": 6,
          "text-variable-anchor": ["left", "right", "top", "bottom"], "text-radial-offset": 0.4, "text-justify": "auto",
        },
        paint: { "text-halo-width": 1.2 },
      },
    ].map((one) => colourBase(one, colours)),
  };
}

/** @param {import("./colours.js").MapColours} colours @returns {Record<string, Record<string, unknown>>} */
function basePaint(colours) {
  return {
    sea: { "background-color": colours.sea },
    land: { "fill-color": colours.land },
    coast: { "line-color": colours.border, "line-opacity": 0.8 },
    net: { "line-color": colours.mapInk, "line-opacity": 0.14 },
    borders: { "line-color": colours.border, "line-opacity": 0.75 },
    towns: { "text-color": colours.mapInk, "text-halo-color": colours.land, "text-opacity": 0.85 },
  };
}

/** @param {any} layer @param {import("./colours.js").MapColours} colours */
function colourBase(layer, colours) {
  return { ...layer, paint: { ...layer.paint, ...basePaint(colours)[layer.id] } };
}

/** @param {any} map @param {import("./colours.js").MapColours} colours */
export function paintBase(map, colours) {
  for (const [layer, paint] of Object.entries(basePaint(colours))) {
    for (const [name, value] of Object.entries(paint)) map.setPaintProperty(layer, name, value, { validate: false });
  }
}

/** @param {readonly import("../../core/basemap.js").Town[]} towns @param {number} first */
function makeTowns(towns, first) {
  return towns.map((one, at) => ({
    type: "Feature",
    properties: { name: one.name, rank: first + at },
    geometry: { type: "Point", coordinates: [one.lon, one.lat] },
  }));
}

/**
 * Put coasts, borders and towns on the map, the coarse ones first; what cannot be had is left out and told.
 *
 * @param {any} map @param {(trouble: string) => void} tell
 */
export async function fillBase(map, tell) {
  const put = async (/** @type {"50m" | "10m"} */ which) => {
    const found = await loadBasemap(which);
    map.getSource("land")?.setData(found.land);
    map.getSource("borders")?.setData(found.borders);
  };
  const trouble = (/** @type {unknown} */ error) => tell(String(error));
  let isFine = false;
  const lookFiner = () => {
    if (isFine || map.getZoom() < FINE_FROM_ZOOM) return;
    isFine = true;
    put("10m").catch((error) => {
      isFine = false;
      trouble(error);
    });
  };
  map.on("zoomend", lookFiner);
  try {
    await put("50m");
  } catch (error) {
    trouble(error);
  }
  map.once("idle", () => {
    lookFiner();
    fillTowns(map).catch(trouble);
  });
}

/** @param {any} map */
async function fillTowns(map) {
  const large = await loadTowns("large");
  const shown = makeTowns(large, 0);
  map.getSource("towns")?.setData({ type: "FeatureCollection", features: shown });
  const lookSmaller = async () => {
    if (map.getZoom() < 5) return;
    map.off("zoomend", lookSmaller);
    const small = await loadTowns("small");
    map.getSource("towns")?.setData({ type: "FeatureCollection", features: [...shown, ...makeTowns(small, large.length)] });
  };
  map.on("zoomend", lookSmaller);
  await lookSmaller();
}
