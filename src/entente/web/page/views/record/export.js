// The list of the record as a file: every entry that fits the filters, not only those on the screen.
//
// Invariants: the file is of one size of the record, asked for in pieces below it; a piece that could not be had
// leaves no file rather than a short one; how far it has come is told, and it can be stopped.
//
//     <${ListExport} query=${query} columns=${columns()} />
import { look } from "../../core/api.js";
import { html, useEffect, useRef, useState } from "../../core/dom.js";
import { formatNumber, t } from "../../core/words.js";
import { ExportMenu, saveFile, toCsv } from "../../parts/export.js";
import { Badge } from "../../parts/notice.js";
import { Words } from "../../parts/words.js";

/** The most that the desk gives at once. */
const PIECE = 2_000;

/**
 * @param {Record<string, string>} query @param {AbortSignal} stop
 * @param {(have: number, total: number) => void} tell
 * @returns {Promise<{ size: number, entries: any[] }>}
 */
export async function fetchAll(query, stop, tell) {
  let [size, total] = [0, Number.POSITIVE_INFINITY];
  /** @type {any[]} */
  const entries = [];
  while (entries.length < total) {
    const found = await look("record", { ...query, below: size, offset: entries.length, limit: PIECE }, stop);
    // New entries do not shift what follows: all pieces are of the size at which the first was given.
    if (!size) [size, total] = [found.size, found.total];
    if (!found.entries.length) break;
    entries.push(...found.entries);
    tell(entries.length, total);
  }
  return { size, entries };
}

/** @param {{ query: Record<string, string>, columns: readonly import("../../parts/table.js").Column[] }} props */
export function ListExport({ query, columns }) {
  const [state, setState] = useState({ have: -1, total: 0, fault: "" });
  const stop = useRef(new AbortController());
  useEffect(() => () => stop.current.abort(), []);
  const run = async (/** @type {(found: { size: number, entries: any[] }) => void} */ save) => {
    stop.current = new AbortController();
    const { signal } = stop.current;
    setState({ have: 0, total: 0, fault: "" });
    try {
      save(await fetchAll(query, signal, (have, total) => setState({ have, total, fault: "" })));
      setState({ have: -1, total: 0, fault: "" });
    } catch (error) {
      const fault = signal.aborted ? "" : error instanceof Error ? error.message : String(error);
      setState({ have: -1, total: 0, fault });
    }
  };
  // What a line of the file is found and checked by, when the page is long gone.
  const all = [...columns, { key: "leaf", label: t("record.leaf"), get: (/** @type {any} */ row) => row.leaf }];
  const name = (/** @type {number} */ size) => `record-of-${size}`;
  if (state.have >= 0) {
    return html`<span class="row" role="status">
      ${t("record.saving", { have: formatNumber(state.have), total: state.total ? formatNumber(state.total) : "…" })}
      <button type="button" onClick=${() => stop.current.abort()}>${t("record.stop")}</button>
    </span>`;
  }
  return html`<${ExportMenu}
      items=${[
        {
          label: t("record.all-csv"),
          run: () =>
            run((found) => saveFile(`${name(found.size)}.csv`, "text/csv;charset=utf-8", toCsv(all, found.entries))),
        },
        {
          label: t("record.all-json"),
          run: () =>
            run((found) =>
              saveFile(`${name(found.size)}.json`, "application/json", JSON.stringify({ query, ...found }, null, 1)),
            ),
        },
        { label: t("shell.print"), run: () => window.print() },
      ]}
    />
    ${state.fault ? html`<span role="alert"><${Badge} kind="bad">${t("record.not-saved")}</${Badge}> <${Words} text=${state.fault} most=${300} /></span>` : null}`;
}
