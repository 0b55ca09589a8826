// Over the map: search, filters, switches, export.
//
// Invariants: every filter is in the address, and how much it hides is said; a search finds things by name, positions
// as people write them, and towns, and asks nobody but the desk.
//
//     html`<${Bar} state=${state} things=${things} canvas=${canvas} open=${open} ... />`
import { loadTowns } from "../../core/basemap.js";
import { html, useEffect, useRef, useState } from "../../core/dom.js";
import { useKeys } from "../../core/keys.js";
import { setParams } from "../../core/route.js";
import { t } from "../../core/words.js";
import { ExportMenu } from "../../parts/export.js";
import { Party, listPartyIds } from "../../parts/party.js";
import { KINDS, STATES } from "./layers.js";
import { makeExports } from "./export.js";
import { formatPosition, parsePosition } from "./units.js";

const MOST_FOUND = 12;
const fold = (/** @type {string} */ text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

/** @param {{ label: string, name: string, value: string[] | null, all: readonly string[], say: (one: string) => unknown }} props */
function Some({ label, name, value, all, say }) {
  const toggle = (/** @type {string} */ one) => {
    const now = new Set(value ?? all);
    if (now.has(one)) now.delete(one);
    else now.add(one);
    const next = all.filter((each) => now.has(each));
    setParams({ [name]: next.length === all.length ? null : next.join(",") || "-" });
  };
  return html`<fieldset class="map-some"><legend>${label}</legend>
    ${all.map((one) => html`<label key=${one}><input type="checkbox" checked=${(value ?? all).includes(one)} onChange=${() => toggle(one)} /> ${say(one)}</label>`)}
  </fieldset>`;
}

/** @param {{ state: import("./state.js").MapState }} props */
function Filters({ state }) {
  const off = Object.entries(state.roles).filter(([, isOn]) => !isOn).map(([role]) => role);
  const roles = ["activity", "zone", "site", "buffer", "conflict", "incident", "item"];
  return html`<div class="map-filters">
    <${Some} label=${t("map.parties")} name="parties" value=${state.parties} all=${listPartyIds()} say=${(/** @type {string} */ one) => html`<${Party} id=${one} />`} />
    <fieldset class="map-some"><legend>${t("map.only")}</legend>
      ${["", "conflicts", "own"].map((one) => html`<label key=${one}><input type="radio" name="map-only" checked=${(state.inConflict ? "conflicts" : state.isOwn ? "own" : "") === one}
        onChange=${() => setParams({ only: one || null })} /> ${t(`map.only-${one || "all"}`)}</label>`)}
    </fieldset>
    <${Some} label=${t("map.states")} name="states" value=${state.states} all=${STATES} say=${(/** @type {string} */ one) => t(`map.state-${one}`)} />
    <${Some} label=${t("map.kinds")} name="kinds" value=${state.kinds} all=${KINDS} say=${(/** @type {string} */ one) => t(`map.kind-${one}`)} />
    <fieldset class="map-some"><legend>${t("map.layers")}</legend>
      ${roles.map((one) => html`<label key=${one}><input type="checkbox" checked=${!off.includes(one)}
        onChange=${() => setParams({ off: (off.includes(one) ? off.filter((each) => each !== one) : [...off, one]).join(",") || null })} /> ${t(`map.layer-${one}`)}</label>`)}
      <label><input type="checkbox" checked=${state.hasAround} onChange=${() => setParams({ rings: state.hasAround ? null : "1" })} /> ${t("map.separation")} <kbd>s</kbd></label>
      <label><input type="checkbox" checked=${state.hasPast} onChange=${() => setParams({ past: state.hasPast ? null : "1" })} /> ${t("map.past")} <kbd>p</kbd></label>
    </fieldset>
    <label class="map-ahead">${t("map.ahead")} <select value=${String(state.ahead_ms / 3_600_000)} onChange=${(/** @type {any} */ event) => setParams({ ahead: event.currentTarget.value === "6" ? null : event.currentTarget.value })}>
      ${["0", "1", "3", "6", "12", "24", "72", "168", "720"].map((one) => html`<option key=${one} value=${one}>${t("map.hours", { n: Number(one) })}</option>`)}
    </select></label>
  </div>`;
}

/** @param {string} text @param {readonly import("./things.js").Thing[]} things @param {readonly import("../../core/basemap.js").Town[]} towns */
export function search(text, things, towns) {
  const wanted = fold(text.trim());
  if (wanted === "") return [];
  const position = parsePosition(text);
  const found = /** @type {{ key: string, label: string, more: string, thing?: any, lat?: number, lon?: number, zoom?: number }[]} */ ([]);
  if (position) found.push({ key: "position", label: formatPosition(position.lat, position.lon), more: t("map.position"), ...position, zoom: 10 });
  for (const one of things) {
    if (found.length >= MOST_FOUND) break;
    if (fold(`${one.name} ${one.key}`).includes(wanted)) found.push({ key: `thing ${one.key}`, label: one.name, more: `${t(`map.type-${one.type}`)} · ${one.author.toUpperCase()}`, thing: one });
  }
  for (const one of towns) {
    if (found.length >= MOST_FOUND) break;
    if (fold(one.name).startsWith(wanted)) found.push({ key: `town ${one.name} ${one.lat} ${one.lon}`, label: one.name, more: `${t("map.town")} · ${one.country}`, lat: one.lat, lon: one.lon, zoom: 9 });
  }
  return found;
}

/** @param {{ things: readonly import("./things.js").Thing[], canvas: any, open: (key: string) => void }} props */
function Search({ things, canvas, open }) {
  const [text, setText] = useState("");
  const [place, setPlace] = useState(0);
  const [towns, setTowns] = useState(/** @type {readonly import("../../core/basemap.js").Town[]} */ ([]));
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  useKeys([{ keys: "/", label: t("map.search"), run: () => input.current?.focus(), group: "map" }], []);
  useEffect(() => {
    if (text.length < 2 || towns.length) return;
    Promise.all([loadTowns("large"), loadTowns("small")]).then(([large, small]) => setTowns([...large, ...small]), () => undefined);
  }, [text.length >= 2]);
  const found = search(text, things, towns);
  const choose = (/** @type {typeof found[number] | undefined} */ one) => {
    if (!one) return;
    if (one.thing) open(one.thing.key);
    else canvas.current?.map.jumpTo({ center: [one.lon, one.lat], zoom: one.zoom }, { isWanted: true });
    setText("");
    input.current?.blur();
  };
  const press = (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      setPlace(Math.max(0, Math.min(found.length - 1, place + step)));
    } else if (event.key === "Enter") choose(found[place]);
    else if (event.key === "Escape") setText("");
  };
  return html`<div class="map-search">
    <input ref=${input} type="search" value=${text} placeholder=${t("map.search-hint")} aria-label=${t("map.search")} role="combobox" aria-expanded=${found.length > 0}
      aria-controls="map-found" aria-activedescendant=${found.length ? `map-found-${place}` : undefined} autocomplete="off"
      onInput=${(/** @type {any} */ event) => { setText(event.currentTarget.value); setPlace(0); }} onKeyDown=${press} />
    <ul id="map-found" class="map-found" role="listbox" aria-label=${t("map.found")} hidden=${!found.length}>
      ${found.map((one, at) => html`<li key=${one.key} id=${`map-found-${at}`} role="option" aria-selected=${at === place} onMouseDown=${(/** @type {Event} */ event) => { event.preventDefault(); choose(one); }}>
        <bdi>${one.label}</bdi> <span class="muted">${one.more}</span></li>`)}
    </ul>
    ${text.length >= 2 && !found.length && towns.length ? html`<p class="map-found map-found-none" role="status">${t("map.found-none")}</p>` : null}
  </div>`;
}

