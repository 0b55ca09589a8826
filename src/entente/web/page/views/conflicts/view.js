// Conflicts: the list, and the one that is chosen, explained.
//
// Invariants: filters, order and choice are in the address; sorted by time, soonest first, if nothing else is asked
// for; how many there are and of which moment is always said; with the cursor at a past moment the list is that of
// the moment, and while it is being looked up none is shown.
import { useLook } from "../../core/api.js";
import { useCursor } from "../../core/cursor.js";
import { html, useMemo } from "../../core/dom.js";
import { useKeys } from "../../core/keys.js";
import { setParams, useParam } from "../../core/route.js";
import { clean } from "../../core/safe.js";
import { useStore } from "../../core/store.js";
import { deskNowMs, encodeUtc, formatSpan } from "../../core/time.js";
import { language, t } from "../../core/words.js";
import { ExportMenu, tableExports } from "../../parts/export.js";
import { Choice } from "../../parts/form.js";
import { Badge, Empty, Looked } from "../../parts/notice.js";
import { listPartyIds, Party } from "../../parts/party.js";
import { sortRows, Table } from "../../parts/table.js";
import { Time, useTick } from "../../parts/time.js";
import { Detail } from "./detail.js";
import { timeLeft_s } from "./rank.js";

const RULES = ["separation", "buffer", "zone"];

/** @param {any} row @param {number} now_ms @returns {string} */
function sayLeft(row, now_ms) {
  if (row.state !== "open") return t("conflicts.state-resolved");
  if (row.start_us === null) return t("conflicts.no-time");
  const left_s = timeLeft_s(row, now_ms);
  if (left_s === Number.MAX_SAFE_INTEGER) return t("conflicts.over");
  return left_s === 0 ? t("conflicts.now") : t("shell.in", { span: formatSpan(left_s) });
}

/** @param {any} row */
const Sides = (row) => html`<span class="sides-line">${row.sides.map((/** @type {any} */ side, /** @type {number} */ at) => html`${at ? " × " : ""}<bdi>${clean(side.title, 50)}</bdi> <${Party} id=${side.author} />`)}</span>`;

/** @returns {import("../../parts/table.js").Column[]} */
function makeColumns() {
  return [
    { key: "start", label: t("conflicts.column-start"), get: (row) => (row.start_us === null ? "" : encodeUtc(row.start_us / 1000)),
      render: (row) => (row.start_us === null ? "—" : html`<${Time} ms=${row.start_us / 1000} short=${true} local=${false} />`) },
    { key: "left", label: t("conflicts.column-left"), get: (row) => timeLeft_s(row, deskNowMs()), out: (row) => sayLeft(row, deskNowMs()), render: (row) => sayLeft(row, deskNowMs()) },
    { key: "sides", label: t("conflicts.column-sides"), get: (row) => row.sides.map((/** @type {any} */ one) => `${one.title} (${one.author})`).join(" / "), render: Sides },
    { key: "rule", label: t("conflicts.column-rule"), get: (row) => row.rule, render: (row) => t(`conflicts.short-${row.rule}`) },
    { key: "state", label: t("conflicts.column-state"), get: (row) => (row.alarm ? "alarm" : row.state), render: State },
  ];
}

/** @param {any} row */
const State = (row) =>
  row.alarm
    ? html`<${Badge} kind="bad">${t("conflicts.alarm-short")}</${Badge}>`
    : row.state === "open"
      ? html`<${Badge} kind=${row.is_own ? "warn" : "info"}>${t(row.is_own ? "conflicts.ours" : "conflicts.others")}</${Badge}>`
      : html`<${Badge} kind="quiet">${t("conflicts.state-resolved")}</${Badge}>`;

/** @param {any} row */
const card = (row) => html`<div class="row">${State(row)} <strong>${sayLeft(row, deskNowMs())}</strong> ${t(`conflicts.short-${row.rule}`)}</div><div>${Sides(row)}</div>`;

