// The map: what stands where, at which heights, when; and what is drawn before anybody is told.
//
// Invariants: all of its state is in the address (`state.js`); the map is drawn from `picture-volumes`, everything
// that is said in words from `picture`; when the two cannot be had, or WebGL cannot, the page says so and shows the
// table; what was left out for its number is said in words.
//
// It decides nothing about a thing: the desk does.
import { useLook } from "../../core/api.js";
import { moving, readCursor, recordAt } from "../../core/cursor.js";
import { html, useCallback, useEffect, useMemo, useRef, useState } from "../../core/dom.js";
import { useKeys } from "../../core/keys.js";
import { onLive } from "../../core/live.js";
import { route, setParams } from "../../core/route.js";
import { useSession } from "../../core/session.js";
import { useStore } from "../../core/store.js";
import { formatNumber, language, t } from "../../core/words.js";
import { ErrorBox, Looked } from "../../parts/notice.js";
import { listPartyIds, partyLook } from "../../parts/party.js";
import { narrow } from "../../parts/table.js";
import { Bar } from "./bar.js";
import { createCanvas, hasWebGL } from "./canvas.js";
import { Choose } from "./choose.js";
import { Corner } from "./corner.js";
import { Draw } from "./draw/form.js";
import { Legend } from "./legend.js";
import { MOST_LABELS } from "./layers.js";
import { Panel } from "./panel.js";
import { SideView } from "./side.js";
import { encodeAt, readChosen, readState, useMapState, volumesUrl } from "./state.js";
import { isShown, isWithin, listThings } from "./things.js";
import { Twin } from "./twin.js";
import { useWalk } from "./walk.js";

/** Where the map begins without an address and before anything is known. */
const WORLD = { lat: 25, lon: 20, zoom: 1.2 };
const NOTHING = { type: "FeatureCollection", features: [] };
/** After the map came to rest. */
const REST_MS = 250;
const RELOAD_MS = 600;
/** So long after the first answer the map goes on to take in what comes. */
const TAKE_IN_MS = 20_000;

/** @typedef {ReturnType<typeof createCanvas>} Canvas */

/**
 * Keep one drawn map for the element's life, and the filters in step with address and cursor, without drawing the
 * view anew for a step of the cursor.
 *
 * @param {{ current: HTMLElement | null }} box @param {any} hooks @param {boolean} isShownNow
 */
function useCanvas(box, hooks, isShownNow) {
  const canvas = useRef(/** @type {Canvas | null} */ (null));
  const latest = useRef(hooks);
  latest.current = hooks;
  const [isLost, setLost] = useState(() => !hasWebGL());
  const [isThere, setThere] = useState(false);
  useEffect(() => {
    if (isLost || box.current === null) return undefined;
    const start = readState(route.get().params).at ?? WORLD;
    try {
      canvas.current = createCanvas(box.current, {
        center: [start.lon, start.lat],
        zoom: start.zoom,
        onMove: (/** @type {any} */ ...args) => latest.current.onMove(...args),
        onIdle: () => latest.current.onIdle(),
        onPick: (/** @type {any} */ ...args) => latest.current.onPick(...args),
        onPoint: (/** @type {any} */ ...args) => latest.current.onPoint(...args),
        onTrouble: (/** @type {string} */ words) => latest.current.onTrouble(words),
        onLost: setLost,
      });
    } catch (error) {
      console.warn("map:", error);
      setLost(true);
      return undefined;
    }
    setThere(true);
    return () => {
      canvas.current?.close();
      canvas.current = null;
      setThere(false);
    };
  }, []);
  useEffect(() => {
    if (isShownNow) canvas.current?.map.resize();
  }, [isShownNow]);
  return { canvas, isLost, isThere };
}

/** While the cursor is dragged the map follows it at each step, lists and words this often. */
const CALM_MS = 150;
const TICK_MS = 30_000;

