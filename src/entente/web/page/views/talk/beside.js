// Two wordings beside each other, with what only one of them says marked.
//
// Invariants: both are shown whole and as they were signed; a mark only says that a word has no counterpart in the
// other one, never which of them is right; what is too long to hold against the other is said to be that.
//
//     compareWords("at 20:00", "at 21:00")   // [[{ text: "at ", isOnly: false }, { text: "20:00", isOnly: true }], …]
import { html, useMemo } from "../../core/dom.js";
import { clean, cutText } from "../../core/safe.js";
import { t } from "../../core/words.js";
import { Badge } from "../../parts/notice.js";
import { Party, Parties } from "../../parts/party.js";
import { Time } from "../../parts/time.js";
import { Words } from "../../parts/words.js";

/** So many steps of comparing are a moment; more would hang the page. */
const MOST_STEPS = 4_000_000;
const MOST_LETTERS = 20_000;

/** @typedef {{ text: string, isOnly: boolean }} Piece */

/** @param {string} text */
const split = (text) => text.match(/\s+|[^\s]+/g) ?? [];

/** @param {readonly string[]} tokens @param {readonly boolean[]} isOnly @returns {Piece[]} */
function join(tokens, isOnly) {
  /** @type {Piece[]} */
  const pieces = [];
  tokens.forEach((text, at) => {
    const last = pieces.at(-1);
    if (last && last.isOnly === isOnly[at]) last.text += text;
    else pieces.push({ text, isOnly: isOnly[at] ?? false });
  });
  return pieces;
}

/** @param {string} one @param {string} other @returns {[Piece[], Piece[]] | null} Null: too long to compare. */
export function compareWords(one, other) {
  const [left, right] = [split(one), split(other)];
  const [rows, columns] = [left.length + 1, right.length + 1];
  if (rows * columns > MOST_STEPS) return null;
  const common = new Uint16Array(rows * columns);
  const at = (/** @type {number} */ row, /** @type {number} */ column) => common[row * columns + column] ?? 0;
  for (let row = left.length - 1; row >= 0; row--) {
    for (let column = right.length - 1; column >= 0; column--) {
      common[row * columns + column] =
        left[row] === right[column] ? at(row + 1, column + 1) + 1 : Math.max(at(row + 1, column), at(row, column + 1));
    }
  }
  const [onlyLeft, onlyRight] = [left.map(() => true), right.map(() => true)];
  let [row, column] = [0, 0];
  while (row < left.length && column < right.length) {
    if (left[row] === right[column]) {
      onlyLeft[row++] = false;
      onlyRight[column++] = false;
    } else if (at(row + 1, column) >= at(row, column + 1)) row++;
    else column++;
  }
  return [join(left, onlyLeft), join(right, onlyRight)];
}

/** @param {{ pieces: readonly Piece[], language: string }} props */
function Pieces({ pieces, language }) {
  return html`<div class="words words-block" dir="auto"><bdi lang=${language}>${pieces.map((one, at) => {
    const shown = cutText(one.text, MOST_LETTERS).text;
    return one.isOnly && one.text.trim() ? html`<mark key=${at}>${shown}</mark>` : shown;
  })}</bdi></div>`;
}

/** @param {{ row: any, pieces: readonly Piece[] }} props */
function Wording({ row, pieces }) {
  const { readout, standing } = row;
  return html`<section class="talk-wording" aria-label=${clean(readout.title, 80)}>
    <h3><bdi>${clean(readout.title, 120)}</bdi> <code><bdi>${clean(row.id, 40)}</bdi></code></h3>
    <p class="muted">${t("talk.proposed-by")} <${Party} id=${row.author} /> · ${t("talk.held")} <${Time} iso=${readout.held} /> · <${Parties} ids=${readout.parties} /></p>
    <${Pieces} pieces=${pieces} language=${readout.language} />
    <p class="row"><${Badge} kind=${standing.signed.length === readout.parties.length ? "ok" : "quiet"}>${t("talk.signed-by")}</${Badge}> <${Parties} ids=${standing.signed} />
      ${standing.dissented.length ? html`<${Badge} kind="bad">${t("talk.dissented-by")}</${Badge}> <${Parties} ids=${standing.dissented} />` : null}</p>
    ${row.answers.filter((/** @type {any} */ one) => one.answer === "dissented").map((/** @type {any} */ one) => html`<figure key=${one.party} class="talk-reply">
      <figcaption>${t("talk.reason-of")} <${Party} id=${one.party} /></figcaption><${Words} text=${one.reason} as="block" most=${600} /></figure>`)}
  </section>`;
}

/** @param {{ one: any, other: any }} props Two readouts. */
export function Beside({ one, other }) {
  const pieces = useMemo(() => compareWords(String(one.readout.text), String(other.readout.text)), [one.sha256, other.sha256]);
  const [left, right] = pieces ?? [[{ text: String(one.readout.text), isOnly: false }], [{ text: String(other.readout.text), isOnly: false }]];
  const isSame = pieces !== null && [...left, ...right].every((each) => !each.isOnly || !each.text.trim());
  return html`<div class="stack">
    <p class="muted" role="status">${pieces === null ? t("talk.too-long-to-compare") : isSame ? t("talk.same-words") : html`<mark>${t("talk.marked")}</mark> ${t("talk.marked-means")}`}</p>
    <div class="talk-beside"><${Wording} row=${one} pieces=${left} /><${Wording} row=${other} pieces=${right} /></div>
  </div>`;
}
