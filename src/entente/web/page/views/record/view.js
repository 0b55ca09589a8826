// The record: every entry, filtered and searched; everything of one; and what this page itself could check of it.
//
// Invariants: what is unreadable or void stands in the list, with why; "checked" is only said of what this page
// summed up; what partners wrote goes through Words; all state is in the address (q, kind, author, item, show).
//
//     /record?item=17            /record?show=check
import { look, lookPath, useLook } from "../../core/api.js";
import { useCursor } from "../../core/cursor.js";
import { html, useEffect, useMemo, useState } from "../../core/dom.js";
import { useKeys } from "../../core/keys.js";
import { setParams, useParam } from "../../core/route.js";
import { clean } from "../../core/safe.js";
import { parseUtc } from "../../core/time.js";
import { formatNumber, t } from "../../core/words.js";
import { Badge, Empty, Looked } from "../../parts/notice.js";
import { Party } from "../../parts/party.js";
import { Table } from "../../parts/table.js";
import { Time } from "../../parts/time.js";
import { Words } from "../../parts/words.js";
import { sumLeaves } from "../../record/watch.js";
import { CheckPanel, Standing } from "./check.js";
import { EntryPanel } from "./entry.js";
import { ListExport } from "./export.js";

const PIECE = 200;
/** @type {any[]} */
const NO_ROWS = [];
const KINDS = /** @type {Record<string, "ok" | "warn" | "bad" | "info" | "quiet" | "off">} */ ({
  open: "ok",
  opened: "ok",
  sealed: "quiet",
  unreadable: "warn",
  refused: "bad",
  void: "bad",
});

/** The center is no party: it has no mark of one. @param {string} author */
const showAuthor = (author) =>
  author === "center" ? t("record.center") : author ? html`<${Party} id=${author} />` : "—";

const columns = () => [
  {
    key: "index",
    label: t("record.index"),
    isNumber: true,
    width: "5rem",
    get: (/** @type {any} */ row) => row.index,
  },
  {
    key: "kind",
    label: t("record.kind"),
    width: "11rem",
    get: (/** @type {any} */ row) => row.kind,
    render: (/** @type {any} */ row) => html`<${Words} text=${row.kind} most=${40} />`,
  },
  {
    key: "author",
    label: t("record.author"),
    width: "7rem",
    get: (/** @type {any} */ row) => row.author,
    render: (/** @type {any} */ row) => showAuthor(row.author),
  },
  {
    key: "words",
    label: t("record.words"),
    get: (/** @type {any} */ row) => row.words || row.why,
    render: (/** @type {any} */ row) => html`<${Words} text=${row.words || row.why} most=${120} />`,
  },
  {
    key: "recorded",
    label: t("record.recorded"),
    width: "12rem",
    get: (/** @type {any} */ row) => row.recorded || row.at,
    render: (/** @type {any} */ row) =>
      row.recorded ? html`<${Time} iso=${row.recorded} local=${false} />` : t("record.not-known"),
  },
  {
    key: "standing",
    label: t("record.standing"),
    width: "8rem",
    get: (/** @type {any} */ row) => row.standing,
    render: (/** @type {any} */ row) =>
      html`<${Badge} kind=${row.standing === "recorded" ? "info" : "ok"}>${t(`record.is-${row.standing}`)}</${Badge}>`,
  },
  {
    key: "state",
    label: t("record.state"),
    width: "8rem",
    get: (/** @type {any} */ row) => row.state,
    render: (/** @type {any} */ row) =>
      html`<${Badge} kind=${KINDS[row.state] ?? "bad"}>${t(`record.state-${row.state}`)}</${Badge}>`,
  },
];

/** @param {Record<string, string>} query what is asked, without offset and limit */
function useRecord(query) {
  const first = useLook("record", { ...query, facets: 1, limit: PIECE });
  const key = JSON.stringify(query);
  const [more, setMore] = useState({ key, head: /** @type {any} */ (null), rows: /** @type {any[]} */ ([]) });
  const data = first.data;
  const isHeld = more.key === key && more.rows.length > 0;
  // Who has turned leaves keeps the list that he reads: new entries neither shift it nor take it away, and are told.
  const head = isHeld ? more.head : data;
  const rest = isHeld ? more.rows : NO_ROWS;
  const rows = useMemo(() => (head ? [...head.entries, ...rest] : []), [head, rest]);
  const newer = isHeld && data ? Math.max(0, data.size - head.size) : 0;
  const loadMore = async () => {
    if (!head || rows.length >= head.total) return;
    const asked = { ...query, below: head.size, offset: rows.length, limit: PIECE };
    const found = await look("record", asked).catch(() => null);
    if (found) setMore({ key, head, rows: [...rest, ...found.entries] });
  };
  const showNewer = () => setMore({ key, head: null, rows: [] });
  return { first, rows, loadMore, newer, showNewer };
}

