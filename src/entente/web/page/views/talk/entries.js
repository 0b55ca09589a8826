// What there is to choose from: threads, readouts and incidents, each as a row with what waits for us.
//
// Invariants: a row waits for us only by the record's word (a text that nobody of ours acknowledged, an urgent one
// after our last, a readout without our answer, an incident for which we owe one); what waits stands first, and
// within a group the newest.
//
//     listEntries({ threads, readouts, incidents }, "us", { tab: "", q: "", owed: false })
import { html } from "../../core/dom.js";
import { clean } from "../../core/safe.js";
import { t } from "../../core/words.js";
import { Badge } from "../../parts/notice.js";
import { Parties, Party } from "../../parts/party.js";
import { Time } from "../../parts/time.js";
import { sayAbout } from "./about.js";

export const TABS = /** @type {const} */ (["threads", "readouts", "incidents"]);
/** The parameter of the address that names one of each. */
export const NAMES = /** @type {const} */ ({ threads: "thread", readouts: "readout", incidents: "incident" });

/** @typedef {"threads" | "readouts" | "incidents"} Tab */
/** @typedef {{ tab: Tab, key: string, isOwed: boolean, isUrgent: boolean, at: string, text: string, row: any }} Entry */

/** @param {any} row Whether others said something urgent and we nothing since. */
export const isPressing = (row) => row.urgent_index !== null && row.urgent_index > (row.own_index ?? -1);

/** @param {any} row @param {string} party Whether our signature or dissent is missing while it can count. */
export const isUnanswered = (row, party) => row.state === "open" && row.standing.silent.includes(party);

/** @param {any} row @param {string} party @returns {any} What we owe for an incident, if anything. */
export const findOwed = (row, party) => row.follow_up.find((/** @type {any} */ one) => one.party === party && one.state === "waiting");

/** @param {any} data @param {string} party @returns {Entry[]} */
function makeEntries(data, party) {
  const text = (/** @type {readonly unknown[]} */ ...pieces) => pieces.join("\n").toLowerCase();
  return [
    ...(data.threads ?? []).map((/** @type {any} */ row) => ({
      tab: /** @type {Tab} */ ("threads"), key: row.thread, isOwed: row.owed > 0 || isPressing(row), isUrgent: isPressing(row) || row.owed_urgent > 0,
      at: row.last?.at ?? "", text: text(row.id, row.about.type, row.about.id, row.last?.text, row.last?.author, ...row.to), row,
    })),
    ...(data.readouts ?? []).map((/** @type {any} */ row) => ({
      tab: /** @type {Tab} */ ("readouts"), key: row.id, isOwed: isUnanswered(row, party), isUrgent: false,
      at: row.readout.held, text: text(row.id, row.readout.title, row.readout.text, ...row.readout.parties), row,
    })),
    ...(data.incidents ?? []).map((/** @type {any} */ row) => ({
      tab: /** @type {Tab} */ ("incidents"), key: row.incident, isOwed: Boolean(findOwed(row, party)), isUrgent: row.reported.urgent,
      at: row.at, text: text(row.id, row.reported.category, row.reported.observed, row.author), row,
    })),
  ];
}

/**
 * @param {{ threads: any, readouts: any, incidents: any }} data @param {string} party Ours.
 * @param {{ tab: string, q: string, owed: boolean, party: string }} filter
 * @returns {{ name: string, entries: Entry[] }[]} Groups, none of them empty.
 */
export function listEntries(data, party, filter) {
  const q = filter.q.trim().toLowerCase();
  const all = makeEntries(data, party)
    .filter((one) => (!filter.tab || one.tab === filter.tab) && (!filter.owed || one.isOwed) && (!q || one.text.includes(q)))
    .sort((one, other) => Number(other.isUrgent) - Number(one.isUrgent) || (one.at < other.at ? 1 : -1));
  const owed = { name: "owed", entries: all.filter((one) => one.isOwed) };
  const rest = TABS.map((tab) => ({ name: String(tab), entries: all.filter((one) => !one.isOwed && one.tab === tab).sort(byTime) }));
  return [owed, ...rest].filter((group) => group.entries.length);
}