/** The cursor for lists and words: of what is known at once, of a moment that is dragged through a little later. */
function useCalmCursor() {
  const [cursor, setCursor] = useState(readCursor);
  useEffect(() => {
    let held = readCursor();
    let timer = 0;
    const take = () => {
      window.clearTimeout(timer);
      timer = 0;
      held = readCursor();
      setCursor(held);
    };
    const watch = () => {
      const next = readCursor();
      const isOfSame = next.isNow === held.isNow && next.isThen === held.isThen && next.isSettling === held.isSettling && next.at_size === held.at_size;
      if (!isOfSame || (moving.get() === null && next.at_ms !== held.at_ms)) take();
      else if (next.at_ms !== held.at_ms && timer === 0) timer = window.setTimeout(take, CALM_MS);
    };
    take();
    const leave = [route.subscribe(watch), moving.subscribe(watch), recordAt.subscribe(watch)];
    const tick = window.setInterval(watch, TICK_MS);
    return () => {
      window.clearTimeout(timer);
      window.clearInterval(tick);
      for (const one of leave) one();
    };
  }, []);
  return cursor;
}

/** Give the old list while the new one holds the same, so that what is drawn from it is left alone. @template T @param {readonly T[]} next @returns {readonly T[]} */
function useSteady(next) {
  const kept = useRef(next);
  if (next.length !== kept.current.length || next.some((one, at) => one !== kept.current[at])) kept.current = next;
  return kept.current;
}

/** @returns {import("./layers.js").Look} */
function readLook(/** @type {import("./state.js").MapState} */ state, /** @type {number} */ count) {
  return {
    byHeight: state.byHeight,
    areFeet: state.areFeet,
    hasManyThings: count > MOST_LABELS,
    letters: listPartyIds().map((one) => partyLook(one).letter),
  };
}

/** Tell the canvas what to show, at every step of cursor and address. */
function useShowing(/** @type {{ current: Canvas | null }} */ canvas, /** @type {boolean} */ isThere, /** @type {number} */ count,
  /** @type {readonly string[]} */ together, /** @type {boolean} */ isShownNow) {
  const code = useStore(language);
  useEffect(() => {
    if (!isThere || !isShownNow) return undefined;
    let asked = "";
    const show = () => {
      const { view, params } = route.get();
      if (view !== "map") return;
      const state = readState(params);
      const cursor = readCursor();
      // While it is looked up what was known then, the last picture stays; the view says that it is not settled.
      if (!cursor.isSettling) {
        asked = cursor.isThen && cursor.at_size === 0 ? "" : volumesUrl({ at_size: cursor.at_size, hasPast: state.hasPast });
      }
      canvas.current?.show({
        url: /** @type {any} */ (asked || NOTHING),
        around: asked && state.hasAround ? volumesUrl({ at_size: cursor.at_size, hasPast: state.hasPast }, "around") : "",
        moment: {
          at_ms: Math.round(cursor.at_ms),
          ahead_ms: state.ahead_ms,
          hasPast: state.hasPast,
          chosen: readChosen(state),
          selected: [state.item, ...together].filter(Boolean),
          roles: state.roles,
        },
        look: readLook(state, count),
      });
    };
    show();
    const leave = [route.subscribe(show), moving.subscribe(show), recordAt.subscribe(show)];
    const timer = window.setInterval(show, 5000);
    let reload = 0;
    leave.push(
      onLive(["entry", "own", "reset", "awake"], () => {
        window.clearTimeout(reload);
        reload = window.setTimeout(() => readCursor().isThen || canvas.current?.again(), RELOAD_MS);
      }),
    );
    return () => {
      window.clearInterval(timer);
      window.clearTimeout(reload);
      for (const one of leave) one();
    };
  }, [isThere, isShownNow, count > MOST_LABELS, together.join(" "), code]);
}

/** @param {any} map */
function readView(map) {
  const bounds = map.getBounds();
  return { west: bounds.getWest(), south: bounds.getSouth(), east: bounds.getEast(), north: bounds.getNorth(), zoom: map.getZoom() };
}

