// The drawn map: MapLibre, our style, our sources; what the view tells it, and what the eye points at.
//
// Invariants: features are fetched and cut up in MapLibre's worker, from this desk alone; a step of the cursor is
// one change of filters, and the next one waits until the map has taken it; a lost WebGL context is taken up again,
// and a machine without WebGL is told so and gets the table. Nothing a partner wrote becomes markup here.
//
// It holds no state of the page: `view.js` does.
//
//     const canvas = createCanvas(element, { center, zoom, onMove, onPick, onTrouble });
//     canvas.show({ moment, look, url });
import { Map as MapLibreMap } from "../../vendor/maplibre-gl-6.17.0/maplibre-gl.mjs";
import { fillBase, makeBaseStyle, paintBase } from "./base.js";
import { mapColours } from "./colours.js";
import { makeFilters, makeLayers, POINTABLE } from "./layers.js";
import { addPatterns } from "./patterns.js";

const EMPTY = { type: "FeatureCollection", features: [] };
/** In degrees of a tile's 8192: MapLibre's own would drop areas that are small on the screen. */
const TOLERANCE = 0.0001;
/** Features this near to a click, in pixels, are meant too. */
const REACH_PX = 5;

/** The map that is drawn, for who must count what is on it (tests/browser/test_page_map.py, bench/page_map.py). */
export const drawn = { map: /** @type {any} */ (null) };

/** @returns {boolean} */
export function hasWebGL() {
  try {
    const context = document.createElement("canvas").getContext("webgl2");
    // A browser gives a page a few contexts only, and takes the oldest away: the map's.
    context?.getExtension("WEBGL_lose_context")?.loseContext();
    return context !== null;
  } catch {
    return false;
  }
}

/**
 * @typedef {{ url: string, around: string, moment: import("./layers.js").Moment, look: import("./layers.js").Look }} Shown
 * @typedef {{ center: [number, number], zoom: number, onMove: (event: any) => void, onTrouble: (words: string) => void,
 *   onPick: (features: any[], at: { lngLat: any, point: any }) => void, onLost: (isLost: boolean) => void,
 *   onPoint: (lngLat: any | null, feature: any | null) => void, onIdle: () => void }} Hooks
 */

