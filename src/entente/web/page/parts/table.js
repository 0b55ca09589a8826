// A table of any length: only the rows in sight are in the document, yet a screen reader is told them all by number.
//
// Invariants: rows have one height, so that row 90,000 is where the scroll bar says; the row under the keyboard is
// the selected one; up and down, Home and End, Page Up and Page Down move it, Enter opens it; the order is told to
// screen readers; on a narrow screen a row is what `card` makes of it; paper has all rows, or says how many it lacks.
//
//     html`<${Table} label=${t("conflicts.list")} rows=${rows} rowKey=${(one) => one.key} columns=${columns}
//       selected=${key} onSelect=${(one) => setParams({ item: one.key }, { replace: true })} />`
import { html, useEffect, useMemo, useRef, useState } from "../core/dom.js";
import { createStore, useStore } from "../core/store.js";
import { formatNumber, t } from "../core/words.js";
import { MOST_ROWS, paper } from "./paper.js";

const NARROW = window.matchMedia("(max-width: 700px)");
/** Whether the screen is narrow: rows are cards then. */
export const narrow = createStore(NARROW.matches);
NARROW.addEventListener("change", () => narrow.set(NARROW.matches));
const BEYOND = 8;

/**
 * @typedef {{ key: string, label: string, get?: (row: any) => string | number, render?: (row: any) => unknown,
 *   isNumber?: boolean, width?: string, out?: (row: any) => string | number }} Column `get`: what is sorted by, and
 *   exported, if there is no `out`. `render`: what is shown.
 */

/**
 * @param {{ label: string, rows: readonly any[], rowKey: (row: any) => string, columns: readonly Column[],
 *   selected?: string, onSelect?: (row: any) => void, onOpen?: (row: any) => void, card?: (row: any) => unknown,
 *   sort?: string, onSort?: (sort: string) => void, rowHeight_px?: number, cardHeight_px?: number,
 *   rowClass?: (row: any) => string, onReachEnd?: () => void, total?: number }} props
 *   `sort`: "key" or "-key". `total`: how many there are when not all are here.
 */