/** A part of the world as `picture` asks for it; null for all of it. */
function windowOf(/** @type {any} */ view) {
  if (view === null || view.east - view.west >= 350) return {};
  const turn = (/** @type {number} */ lon) => ((((lon + 180) % 360) + 360) % 360) - 180;
  const text = (/** @type {number} */ value) => value.toFixed(3);
  return {
    west: text(turn(view.west)), east: text(turn(view.east)),
    south: text(Math.max(-90, view.south)), north: text(Math.min(90, view.north)),
  };
}

/** Room for the bar above and, where there is enough, for the legend beside. @param {HTMLElement | null} box */
function fitPadding(box) {
  const [width, height] = [box?.clientWidth ?? 0, box?.clientHeight ?? 0];
  return { top: Math.min(110, height / 4), bottom: Math.min(50, height / 6), right: Math.min(90, width / 6), left: width > 1000 ? 350 : Math.min(50, width / 6) };
}

/** @param {{ isShown: boolean }} props */
export default function MapView({ isShown: isShownNow }) {
  const state = useMapState();
  const cursor = useCalmCursor();
  const session = useSession();
  const isNarrow = useStore(narrow);
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const [view, setView] = useState(/** @type {any} */ (null));
  const [choices, setChoices] = useState(/** @type {any[]} */ ([]));
  const [pointed, setPointed] = useState(/** @type {any} */ (null));
  const [trouble, setTrouble] = useState("");
  const [isCutWorld, setCutWorld] = useState(false);
  const [tried, setTried] = useState(/** @type {any} */ (null));

  const isEmptyThen = cursor.isThen && cursor.at_size === 0;
  const picture = useLook(isShownNow && !cursor.isSettling && !isEmptyThen ? "picture" : null, {
    at_size: cursor.at_size ?? 0,
    rings: 0,
    ended: state.hasPast ? 1 : 0,
    ...(isCutWorld ? windowOf(view) : {}),
  });
  // The last picture stays while another one is on its way.
  const kept = useRef(/** @type {any} */ (null));
  if (picture.data) kept.current = picture.data;
  const data = isEmptyThen ? null : kept.current;
  useEffect(() => {
    if (picture.data?.is_cut) setCutWorld(true);
  }, [picture.data]);
  const things = useMemo(() => listThings(data), [data]);
  const chosen = useMemo(() => things.find((one) => one.key === state.item) ?? null, [things, state.item]);
  const together = useMemo(
    () => (chosen?.type === "conflict" ? (chosen.of.sides ?? []).map((/** @type {any} */ one) => String(one.object)) : []),
    [chosen],
  );
  const count = data ? data.counts.activities.total : 0;

  const rest = useRef(0);
  const isTaken = useRef(state.at !== null);
  const hooks = {
    onMove: (/** @type {any} */ event) => {
      if (event?.originalEvent || event?.isWanted) isTaken.current = true;
      window.clearTimeout(rest.current);
      rest.current = window.setTimeout(() => {
        const map = canvas.current?.map;
        if (!map || route.get().view !== "map") return;
        setParams({ at: encodeAt(map.getCenter(), map.getZoom()) }, { replace: true });
        setView(readView(map));
      }, REST_MS);
    },
    onIdle: () => {
      if (view === null && canvas.current) setView(readView(canvas.current.map));
    },
    onPick: (/** @type {any[]} */ features, /** @type {any} */ event) => {
      if (route.get().params["draw"]) return undefined; // the pen takes the clicks
      const keys = [...new Map(features.map((one) => [one.properties.object, one.properties])).values()];
      setChoices(keys.length > 1 ? keys : []);
      if (keys.length === 1) setParams({ item: keys[0].object });
      else if (keys.length === 0) setParams({ item: null });
      return undefined;
    },
    onPoint: (/** @type {any} */ lngLat, /** @type {any} */ feature) => setPointed(lngLat ? { lngLat, feature: feature?.properties ?? null } : null),
    onTrouble: setTrouble,
  };
  const { canvas, isLost, isThere } = useCanvas(box, hooks, isShownNow);
  useShowing(canvas, isThere, count, together, isShownNow);

  const shown = useSteady(useMemo(() => things.filter((one) => isShown(one, state, cursor.at_ms)), [things, state, cursor.at_ms]));
  const inView = useSteady(useMemo(() => (view === null ? shown : shown.filter((one) => isWithin(one, view))), [shown, view]));
  const fit = useCallback(
    (/** @type {readonly import("./things.js").Thing[]} */ list) => {
      const boxes = list.map((one) => one.box).filter((one) => one !== null);
      const map = canvas.current?.map;
      if (!map || !boxes.length) return;
      const [west, south] = [Math.min(...boxes.map((one) => one[0])), Math.min(...boxes.map((one) => one[1]))];
      const [east, north] = [Math.max(...boxes.map((one) => one[2])), Math.max(...boxes.map((one) => one[3]))];
      map.fitBounds([[west, Math.max(-85, south)], [east, Math.min(85, north)]], { padding: fitPadding(box.current), maxZoom: list.length > 1 ? 11 : 8, duration: 0 });
    },
    [canvas],
  );
  // Without a place in the address: where things are. What comes soon after the first answer is taken in too, as
  // long as nobody has moved the map.
  const fitted = useRef({ until_ms: 0, keys: "", item: state.item });
  useEffect(() => {
    if (state.item !== fitted.current.item) isTaken.current = true;
    if (isTaken.current || !isThere || !things.length) return;
    const now_ms = performance.now();
    if (fitted.current.until_ms === 0) fitted.current.until_ms = now_ms + TAKE_IN_MS;
    const placed = shown.filter((one) => one.box !== null && one.type !== "conflict");
    const list = chosen?.box ? [chosen] : placed.length ? placed : things.filter((one) => one.until_ms > cursor.at_ms);
    const keys = list.map((one) => one.key).join(" ");
    if (keys === fitted.current.keys || now_ms > fitted.current.until_ms) return;
    fitted.current.keys = keys;
    fit(list);
  }, [isThere, things, shown, chosen, state.item]);
  // A link to a thing brings it into sight.
  const seenItem = useRef(state.item);
  useEffect(() => {
    if (!chosen || seenItem.current === chosen.key) return;
    seenItem.current = chosen.key;
    const now = canvas.current ? readView(canvas.current.map) : null;
    if (now && !isWithin(chosen, now)) fit([chosen]);
  }, [chosen]);

  const open = (/** @type {string} */ key) => {
    setChoices([]);
    setParams({ item: key });
  };
  const walk = useWalk({ things: inView, canvas, open, selected: state.item });
  const toggle = (/** @type {string} */ name, /** @type {string} */ value) =>
    setParams({ [name]: route.get().params[name] === value ? null : value });
  useKeys(
    isShownNow
      ? [
          { keys: "f", label: t("map.fit"), run: () => fit(shown), group: "map" },
          { keys: "b", label: t("map.table"), run: () => toggle("table", "1"), group: "map" },
          { keys: "v", label: t("map.side"), run: () => setParams({ side: state.side === "0" ? null : "0" }), group: "map" },
          { keys: "h", label: t("map.colour-height"), run: () => toggle("colour", "height"), group: "map" },
          { keys: "s", label: t("map.separation"), run: () => toggle("rings", "1"), group: "map" },
          { keys: "p", label: t("map.past"), run: () => toggle("past", "1"), group: "map" },
          { keys: "m", label: t("map.feet"), run: () => toggle("units", "ft"), group: "map" },
          { keys: "d", label: t("map.draw"), run: () => session.may("notify") && setParams({ draw: "notify", object: null, version: null }), group: "map" },
          { keys: "escape", label: t("map.unselect"), run: () => setParams(state.draw ? { draw: null, object: null, version: null } : { item: null }), group: "map" },
          ...walk.keys,
        ]
      : [],
    [isShownNow, shown, state, walk.keys],
  );

  const isTable = state.isTable || isLost;
  // A draft is of now: in a moment of the past nothing is drawn.
  const isDrawing = state.draw !== "" && !cursor.isThen;
  const drawn = useMemo(() => (isDrawing ? (things.find((one) => one.key === state.object) ?? null) : null), [things, isDrawing, state.object]);
  const hasPanel = isDrawing || state.item !== "" || choices.length > 0;
  const close = () => {
    setChoices([]);
    setParams({ item: null });
  };
  return html`<div class=${`map-view ${hasPanel ? "map-has-panel" : ""} ${isDrawing ? "map-is-drawing" : ""}`}>
    <h1 class="hidden-text">${t("shell.view-map")}</h1>
    <div class="map-stage">
      <div class="map-canvas" ref=${box} role="region" aria-label=${t("map.region")} hidden=${isTable}></div>
      <${Bar} state=${state} things=${things} data=${data} canvas=${canvas} open=${open} fit=${() => fit(shown)}
        shown=${shown} at_ms=${cursor.at_ms} isNarrow=${isNarrow} mayDraw=${session.may("notify") && !cursor.isThen} />
      ${isTable
        ? html`<div class="map-twin">
            ${isLost ? html`<${ErrorBox} error=${{ code: "no-webgl", message: t("map.no-webgl"), path: "" }} />` : null}
            <${Twin} things=${shown} state=${state} at_ms=${cursor.at_ms} open=${open} />
          </div>`
        : html`<${Corner} canvas=${canvas} pointed=${pointed} state=${state} view=${view} />
          <${Legend} state=${state} data=${data} isNarrow=${isNarrow} />`}
      <div class="map-notes" aria-live="polite">
        ${picture.error || (picture.isLoading && data === null) ? html`<${Looked} of=${picture} />` : null}
        ${cursor.isSettling ? html`<p class="map-note">${t("map.settling")}</p>` : null}
        ${isEmptyThen ? html`<p class="map-note">${t("map.nothing-then")}</p>` : null}
        ${data?.is_cut
          ? html`<p class="map-note">${t("map.cut", { shown: formatNumber(data.counts.activities.shown), total: formatNumber(data.counts.activities.total) })}</p>`
          : null}
        ${trouble ? html`<p class="map-note">${t("map.trouble", { words: trouble.slice(0, 200) })}
            <button type="button" class="link-button" onClick=${() => setTrouble("")}>${t("shell.close")}</button></p>` : null}
      </div>
      <p class="hidden-text" aria-live="polite" role="status">${walk.words}</p>
    </div>
    ${hasPanel
      ? html`<aside class="map-panel" aria-label=${t("map.details")}>
          ${isDrawing
              ? html`<${Draw} key=${`${state.draw} ${state.object}`} what=${{ mode: state.draw, object: state.object }} of=${drawn?.of ?? null} isMissing=${data !== null} session=${session}
                  canvas=${canvas} isThere=${isThere && !isTable} areFeet=${state.areFeet} notice=${data?.notice ?? ""} onTried=${setTried} />`
            : choices.length
              ? html`<${Choose} choices=${choices} open=${open} close=${close} at_ms=${cursor.at_ms} areFeet=${state.areFeet} />`
              : html`<${Panel} item=${state.item} thing=${chosen} things=${things} data=${data} state=${state} at_ms=${cursor.at_ms}
                  at_size=${cursor.at_size} view=${view} open=${open} close=${close} fit=${fit} />`}
        </aside>`
      : null}
    ${state.side === "0"
      ? null
      : html`<${SideView} things=${inView} selected=${state.item} together=${together} state=${state} data=${data} open=${open} draft=${tried}
          at_ms=${cursor.at_ms} isNarrow=${isNarrow} />`}
  </div>`;
}
