// The base map and the towns, from our own files: the page asks no stranger for a tile.
//
// Invariants:
//   * No ring jumps across 180 degrees: what crosses it goes on beyond it (190, not -170).
//   * Borders are lines and no claim: de facto ones, drawn faint and dashed (data/CREDITS.md).
//   * A file is fetched once; what failed is fetched again at the next call.
//
// It does not decide what is drawn, or how: views/map does. Which resolution: "50m" first, "10m" from zoom 4.
//
//     const { land, borders } = await loadBasemap("50m"); // FeatureCollections, for sources of MapLibre
//     const towns = await loadTowns("large"); // most populous first: towns.slice(0, 300)
import feature from "../vendor/topojson-client-3.1.0/feature.js";

/** @typedef {"50m" | "10m"} Resolution */
/** @typedef {import("geojson").FeatureCollection} Features */
/** @typedef {{land: Features, borders: Features}} Basemap */
/** A town's latitude and longitude are rounded to a thousandth of a degree: for labels, never for a position.
 * @typedef {{name: string, country: string, lat: number, lon: number, population: number}} Town */
/** @typedef {{name: string[], country: string[], lat_e3: number[], lon_e3: number[],
 *   population_k: number[]}} Columns */

/** @type {Map<string, Promise<any>>} */
const fetched = new Map();

/**
 * @template T
 * @param {string} name of a file in data/
 * @param {(value: any) => T} decode
 * @returns {Promise<T>}
 */
function fetchOnce(name, decode) {
  const known = fetched.get(name);
  if (known) return known;
  const url = new URL(`../data/${name}`, import.meta.url);
  const made = fetch(url).then(async (response) => {
    if (!response.ok) throw new Error(`${name}: expected 200, got ${response.status}`);
    return decode(await response.json());
  });
  fetched.set(name, made);
  made.catch(() => fetched.delete(name));
  return made;
}

/**
 * @param {import("topojson-specification").Topology} topology
 * @param {string} name
 * @returns {Features}
 */
function collect(topology, name) {
  const made = /** @type {any} */ (feature)(topology, topology.objects[name]);
  return made.type === "FeatureCollection" ? made : { type: "FeatureCollection", features: [made] };
}

/**
 * @param {Resolution} resolution
 * @returns {Promise<Basemap>}
 */
export function loadBasemap(resolution) {
  return fetchOnce(`basemap-${resolution}.json`, (topology) => ({
    land: collect(topology, "land"),
    borders: collect(topology, "borders"),
  }));
}

/**
 * Towns, the most populous first: "large" from 500,000 people on, "small" from 50,000 up to that.
 *
 * @param {"large" | "small"} which
 * @returns {Promise<Town[]>}
 */
export function loadTowns(which) {
  return fetchOnce(`towns-${which}.json`, (/** @type {Columns} */ columns) =>
    columns.name.map((name, index) => ({
      name,
      country: /** @type {string} */ (columns.country[index]),
      lat: Number(columns.lat_e3[index]) / 1000,
      lon: Number(columns.lon_e3[index]) / 1000,
      population: Number(columns.population_k[index]) * 1000,
    })),
  );
}