/** @param {HTMLElement} container @param {Hooks} hooks */
export function createCanvas(container, hooks) {
  // Its types want every expression proved; ours are checked by MapLibre when a layer is added.
  const map = /** @type {any} */ (new MapLibreMap({
    container,
    style: makeBaseStyle(mapColours.get()),
    center: hooks.center,
    zoom: hooks.zoom,
    minZoom: 0.4,
    maxZoom: 18,
    maxPitch: 70,
    attributionControl: false,
    fadeDuration: 0,
    renderWorldCopies: true,
    dragRotate: true,
    pitchWithRotate: true,
  }));
  drawn.map = map;
  /** @type {Shown | null} */
  let shown = null;
  /** @type {Shown | null} */
  let wanted = null;
  let [isReady, isBusy] = [false, false];
  let layerKey = "";
  let draft = /** @type {object} */ (EMPTY);

  const putLayers = (/** @type {Shown} */ next) => {
    const colours = mapColours.get();
    const filters = makeFilters(next.moment);
    for (const layer of makeLayers(colours, next.look)) {
      if (map.getLayer(layer.id)) map.removeLayer(layer.id);
      map.addLayer({ ...layer, filter: filters[layer.id] ?? true }, map.getLayer("draft-fill") ? "draft-fill" : undefined);
    }
  };
  const take = () => {
    if (!isReady || wanted === null || isBusy) return;
    const next = wanted;
    wanted = null;
    const key = JSON.stringify(next.look);
    if (next.url !== shown?.url) map.getSource("things").setData(next.url);
    if (next.around !== shown?.around) map.getSource("around").setData(next.around || EMPTY);
    if (key !== layerKey) {
      layerKey = key;
      putLayers(next);
    } else {
      const [old, now] = [shown ? makeFilters(shown.moment) : {}, makeFilters(next.moment)];
      for (const [id, filter] of Object.entries(now)) {
        if (JSON.stringify(filter) !== JSON.stringify(old[id])) map.setFilter(id, filter, { validate: false });
      }
    }
    shown = next;
    // One change at a time: a cursor that runs ahead of the worker would only pile up work for it.
    isBusy = true;
    map.once("render", () => {
      isBusy = false;
      take();
    });
    map.triggerRepaint();
  };
  const setUp = () => {
    const colours = mapColours.get();
    addPatterns(map, colours);
    // Called again after a lost context: MapLibre then puts back what it knows of sources and layers.
    const isFirst = !map.getSource("things");
    const source = { type: "geojson", data: EMPTY, tolerance: TOLERANCE, buffer: 64, maxzoom: 14, promoteId: "id" };
    if (isFirst) {
      map.addSource("things", source);
      map.addSource("around", { ...source });
      map.addSource("draft", { type: "geojson", data: EMPTY, tolerance: TOLERANCE });
    }
    map.getSource("draft").setData(draft);
    addDraftLayers(map, colours);
    isReady = true;
    wanted ??= shown;
    shown = null;
    layerKey = "";
    take();
    if (isFirst) void fillBase(map, hooks.onTrouble);
  };
  // Without a context there is no style, and no source that could be told anything.
  const lose = () => {
    [isReady, isBusy] = [false, false];
    hooks.onLost(true);
  };
  map.on("style.load", setUp);
  map.on("move", hooks.onMove);
  map.on("idle", hooks.onIdle);
  map.on("error", (/** @type {any} */ event) => hooks.onTrouble(String(event.error?.message ?? event.error ?? "?")));
  map.on("webglcontextlost", lose);
  map.on("webglcontextrestored", () => hooks.onLost(false));
  const find = (/** @type {any} */ point, reach_px = REACH_PX) => {
    const layers = POINTABLE.filter((id) => map.getLayer(id));
    const box = [[point.x - reach_px, point.y - reach_px], [point.x + reach_px, point.y + reach_px]];
    return map.queryRenderedFeatures(/** @type {any} */ (box), { layers });
  };
  map.on("click", (/** @type {any} */ event) => hooks.onPick(find(event.point, event.originalEvent?.pointerType === "touch" ? 14 : REACH_PX), event));
  let isWaiting = false;
  map.on("mousemove", (/** @type {any} */ event) => {
    if (isWaiting || map.isMoving()) return;
    isWaiting = true;
    window.requestAnimationFrame(() => {
      isWaiting = false;
      if (!isReady) return;
      const [first] = find(event.point, 2);
      map.getCanvas().style.cursor = first ? "pointer" : "";
      hooks.onPoint(event.lngLat, first ?? null);
    });
  });
  map.on("mouseout", () => hooks.onPoint(null, null));
  const leave = mapColours.subscribe((colours) => {
    if (!isReady) return;
    addPatterns(map, colours);
    paintBase(map, colours);
    if (shown) putLayers(shown);
    addDraftLayers(map, colours);
  });

  return {
    map,
    find,
    /** @param {Shown} next */
    show(next) {
      wanted = next;
      take();
    },
    /** Fetch the features anew: something was recorded. */
    again() {
      if (shown === null || !isReady) return;
      map.getSource("things").setData(shown.url);
      if (shown.around) map.getSource("around").setData(shown.around);
    },
    /** @param {object} data */
    showDraft(data) {
      draft = data;
      if (isReady) map.getSource("draft").setData(data);
    },
    close() {
      isReady = false;
      leave();
      drawn.map = null;
      map.remove();
    },
  };
}

/** @param {any} map @param {import("./colours.js").MapColours} colours */
function addDraftLayers(map, colours) {
  const layers = [
    { id: "draft-fill", type: "fill", filter: ["==", ["get", "part"], "area"], paint: { "fill-color": colours.accent, "fill-opacity": 0.22 } },
    {
      id: "draft-line", type: "line", filter: ["match", ["get", "part"], ["area", "line"], true, false],
      paint: { "line-color": colours.accent, "line-width": 2.6, "line-dasharray": [2, 1.4] },
    },
    {
      id: "draft-hit", type: "circle", filter: ["==", ["get", "part"], "meet"],
      paint: { "circle-radius": 9, "circle-color": colours.conflict, "circle-stroke-color": colours.surface, "circle-stroke-width": 2.5 },
    },
    {
      id: "draft-middle", type: "circle", filter: ["==", ["get", "part"], "middle"],
      paint: { "circle-radius": 4.5, "circle-color": colours.surface, "circle-stroke-color": colours.accent, "circle-stroke-width": 1.5, "circle-opacity": 0.85 },
    },
    {
      id: "draft-corner", type: "circle", filter: ["==", ["get", "part"], "corner"],
      paint: {
        "circle-radius": ["case", ["==", ["get", "on"], 1], 8.5, 6.5], "circle-color": ["case", ["==", ["get", "on"], 1], colours.accent, colours.surface],
        "circle-stroke-color": colours.accent, "circle-stroke-width": 2.5,
      },
    },
  ];
  for (const layer of layers) {
    if (map.getLayer(layer.id)) map.removeLayer(layer.id);
    map.addLayer({ source: "draft", ...layer });
  }
}
