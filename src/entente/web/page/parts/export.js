// Files out of the page: what is on the screen, in forms that others read.
//
// Invariants: nothing is sent anywhere: the browser saves it; a spreadsheet must not run what a partner wrote, so
// that a cell that would begin a formula gets an apostrophe (OWASP, CSV injection); marks that turn or hide text are
// kept in JSON, where they are data, and made visible in CSV.
//
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

/** @param {unknown} value @returns {string} */
function csvCell(value) {
  const text = showMarks(value === null || value === undefined ? "" : String(value));
  // SECURITY: tests/browser/test_page_hostile.py exports a title that begins with "=".
  const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** @param {readonly import("./table.js").Column[]} columns @param {readonly any[]} rows @returns {string} RFC 4180 */
export function toCsv(columns, rows) {
  const shown = columns.filter((one) => one.get);
  const lines = [shown.map((one) => csvCell(one.label)), ...rows.map((row) => shown.map((one) => csvCell(one.get?.(row))))];
  return lines.map((cells) => cells.join(",")).join("\r\n") + "\r\n";
}

/** @param {{ items: readonly { label: string, run: () => void }[] }} props */
export function ExportMenu({ items }) {
  return html`<details class="menu">
    <summary>${t("shell.export")}</summary>
    <ul>
      ${items.map((one) => html`<li key=${one.label}><button type="button" onClick=${one.run}>${one.label}</button></li>`)}
    </ul>
  </details>`;
}
