// The corners of the map: nearer and farther, where the pointer is, how long a kilometre is, whose map it is.
//
// Invariants: the scale is that of the latitude in the middle of the map, and says so by its length alone; the
// credits that the data ask for can always be opened.
//
//     html`<${Corner} canvas=${canvas} pointed=${pointed} state=${state} view=${view} />`
import { html } from "../../core/dom.js";
import { clean } from "../../core/safe.js";
import { setParams } from "../../core/route.js";
import { t } from "../../core/words.js";
import { MILE_M, formatBand, formatDistance, formatPosition } from "./units.js";

const MAX_SCALE_PX = 110;
const EARTH_M = 40_075_016.7;

/** @param {number} lat @param {number} zoom @param {boolean} areFeet */
export function makeScale(lat, zoom, areFeet) {
  const metres_per_px = (EARTH_M * Math.cos((lat * Math.PI) / 180)) / (512 * 2 ** zoom);
  const unit_m = areFeet ? MILE_M : 1;
  const most = (metres_per_px * MAX_SCALE_PX) / unit_m;
  const power = 10 ** Math.floor(Math.log10(most));
  const steps = [1, 2, 5].map((one) => one * power).filter((one) => one <= most);
  const length = steps[steps.length - 1] ?? power;
  return { words: formatDistance(length * unit_m, areFeet), width_px: (length * unit_m) / metres_per_px };
}

/** @param {{ canvas: any, pointed: any, state: import("./state.js").MapState, view: any }} props */
export function Corner({ canvas, pointed, state, view }) {
  const map = canvas.current?.map;
  const center = map?.getCenter();
  const scale = makeScale(center?.lat ?? 0, view?.zoom ?? map?.getZoom() ?? 1, state.areFeet);
  const zoom = (/** @type {number} */ by) => map?.easeTo({ zoom: map.getZoom() + by, duration: 150 });
  const bound = (/** @type {number} */ one) => (Math.abs(one) > 999_999 ? null : one);
  return html`<div class="map-zoom">
      <button type="button" onClick=${() => zoom(1)} aria-label=${t("map.nearer")} title=${t("map.nearer")}>+</button>
      <button type="button" onClick=${() => zoom(-1)} aria-label=${t("map.farther")} title=${t("map.farther")}>−</button>
      <button type="button" onClick=${() => map?.easeTo({ bearing: 0, pitch: 0, duration: 150 })} aria-label=${t("map.north")}
        title=${t("map.north")}>N</button>
    </div>
    <div class="map-corner">
      ${pointed
        ? html`<span class="map-where">${pointed.feature
              ? html`<bdi>${clean(pointed.feature.label ?? "", 60)}</bdi> · ${formatBand(bound(pointed.feature.low_m), bound(pointed.feature.high_m), state.areFeet)} · `
              : null}${formatPosition(pointed.lngLat.lat, pointed.lngLat.lng)}</span>`
        : null}
      <button type="button" class="map-scale" onClick=${() => setParams({ units: state.areFeet ? null : "ft" })}
        title=${t("map.feet")} aria-label=${t("map.scale", { length: scale.words })}>
        <span aria-hidden="true">${scale.words}</span>
        <span class="map-scale-bar" aria-hidden="true" style=${{ width: `${Math.round(scale.width_px)}px` }}></span>
      </button>
      <details class="map-credits">
        <summary aria-label=${t("map.credits")}>i</summary>
        <p>${t("map.credits-more")}</p>
      </details>
    </div>`;
}