/**
 * @param {{ state: import("./state.js").MapState, things: readonly import("./things.js").Thing[], data: any, canvas: any, open: (key: string) => void,
 *   fit: () => void, shown: readonly import("./things.js").Thing[], at_ms: number, isNarrow: boolean, mayDraw: boolean }} props
 */
export function Bar({ state, things, data, canvas, open, fit, shown, at_ms, isNarrow, mayDraw }) {
  const [isOpen, setOpen] = useState(false);
  const isFiltered = state.parties || state.kinds || state.states || state.inConflict || state.isOwn || Object.values(state.roles).includes(false);
  const hidden = things.length - shown.length;
  return html`<div class="map-bar no-print">
    <${Search} things=${things} canvas=${canvas} open=${open} />
    <button type="button" aria-expanded=${isOpen} class=${isFiltered ? "map-filtered" : ""} onClick=${() => setOpen(!isOpen)}>
      ${t("map.filter")}${isFiltered ? html` <strong>${t("map.hidden", { n: hidden })}</strong>` : null}</button>
    ${mayDraw ? html`<button type="button" aria-pressed=${state.draw === "notify"} onClick=${() => setParams({ draw: state.draw ? null : "notify", object: null, version: null })} title=${t("map.draw")}>${t("map.draw-short")} ${isNarrow ? null : html`<kbd>d</kbd>`}</button>` : null}
    <button type="button" onClick=${fit} title=${t("map.fit")}>${t("map.fit-short")} ${isNarrow ? null : html`<kbd>f</kbd>`}</button>
    <button type="button" aria-pressed=${state.isTable} onClick=${() => setParams({ table: state.isTable ? null : "1" })}>${t("map.table-short")} ${isNarrow ? null : html`<kbd>b</kbd>`}</button>
    ${state.side === "0" ? html`<button type="button" onClick=${() => setParams({ side: null })}>${t("map.side")}</button>` : null}
    <${ExportMenu} items=${makeExports({ things: shown, state, data, canvas, at_ms })} />
    ${isOpen ? html`<${Filters} state=${state} />` : null}
  </div>`;
}
