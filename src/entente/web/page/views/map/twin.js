// The map as a table: the same things, under the same filters, for who cannot or does not want to see a map.
//
// Invariants: what the filters show on the map stands in the table, and nothing else; every column can be exported.
//
//     html`<${Twin} things=${shown} state=${state} at_ms=${at_ms} open=${open} />`
import { html, useMemo } from "../../core/dom.js";
import { setParams, useParam } from "../../core/route.js";
import { encodeUtc } from "../../core/time.js";
import { t } from "../../core/words.js";
import { Party } from "../../parts/party.js";
import { Table } from "../../parts/table.js";
import { Time } from "../../parts/time.js";
import { phaseOf } from "./things.js";
import { formatBand, formatPosition } from "./units.js";

/** @typedef {import("./things.js").Thing} Thing */

/** @param {Thing} one */
export function sayState(one) {
  if (one.type === "activity") return t(`map.state-${one.state}`);
  if (one.type === "zone") return t(`map.zone-${one.kind}`);
  if (one.type === "site") return t(`map.standing-${one.state}`);
  return one.state ? t(`map.word-${one.state}`) : "";
}

const isTime = (/** @type {number} */ ms) => Math.abs(ms) < 8.6e15;

/** @param {number} at_ms @param {boolean} areFeet @returns {import("../../parts/table.js").Column[]} */
export function makeColumns(at_ms, areFeet) {
  return [
    { key: "type", label: t("map.type"), get: (/** @type {Thing} */ one) => t(`map.type-${one.type}`) },
    { key: "party", label: t("map.party"), get: (/** @type {Thing} */ one) => one.author,
      render: (/** @type {Thing} */ one) => (one.author ? html`<${Party} id=${one.author} />` : "") },
    { key: "name", label: t("map.name"), get: (/** @type {Thing} */ one) => one.name, render: (/** @type {Thing} */ one) => html`<bdi>${one.name}</bdi>` },
    { key: "state", label: t("map.state"), get: sayState },
    { key: "conflict", label: t("map.type-conflict"), get: (/** @type {Thing} */ one) => (one.hasConflict ? t("map.yes") : "") },
    { key: "phase", label: t("map.phase"), get: (/** @type {Thing} */ one) => t(`map.phase-${phaseOf(one, at_ms)}`) },
    { key: "from", label: t("map.from"), get: (/** @type {Thing} */ one) => (isTime(one.from_ms) ? encodeUtc(one.from_ms) : ""),
      render: (/** @type {Thing} */ one) => (isTime(one.from_ms) ? html`<${Time} ms=${one.from_ms} short=${true} local=${false} />` : "") },
    { key: "until", label: t("map.until"), get: (/** @type {Thing} */ one) => (isTime(one.until_ms) ? encodeUtc(one.until_ms) : ""),
      render: (/** @type {Thing} */ one) => (isTime(one.until_ms) ? html`<${Time} ms=${one.until_ms} short=${true} local=${false} />` : "") },
    { key: "heights", label: t(areFeet ? "map.heights-feet" : "map.heights-metres"), get: (/** @type {Thing} */ one) => one.low_m ?? -1e9,
      out: (/** @type {Thing} */ one) => formatBand(one.low_m, one.high_m, areFeet),
      render: (/** @type {Thing} */ one) => formatBand(one.low_m, one.high_m, areFeet) },
    { key: "at", label: t("map.position"), get: (/** @type {Thing} */ one) => (one.at ? formatPosition(one.at[1], one.at[0]) : "") },
  ];
}

/** @param {{ things: readonly Thing[], state: import("./state.js").MapState, at_ms: number, open: (key: string) => void }} props */
export function Twin({ things, state, at_ms, open }) {
  const sort = useParam("sort", "from");
  const columns = useMemo(() => makeColumns(at_ms, state.areFeet), [at_ms, state.areFeet]);
  return html`<${Table} label=${t("map.table")} rows=${things} rowKey=${(/** @type {Thing} */ one) => `${one.type} ${one.key}`} columns=${columns}
    sort=${sort} onSort=${(/** @type {string} */ one) => setParams({ sort: one }, { replace: true })}
    selected=${things.find((one) => one.key === state.item) ? `${things.find((one) => one.key === state.item)?.type} ${state.item}` : ""}
    onSelect=${(/** @type {Thing} */ one) => setParams({ item: one.key }, { replace: true })} onOpen=${(/** @type {Thing} */ one) => open(one.key)}
    card=${(/** @type {Thing} */ one) => html`<div><strong><bdi>${one.name}</bdi></strong> ${one.author ? html`<${Party} id=${one.author} />` : null}</div>
      <div class="muted">${t(`map.type-${one.type}`)} · ${sayState(one)} · ${formatBand(one.low_m, one.high_m, state.areFeet)}</div>`} />`;
}
