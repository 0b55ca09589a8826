// What the page says of itself: state as colour, word and shape; errors; nothing there; old answers.
//
//     html`<${Badge} kind="bad">${t("conflicts.open")}</${Badge}>`
//     html`<${Looked} of=${inbox} />`     an error, "loading", or how old the answer is
import { html } from "../core/dom.js";
import { clean } from "../core/safe.js";
import { hasWords, t } from "../core/words.js";
import { Since } from "./time.js";

/** A shape for each kind, so that it is told without colour. */
const SHAPES = { ok: "✓", warn: "▲", bad: "■", info: "●", quiet: "○", off: "⊘" };

/** @param {{ kind: keyof typeof SHAPES, children?: unknown, title?: string }} props */
export function Badge({ kind, children, title }) {
  return html`<span class=${`badge badge-${kind}`} title=${title}
    ><span class="badge-shape" aria-hidden="true">${SHAPES[kind]}</span> ${children}</span>`;
}

/** @param {{ error: import("../core/api.js").AskError | null, onAgain?: () => void }} props */
export function ErrorBox({ error, onAgain }) {
  if (error === null) return null;
  const known = hasWords(`shell.error-${error.code}`) ? t(`shell.error-${error.code}`) : null;
  return html`<div class="error-box" role="alert">
    <span class="badge-shape" aria-hidden="true">■</span>
    <div>
      ${known ? html`<p><strong>${known}</strong></p>` : null}
      <p class="error-words"><bdi>${clean(error.message, 2000)}</bdi></p>
      ${error.path ? html`<p class="error-path">${t("shell.at-path", { path: clean(error.path, 200) })}</p>` : null}
      ${onAgain ? html`<button type="button" onClick=${onAgain}>${t("shell.try-again")}</button>` : null}
    </div>
  </div>`;
}

/** @param {{ of: import("../core/api.js").Looked }} props */
export function Looked({ of }) {
  if (of.isLoading && of.data === null) return html`<p class="loading" role="status">${t("shell.loading")}</p>`;
  if (of.error === null && !(of.isStale && of.data !== null)) return null;
  return html`<div>
    ${of.data !== null
      ? html`<p class="stale-note"><${Badge} kind="warn">${t("shell.stale-answer")}</${Badge}> <${Since} ms=${of.at_ms} /></p>`
      : null}
    <${ErrorBox} error=${of.error} onAgain=${of.again} />
  </div>`;
}

/** @param {{ children?: unknown }} props */
export function Empty({ children }) {
  return html`<p class="empty">${children}</p>`;
}
