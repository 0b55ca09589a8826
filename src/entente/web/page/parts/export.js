// Files out of the page: what is on the screen, in forms that others read.
//
// Invariants: nothing is sent anywhere: the browser saves it; a spreadsheet must not run what a partner wrote, so
// that what would begin a formula gets an apostrophe (OWASP, CSV injection), in a cell's middle too where a
// spreadsheet that parts by semicolons would begin a cell; marks that turn or hide text are kept in JSON, where they
// are data, and made visible in CSV. A CSV begins with U+FEFF: without it spreadsheets take UTF-8 for something else.
//
//     html`<${ExportMenu} items=${tableExports("conflicts", columns, rows, looked.data)} />`
//     saveFile("conflicts.csv", "text/csv", toCsv(columns, rows));
import { html } from "../core/dom.js";
import { showMarks } from "../core/safe.js";
import { t } from "../core/words.js";

/** @param {string} name @param {string} type @param {BlobPart} content */
export function saveFile(name, type, content) {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name.replace(/[^A-Za-z0-9._-]+/g, "-");
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** What a spreadsheet begins a formula with, after blanks that it passes over; full width too, which some fold. */
const FORMULA = /^[\s\u00A0\u3000]*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20\t\r\n]/;
const INNER_FORMULA = /([;\t\r\n][\s\u00A0\u3000]*)(?=[=+\-@\uFF1D\uFF0B\uFF0D\uFF20])/g;

/** @param {unknown} value @returns {string} */
function csvCell(value) {
  const text = showMarks(value === null || value === undefined ? "" : String(value));
  // SECURITY: tests/browser/test_page_paper.py exports titles that begin with each of these.
  const safe = typeof value !== "string" ? text : (FORMULA.test(value) ? `'${text}` : text).replace(INNER_FORMULA, "$1'");
  return /[",;\t\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** @param {readonly import("./table.js").Column[]} columns @param {readonly any[]} rows @returns {string} RFC 4180 */
export function toCsv(columns, rows) {
  const shown = columns.filter((one) => one.out ?? one.get);
  const lines = [
    shown.map((one) => csvCell(one.label)),
    ...rows.map((row) => shown.map((one) => csvCell((one.out ?? one.get)?.(row)))),
  ];
  return `\uFEFF${lines.map((cells) => cells.join(",")).join("\r\n")}\r\n`;
}

/**
 * What every list can be taken away as.
 *
 * @param {string} name Of the file. @param {readonly import("./table.js").Column[]} columns
 * @param {readonly any[]} rows @param {unknown} [data] What JSON has in place of the rows.
 */
export function tableExports(name, columns, rows, data) {
  return [
    { label: "CSV", run: () => saveFile(`${name}.csv`, "text/csv;charset=utf-8", toCsv(columns, rows)) },
    { label: "JSON", run: () => saveFile(`${name}.json`, "application/json", JSON.stringify(data ?? rows, null, 1)) },
    { label: t("shell.print"), run: () => window.print() },
  ];
}

/** @param {{ items: readonly { label: string, run: () => void }[] }} props */
export function ExportMenu({ items }) {
  return html`<details class="menu">
    <summary>${t("shell.export")}</summary>
    <ul>
      ${items.map((one) => html`<li key=${one.label}>
        <button type="button" onClick=${(/** @type {any} */ event) => {
          event.currentTarget.closest("details").open = false;
          one.run();
        }}>${one.label}</button>
      </li>`)}
    </ul>
  </details>`;
}