/** @param {Entry} one @param {Entry} other */
const byTime = (one, other) => (one.at < other.at ? 1 : one.at > other.at ? -1 : 0);

/** @param {{ row: any }} props */
function ThreadRow({ row }) {
  return html`<span class="talk-row-head"><b><bdi>${clean(row.id, 60)}</bdi></b>
      ${row.about.type === "none" ? null : html`<span class="muted">${t("talk.about")} ${sayAbout(row.about)}${row.about.id === row.id ? "" : html` <bdi>${clean(row.about.id, 40)}</bdi>`}</span>`}</span>
    <span class="talk-row-marks">
      ${isPressing(row) ? html`<${Badge} kind="bad">${t("talk.urgent-open")}</${Badge}>` : null}
      ${row.owed ? html`<${Badge} kind="warn">${t("talk.not-acknowledged", { n: row.owed })}</${Badge}>` : null}</span>
    ${row.last ? html`<span class="talk-last"><${Party} id=${row.last.author} /> <bdi>${clean(row.last.text, 110)}</bdi></span>` : null}
    <span class="talk-row-foot">${row.last ? html`<${Time} iso=${row.last.at} short=${true} />` : null} <span>${t("talk.texts", { n: row.messages })}</span> <${Parties} ids=${row.to} /></span>`;
}

/** @param {{ row: any, isOwed: boolean }} props */
function ReadoutRow({ row, isOwed }) {
  const { signed, dissented, silent } = row.standing;
  return html`<span class="talk-row-head"><b><bdi>${clean(row.readout.title, 80)}</bdi></b> <code><bdi>${clean(row.id, 40)}</bdi></code></span>
    <span class="talk-row-marks">
      ${isOwed ? html`<${Badge} kind="warn">${t("talk.wants-answer")}</${Badge}>` : null}
      ${dissented.length ? html`<${Badge} kind="bad">${t("talk.n-dissented", { n: dissented.length })}</${Badge}>` : null}
      ${signed.length === row.readout.parties.length
        ? html`<${Badge} kind="ok">${t("talk.all-signed")}</${Badge}>`
        : html`<${Badge} kind="quiet">${t("talk.n-signed", { n: signed.length, of: row.readout.parties.length })}</${Badge}>`}
      ${silent.length && row.state === "settled" ? html`<${Badge} kind="off">${t("talk.n-silent", { n: silent.length })}</${Badge}>` : null}</span>
    <span class="talk-row-foot">${t("talk.held")} <${Time} iso=${row.readout.held} short=${true} /> <${Parties} ids=${row.readout.parties} /></span>`;
}

/** @param {{ row: any, isOwed: boolean }} props */
function IncidentRow({ row, isOwed }) {
  return html`<span class="talk-row-head"><b>${sayCategory(row.reported.category)}</b> <code><bdi>${clean(row.id, 40)}</bdi></code> <${Party} id=${row.author} /></span>
    <span class="talk-row-marks">
      ${row.reported.urgent ? html`<${Badge} kind="bad">${t("talk.urgent")}</${Badge}>` : null}
      ${isOwed ? html`<${Badge} kind="warn">${t("talk.owes-account")}</${Badge}>` : null}</span>
    <span class="talk-last"><bdi>${clean(row.reported.observed, 110)}</bdi></span>
    <span class="talk-row-foot">${t("talk.reported")} <${Time} iso=${row.at} short=${true} /> <${Parties} ids=${row.to} /></span>`;
}

export const CATEGORIES = /** @type {const} */ ([
  "strike", "shelling", "shooting", "damage", "intrusion", "near-miss", "interference", "access-denied", "other",
]);

/** @param {string} category @returns {string} */
export function sayCategory(category) {
  return CATEGORIES.some((one) => one === category) ? t(`talk.category-${category}`) : clean(category, 40);
}

/** @param {{ entry: Entry }} props */
export function Row({ entry }) {
  const { tab, row, isOwed } = entry;
  if (tab === "threads") return html`<${ThreadRow} row=${row} />`;
  return tab === "readouts" ? html`<${ReadoutRow} row=${row} isOwed=${isOwed} />` : html`<${IncidentRow} row=${row} isOwed=${isOwed} />`;
}
