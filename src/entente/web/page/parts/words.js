// A partner's words on the page: isolated from the text around them, cut where they are long, marks made visible.
//
//     html`<${Words} text=${activity.title} />`
import { cutText } from "../core/safe.js";
import { html, useState } from "../core/dom.js";
import { formatNumber, t } from "../core/words.js";

/** After this many letters the rest is only shown when asked for, in pieces: a megabyte would hang the page. */
const PIECE = 20_000;

/**
 * @param {{ text: unknown, most?: number, as?: "block" | "inline", language?: string }} props `most`: how many
 *   letters are shown at first. `language`: of the text, where it is known.
 */
export function Words({ text, most = 240, as = "inline", language }) {
  const [shown, setShown] = useState(most);
  const cut = cutText(text, Math.max(shown, most));
  const more = cut.left_out
    ? html` <button type="button" class="link-button" onClick=${() => setShown(Math.max(shown, most) + PIECE)}>
        ${t("shell.more-letters", { n: cut.left_out, count: formatNumber(cut.left_out) })}
      </button>`
    : null;
  const body = html`<bdi lang=${language}>${cut.text}</bdi>${cut.left_out ? "…" : ""}${more}`;
  return as === "block" ? html`<div class="words words-block" dir="auto">${body}</div>` : html`<span class="words">${body}</span>`;
}
