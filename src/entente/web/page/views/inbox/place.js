// A small map of a place, for holding words against: what was told, the point we read, where it was before.
//
// Invariants: drawn from the desk's own base map, with no tile of anybody; north is up, and a bar says how far is far;
// told and read are drawn in different shapes as well as colours. It is for comparing, not for measuring: the wide map
// is views/map.
//
//     html`<${PlaceMap} volumes=${body.volumes} points=${readings} label=${t("inbox.place")} />`
import { loadBasemap, loadTowns } from "../../core/basemap.js";
import { html, useEffect, useMemo, useState } from "../../core/dom.js";
import { clean } from "../../core/safe.js";
import { formatNumber, t } from "../../core/words.js";

const [WIDTH, HEIGHT] = [520, 320];
const M_PER_DEGREE = 111_320;
const WIDTHS_KM = [2, 5, 10, 20, 50, 100, 200, 500, 1000, 2500, 6000];

/** @typedef {[number, number]} LatLon degrees */

/** @param {any} outline @returns {LatLon[][]} Rings. */
function ringsOf(outline) {
  const point = (/** @type {[number, number]} */ one) => /** @type {LatLon} */ ([one[0] / 1e7, one[1] / 1e7]);
  if (outline?.type === "polygon") return [outline.vertices_e7.map(point)];
  if (outline?.type === "region") return outline.parts.flatMap((/** @type {any} */ part) => [part.outer_e7, ...part.holes_e7].map((ring) => ring.map(point)));
  if (outline?.type !== "circle") return [];
  const [lat, lon] = point(outline.centre_e7);
  const reach = outline.radius_cm / 100 / M_PER_DEGREE;
  const squeeze = Math.max(0.01, Math.cos((lat * Math.PI) / 180));
  return [
    Array.from({ length: 48 }, (_, n) => {
      const turn = (n / 48) * 2 * Math.PI;
      return /** @type {LatLon} */ ([lat + reach * Math.cos(turn), lon + (reach * Math.sin(turn)) / squeeze]);
    }),
  ];
}

/** @param {number} lon @param {number} near @returns {number} The same meridian, the way that is nearer. */
const unwrap = (lon, near) => lon + 360 * Math.round((near - lon) / 360);

/** @param {{ volumes: readonly any[], points?: readonly { point_e7: readonly [number, number] }[], label: string }} props */
export function PlaceMap({ volumes, points = [], label }) {
  const [base, setBase] = useState(/** @type {{ land: any[], towns: any[] } | null} */ (null));
  const [step, setStep] = useState(0);
  useEffect(() => {
    let isOn = true;
    Promise.all([loadBasemap("50m"), loadTowns("large"), loadTowns("small")]).then(
      ([map, large, small]) => isOn && setBase({ land: map.land.features, towns: [...large, ...small] }),
      () => isOn && setBase({ land: [], towns: [] }),
    );
    return () => {
      isOn = false;
    };
  }, []);
  const told = useMemo(() => volumes.map((one) => ringsOf(one.outline)), [volumes]);
  const read = points.map((one) => /** @type {LatLon} */ ([one.point_e7[0] / 1e7, one.point_e7[1] / 1e7]));
  const all = [...told.flat(2), ...read];
  if (!all.length) return null;
  const near = all[0]?.[1] ?? 0;
  const lats = all.map((one) => one[0]);
  const lons = all.map((one) => unwrap(one[1], near));
  const centre = /** @type {LatLon} */ ([(Math.min(...lats) + Math.max(...lats)) / 2, (Math.min(...lons) + Math.max(...lons)) / 2]);
  const squeeze = Math.max(0.05, Math.cos((centre[0] * Math.PI) / 180));
  const span_km = (Math.max((Math.max(...lons) - Math.min(...lons)) * squeeze, (Math.max(...lats) - Math.min(...lats)) * (WIDTH / HEIGHT)) * M_PER_DEGREE) / 1000;
  const fit = WIDTHS_KM.findIndex((one) => one >= span_km * 2.2 && one >= 20);
  const place = Math.min(WIDTHS_KM.length - 1, Math.max(0, (fit < 0 ? WIDTHS_KM.length - 1 : fit) + step));
  const wide_km = WIDTHS_KM[place] ?? 50;
  const scale = WIDTH / ((wide_km * 1000) / M_PER_DEGREE);
  const xy = (/** @type {LatLon} */ one) => [WIDTH / 2 + (unwrap(one[1], centre[1]) - centre[1]) * squeeze * scale, HEIGHT / 2 - (one[0] - centre[0]) * scale];
  const plain = (/** @type {LatLon} */ one) => [WIDTH / 2 + (one[1] - centre[1]) * squeeze * scale, HEIGHT / 2 - (one[0] - centre[0]) * scale];
  const draw = (/** @type {LatLon[][]} */ rings, /** @type {(one: LatLon) => number[]} */ put) =>
    rings.map((ring) => `M${ring.map((one) => put(one).map((value) => Math.round(value * 10) / 10).join(" ")).join("L")}Z`).join("");
  const path = (/** @type {LatLon[][]} */ rings) => draw(rings, xy);
  const landPath = (/** @type {LatLon[][]} */ rings) => draw(rings, plain);
  return html`<figure class="place">
    <svg viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label=${label}>
      <rect width=${WIDTH} height=${HEIGHT} class="place-sea" />
      ${base === null ? null : html`<${Land} land=${base.land} centre=${centre} reach_deg=${(wide_km * 1000) / M_PER_DEGREE / squeeze} path=${landPath} />`}
      ${told.map((rings, n) => html`<path key=${n} d=${path(rings)} class="place-told" fill-rule="evenodd" />`)}
      ${base === null ? null : html`<${Towns} towns=${base.towns} centre=${centre} reach_deg=${(wide_km * 1000) / M_PER_DEGREE / squeeze} xy=${xy} />`}
      ${read.map((one, n) => {
        const [x, y] = xy(one);
        return html`<g key=${n} class="place-read" transform=${`translate(${x} ${y})`}><path d="M-9 0H-3M3 0H9M0-9V-3M0 3V9" /><circle r="3" />${
          read.length > 1 ? html`<text x="8" y="-6">${n + 1}</text>` : null
        }</g>`;
      })}
      <g class="place-bar" transform=${`translate(14 ${HEIGHT - 14})`}><path d=${`M0 -5V0H${WIDTH / 5}V-5`} /><text x="4" y="-4">${formatNumber(wide_km / 5, 1)} km</text></g>
      <text class="place-north" x=${WIDTH - 8} y="20" text-anchor="end">N ↑</text>
    </svg>
    <figcaption class="row no-print">
      <span class="muted"><span class="place-key place-key-told"></span> ${t("inbox.place-told")} ${read.length ? html` <span class="place-key-read">✛</span> ${t("inbox.place-read")}` : null}</span>
      <span class="place-zoom">
        <button type="button" class="quiet" onClick=${() => setStep(step - 1)} disabled=${place === 0} aria-label=${t("inbox.place-nearer")}>+</button>
        <button type="button" class="quiet" onClick=${() => setStep(step + 1)} disabled=${place === WIDTHS_KM.length - 1} aria-label=${t("inbox.place-wider")}>−</button>
      </span>
    </figcaption>
    <small class="muted">Natural Earth · GeoNames (CC BY 4.0)</small>
  </figure>`;
}