export default function ConflictsView() {
  const code = useStore(language);
  useTick(30);
  const cursor = useCursor();
  const [item, show, rule, party, own, sort] = [useParam("item"), useParam("show", "open"), useParam("rule"), useParam("party"), useParam("own"), useParam("sort", "start")];
  const looked = useLook(cursor.isSettling ? null : "conflicts", {
    ended: show === "all" ? 1 : 0, ...(cursor.at_size === null ? {} : { at_size: cursor.at_size }),
  });
  const all = looked.data?.conflicts ?? [];
  const rows = useMemo(
    () => all.filter((/** @type {any} */ one) => (!rule || one.rule === rule) && (!own || one.is_own) &&
      (!party || one.sides.some((/** @type {any} */ side) => side.author === party))),
    [looked.data, rule, party, own],
  );
  const columns = useMemo(makeColumns, [code]);
  const choose = (/** @type {any} */ row) => setParams({ item: row?.key ?? null, explain: null }, { replace: item !== "" });
  const move = (/** @type {number} */ by) => {
    const sorted = sortRows(rows, columns, sort);
    const at = sorted.findIndex((one) => one.key === item);
    const next = sorted[Math.min(sorted.length - 1, Math.max(0, at < 0 ? 0 : at + by))];
    if (next) choose(next);
  };
  useKeys(
    [
      { keys: "j", label: t("conflicts.key-next"), run: () => move(1), group: "conflicts" },
      { keys: "k", label: t("conflicts.key-previous"), run: () => move(-1), group: "conflicts" },
      { keys: "e", label: t("conflicts.key-explain"), run: () => (item ? setParams({ explain: item ? "1" : null }, { replace: true }) : move(0)), group: "conflicts" },
      { keys: "escape", label: t("conflicts.key-back"), run: () => choose(null), group: "conflicts" },
    ],
    [rows, item, sort, code],
  );
  const total = looked.data?.total ?? 0;
  return html`<div class="view conflicts">
    <header class="view-head">
      <h1>${t("conflicts.title")}</h1>
      <${ExportMenu} items=${tableExports("conflicts", [
        { key: "key", label: "key", get: (row) => row.key }, ...columns,
        { key: "end", label: t("conflicts.column-end"), get: (row) => (row.end_us === null ? "" : encodeUtc(row.end_us / 1000)) },
      ], sortRows(rows, columns, sort), { ...looked.data, conflicts: rows })} />
    </header>
    <div class="row no-print">
      <${Choice} label=${t("conflicts.which")} value=${show} options=${["open", "all"].map((value) => ({ value, label: t(`conflicts.show-${value}`) }))}
        onChange=${(/** @type {string} */ value) => setParams({ show: value === "open" ? null : value })} />
      <label class="inline-field">${t("conflicts.column-rule")} <select value=${rule} onChange=${(/** @type {any} */ event) => setParams({ rule: event.currentTarget.value })}>
        <option value="">${t("conflicts.any")}</option>${RULES.map((one) => html`<option key=${one} value=${one}>${t(`conflicts.short-${one}`)}</option>`)}</select></label>
      <label class="inline-field">${t("conflicts.party")} <select value=${party} onChange=${(/** @type {any} */ event) => setParams({ party: event.currentTarget.value })}>
        <option value="">${t("conflicts.any")}</option>${listPartyIds().map((one) => html`<option key=${one} value=${one}>${clean(one, 24)}</option>`)}</select></label>
      <label class="inline-check"><input type="checkbox" checked=${own !== ""} onChange=${(/** @type {any} */ event) => setParams({ own: event.currentTarget.checked ? "1" : null })} /> ${t("conflicts.own-only")}</label>
      <span class="muted" role="status">${cursor.isSettling ? t("conflicts.settling") : looked.data ? t("conflicts.count", { n: rows.length, total, size: looked.data.at_size }) : ""}</span>
    </div>
    ${looked.data?.is_cut ? html`<p><${Badge} kind="warn">${t("conflicts.cut")}</${Badge}></p>` : null}
    <${Looked} of=${looked} />
    <div class=${item ? "split split-chosen" : "split"}>
      <div>${looked.data !== null && !rows.length
        ? html`<${Empty}>${all.length ? t("conflicts.none-so") : t("conflicts.none")}</${Empty}>`
        : html`<${Table} label=${t("conflicts.list")} rows=${rows} rowKey=${(/** @type {any} */ row) => row.key} columns=${columns} selected=${item}
            onSelect=${choose} onOpen=${(/** @type {any} */ row) => setParams({ item: row.key, explain: "1" })} card=${card} sort=${sort}
            onSort=${(/** @type {string} */ next) => setParams({ sort: next }, { replace: true })} />`}</div>
      <div class="conflict-side">${item ? html`<${Detail} key=${item} itemKey=${item} onClose=${() => choose(null)} />` : html`<${Empty}>${t("conflicts.choose")}</${Empty}>`}</div>
    </div>
  </div>`;
}