export function Table(props) {
  const { label, rows, rowKey, columns, selected = "", onSelect, onOpen, card, sort = "", onSort } = props;
  const isPrinting = useStore(paper) !== null;
  const isNarrow = useStore(narrow) && card !== undefined && !isPrinting;
  const height_px = isNarrow ? (props.cardHeight_px ?? 76) : (props.rowHeight_px ?? 38);
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  const [view, setView] = useState({ top: 0, height: 800 });
  useEffect(() => {
    const one = box.current;
    if (one === null) return undefined;
    const look = () => setView({ top: one.scrollTop, height: one.clientHeight || 800 });
    const observer = new ResizeObserver(look);
    observer.observe(one);
    one.addEventListener("scroll", look, { passive: true });
    return () => {
      observer.disconnect();
      one.removeEventListener("scroll", look);
    };
  }, []);
  const sorted = useMemo(() => sortRows(rows, columns, sort), [rows, columns, sort]);
  const place = selected ? sorted.findIndex((one) => rowKey(one) === selected) : -1;
  useEffect(() => showPlace(box.current, place, height_px), [place, height_px]);
  const first = isPrinting ? 0 : Math.max(0, Math.floor(view.top / height_px) - BEYOND);
  const last = Math.min(sorted.length, isPrinting ? MOST_ROWS : Math.ceil((view.top + view.height) / height_px) + BEYOND);
  useEffect(() => {
    if (last >= sorted.length && sorted.length && !isPrinting) props.onReachEnd?.();
  }, [last, sorted.length]);

  const move = (/** @type {KeyboardEvent} */ event) => {
    const step = Math.max(1, Math.floor(view.height / height_px) - 1);
    /** @type {Record<string, number>} */
    const moves = {
      ArrowDown: place + 1, ArrowUp: place - 1, PageDown: place + step, PageUp: place - step,
      Home: 0, End: sorted.length - 1,
    };
    if (event.key === "Enter" && place >= 0 && event.target === box.current) return onOpen?.(sorted[place]);
    const next = moves[event.key];
    if (next === undefined || !sorted.length || !onSelect) return undefined;
    event.preventDefault();
    return onSelect(sorted[Math.min(sorted.length - 1, Math.max(0, next))]);
  };
  const head = html`<thead><tr>
    ${columns.map(
      (one) => html`<th key=${one.key} scope="col" class=${one.isNumber ? "number" : ""} style=${{ width: one.width }}
        aria-sort=${sort === one.key ? "ascending" : sort === `-${one.key}` ? "descending" : undefined}>
        ${onSort && one.get
          ? html`<button type="button" class="sort" onClick=${() => onSort(sort === one.key ? `-${one.key}` : one.key)}>
              ${one.label}<span aria-hidden="true">${sort === one.key ? " ↑" : sort === `-${one.key}` ? " ↓" : ""}</span>
            </button>`
          : one.label}
      </th>`,
    )}
  </tr></thead>`;
  const body = sorted.slice(first, last).map((row, at) => {
    const [key, number] = [rowKey(row), first + at];
    const isOn = key === selected;
    return html`<tr key=${key} aria-rowindex=${number + 2} aria-selected=${isOn} style=${isPrinting ? undefined : { height: `${height_px}px` }}
      class=${`${isOn ? "row-on" : ""} ${props.rowClass?.(row) ?? ""}`}
      onClick=${() => onSelect?.(row)} onDblClick=${() => onOpen?.(row)}>
      ${isNarrow
        ? html`<td colspan=${columns.length} class="card">${card?.(row)}</td>`
        : columns.map(
            (one) => html`<td key=${one.key} class=${one.isNumber ? "number" : ""}>${one.render ? one.render(row) : one.get?.(row)}</td>`,
          )}
    </tr>`;
  });
  return html`<div class="table-box" tabindex="0" ref=${box} onKeyDown=${move} role="region"
    aria-label=${t("shell.table-label", { label, count: props.total ?? sorted.length })}>
    ${isPrinting && last < (props.total ?? sorted.length)
      ? html`<p class="paper-cut">▲ ${t("shell.paper-cut", { shown: formatNumber(last), total: formatNumber(props.total ?? sorted.length) })}</p>`
      : null}
    <table class=${isNarrow ? "table table-narrow" : "table"} aria-label=${label} aria-rowcount=${(props.total ?? sorted.length) + 1}
      role="grid">
      ${isNarrow ? null : head}
      <tbody>
        ${first > 0 ? html`<tr key="before" aria-hidden="true" class="pad"><td style=${{ height: `${first * height_px}px` }}></td></tr>` : null}
        ${body}
        ${last < sorted.length && !isPrinting
          ? html`<tr key="after" aria-hidden="true" class="pad"><td style=${{ height: `${(sorted.length - last) * height_px}px` }}></td></tr>`
          : null}
      </tbody>
    </table>
  </div>`;
}

/** @param {readonly any[]} rows @param {readonly Column[]} columns @param {string} sort */
export function sortRows(rows, columns, sort) {
  const column = columns.find((one) => one.key === sort.replace(/^-/, ""));
  const get = column?.get;
  if (get === undefined) return rows;
  const sign = sort.startsWith("-") ? -1 : 1;
  return [...rows].sort((one, other) => {
    const [a, b] = [get(one), get(other)];
    return sign * (typeof a === "number" && typeof b === "number" ? a - b : String(a) < String(b) ? -1 : String(a) > String(b) ? 1 : 0);
  });
}

/** @param {HTMLDivElement | null} box @param {number} place @param {number} height_px */
function showPlace(box, place, height_px) {
  if (box === null || place < 0) return;
  const head_px = box.querySelector("thead")?.clientHeight ?? 0;
  const [top, bottom] = [place * height_px, (place + 1) * height_px + head_px];
  if (top < box.scrollTop) box.scrollTop = top;
  else if (bottom > box.scrollTop + box.clientHeight) box.scrollTop = bottom - box.clientHeight;
}
