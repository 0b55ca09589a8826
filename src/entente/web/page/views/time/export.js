// The lanes as a file: activities, what falls due and conflicts within the window, a line each.
//
// Invariants: of the moment that the bar shows, and it says which; where there are more activities than the desk
// lists one by one, the file has their counts and says so: it never has some of them and looks whole.
//
//     makeExports({ from_us, until_us, at_size: 17 })     // items for ExportMenu
import { look } from "../../core/api.js";
import { clean } from "../../core/safe.js";
import { encodeUtc } from "../../core/time.js";
import { t } from "../../core/words.js";
import { saveFile, toCsv } from "../../parts/export.js";

const MOST = 20_000;
const ARMED = 1;
const IN_CONFLICT = 2;

/** @param {number | null} us */
const utc = (us) => (us === null ? "" : encodeUtc(us / 1000));

/** @param {any} answer Of `lanes`. @returns {any[]} */
export function listRows(answer) {
  const rows = [];
  for (const lane of answer.lanes) {
    for (const [start, end, place, flags] of lane.bars ?? []) {
      const { object, title } = answer.things[place];
      const marks = [flags & ARMED ? "armed" : "", flags & IN_CONFLICT ? "conflict" : ""].filter(Boolean).join(" ");
      rows.push({ what: "activity", party: lane.party, thing: object, words: title, from: start, until: end, marks });
    }
    (lane.counts ?? []).forEach((/** @type {number} */ count, /** @type {number} */ at) => {
      const from = lane.from_us + at * lane.step_us;
      rows.push({ what: "count", party: lane.party, thing: "", words: `${count}`, from, until: from + lane.step_us, marks: "" });
    });
  }
  for (const one of answer.marks) {
    rows.push({ what: one.kind, party: one.party, thing: one.object, words: "", from: one.at_us, until: one.at_us, marks: "" });
  }
  for (const one of answer.conflicts) {
    rows.push({ what: "conflict", party: "", thing: one.key, words: one.rule, from: one.start_us, until: one.end_us, marks: one.has_alarm ? "alarm" : "" });
  }
  return rows;
}

const COLUMNS = () => [
  ...["what", "party", "thing", "words", "marks"].map((name) => ({ key: name, label: name, get: (/** @type {any} */ row) => row[name] })),
  ...["from", "until"].map((name) => ({ key: name, label: `${name} (UTC)`, get: (/** @type {any} */ row) => utc(row[name]) })),
];

/** @param {import("../../core/api.js").Query} query Window and moment, as they were asked for the bar. */
export function makeExports(query) {
  const withAnswer = (/** @type {(answer: any) => void} */ save) => () =>
    look("lanes", { ...query, most: MOST }).then(save, (error) => window.alert(clean(error?.message ?? String(error), 300)));
  const name = (/** @type {any} */ answer) => `lanes-of-${answer.at_size}`;
  return [
    { label: t("time.save-csv"), run: withAnswer((answer) => saveFile(`${name(answer)}.csv`, "text/csv;charset=utf-8", toCsv(COLUMNS(), listRows(answer)))) },
    { label: t("time.save-json"), run: withAnswer((answer) => saveFile(`${name(answer)}.json`, "application/json", JSON.stringify(answer, null, 1))) },
  ];
}