/** @param {{ name: string, list: readonly { value: string, count: number }[], value: string }} props */
function Facet({ name, list, value }) {
  return html`<label class="record-facet"
    ><span>${t(`record.${name}`)}</span>
    <select
      value=${value}
      onChange=${(/** @type {any} */ event) => setParams({ [name]: event.currentTarget.value })}
    >
      <option value="">${t("record.any")}</option>
      ${list.map(
        (one) =>
          html`<option key=${one.value} value=${one.value} selected=${one.value === value}>
            ${clean(one.value, 80)} (${formatNumber(one.count)})
          </option>`,
      )}
      ${value && !list.some((one) => one.value === value) ? html`<option value=${value} selected>${clean(value, 80)} (0)</option>` : null}
    </select></label
  >`;
}

export default function RecordView() {
  const names = /** @type {const} */ (["q", "kind", "author", "state", "standing", "thing", "order"]);
  const values = names.map((name) => useParam(name));
  const query = Object.fromEntries(names.map((name, at) => [name, values[at] ?? ""]));
  // Other views name an entry as what it is.
  const [byItem, byEntry, show] = [useParam("item"), useParam("entry"), useParam("show")];
  const item = byItem || byEntry;
  const cursor = useCursor();
  const { first, rows, loadMore, newer, showNewer } = useRecord(query);
  useEffect(() => {
    sumLeaves();
  }, [first.data?.size]);
  const step = (/** @type {number} */ by) => {
    const place = rows.findIndex((row) => String(row.index) === item);
    const next = rows[Math.min(rows.length - 1, Math.max(0, place + by))];
    if (next) setParams({ item: String(next.index), entry: null }, { replace: true });
  };
  useKeys(
    [
      { keys: "j", label: t("record.key-next"), run: () => step(1), group: "record" },
      { keys: "k", label: t("record.key-before"), run: () => step(-1), group: "record" },
      {
        keys: "/",
        label: t("record.key-search"),
        run: () => document.getElementById("record-q")?.focus(),
        group: "record",
      },
    ],
    [rows, item],
  );
  const data = first.data;
  const facets = data?.facets ?? {};
  const shown = columns();
  const isLater = (/** @type {any} */ row) =>
    !cursor.isNow && (parseUtc(row.recorded || row.at) ?? 0) > cursor.at_ms;
  return html`<div class="view record">
    <header class="row">
      <h1>${t("record.title")}</h1>
      <button type="button" onClick=${() => setParams({ show: show === "check" ? null : "check" })}>
        ${t("record.check")}
      </button>
      <a href=${lookPath("record", { ...query, facets: 1 })} target="_blank" rel="noreferrer">JSON</a>
      <${ListExport} query=${query} columns=${shown} />
    </header>
    <${Standing} />
    ${show === "check" ? html`<${CheckPanel} />` : null}
    <div class="row record-filters">
      <label class="record-facet"
        ><span>${t("record.search")}</span>
        <input
          id="record-q"
          type="search"
          maxlength="200"
          value=${query["q"]}
          onChange=${(/** @type {any} */ event) => setParams({ q: event.currentTarget.value })}
      /></label>
      ${["kind", "author", "state", "standing"].map(
        (name) =>
          html`<${Facet} key=${name} name=${name} list=${facets[name] ?? []} value=${query[name] ?? ""} />`,
      )}
    </div>
    <${Looked} of=${first} />
    ${
      data
        ? html`<p role="status">
            ${t("record.total", { n: data.total, total: formatNumber(data.total), size: formatNumber(data.size) })}
            ${data.indexed < data.size ? html` <${Badge} kind="warn">${t("record.indexing", { indexed: formatNumber(data.indexed) })}</${Badge}>` : null}
            ${newer ? html` <button type="button" onClick=${showNewer}>${t("record.newer", { n: newer, count: formatNumber(newer) })}</button>` : null}
          </p>`
        : null
    }
    <div class="record-body">
      ${
        data && !rows.length
          ? html`<${Empty}>${t("record.none")}</${Empty}>`
          : html`<${Table}
              label=${t("record.title")}
              rows=${rows}
              total=${data?.total}
              columns=${shown}
              rowKey=${(/** @type {any} */ row) => String(row.index)}
              selected=${item}
              onSelect=${(/** @type {any} */ row) => setParams({ item: String(row.index), entry: null }, { replace: true })}
              rowClass=${(/** @type {any} */ row) => (isLater(row) ? "record-later" : "")}
              onReachEnd=${loadMore}
              card=${(/** @type {any} */ row) =>
                html`<div>
                  ${row.index}
                  <${Words} text=${row.kind} /> ${showAuthor(row.author)}
                  <div><${Words} text=${row.words || row.why} most=${90} /></div>
                </div>`}
            />`
      }
      ${item ? html`<${EntryPanel} key=${item} name=${item} />` : null}
    </div>
  </div>`;
}