/** @param {{ land: any[], centre: LatLon, reach_deg: number, path: (rings: LatLon[][]) => string }} props */
function Land({ land, centre, reach_deg, path }) {
  const shown = land.filter((one) => {
    const ring = one.geometry.coordinates[0];
    let [west, east, south, north] = [360, -360, 90, -90];
    for (const [lon, lat] of ring) [west, east, south, north] = [Math.min(west, lon), Math.max(east, lon), Math.min(south, lat), Math.max(north, lat)];
    const lon = unwrap(centre[1], (west + east) / 2);
    return lon > west - reach_deg && lon < east + reach_deg && centre[0] > south - reach_deg && centre[0] < north + reach_deg;
  });
  return html`${shown.map((one, n) => {
    const first = one.geometry.coordinates[0];
    let [west, east] = [360, -360];
    for (const [lon] of first) [west, east] = [Math.min(west, lon), Math.max(east, lon)];
    // A ring is moved as a whole: each point by itself would tear a continent apart.
    const shift = 360 * Math.round((centre[1] - (west + east) / 2) / 360);
    const rings = one.geometry.coordinates.map((/** @type {number[][]} */ ring) => ring.map(([lon = 0, lat = 0]) => [lat, lon + shift]));
    return html`<path key=${n} class="place-land" d=${path(rings)} fill-rule="evenodd" />`;
  })}`;
}

/** @param {{ towns: any[], centre: LatLon, reach_deg: number, xy: (one: LatLon) => number[] }} props */
function Towns({ towns, centre, reach_deg, xy }) {
  /** @type {{ name: string, x: number, y: number }[]} */
  const shown = [];
  for (const one of towns) {
    if (shown.length >= 12) break;
    if (Math.abs(one.lat - centre[0]) > reach_deg || Math.abs(unwrap(one.lon, centre[1]) - centre[1]) > reach_deg) continue;
    const [x = 0, y = 0] = xy([one.lat, one.lon]);
    if (x < 8 || x > WIDTH - 60 || y < 14 || y > HEIGHT - 24) continue;
    if (shown.some((other) => Math.abs(other.x - x) < 90 && Math.abs(other.y - y) < 16)) continue;
    shown.push({ name: clean(one.name, 30), x, y });
  }
  return html`${shown.map((one) => html`<g key=${one.name} class="place-town" transform=${`translate(${one.x} ${one.y})`}><circle r="2.2" /><text x="5" y="4">${one.name}</text></g>`)}`;
}
