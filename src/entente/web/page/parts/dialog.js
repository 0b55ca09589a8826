// Dialogs and buttons that act.
//
// Invariants: what ends in a signed message is started by one button with the verb on it, tells that it is on its
// way, and what the record answered; while one is on its way it is not started again; Esc closes a dialog and acts
// on nothing.
//
//     html`<${ActButton} verb="acknowledge" body=${{ messages: [leaf] }} label=${t("inbox.acknowledge")} />`
import { useAct } from "../core/api.js";
import { html, useEffect, useRef } from "../core/dom.js";
import { tellOwn } from "../core/live.js";
import { t } from "../core/words.js";
import { Badge, ErrorBox } from "./notice.js";

/** @param {{ title: string, onClose: () => void, children?: unknown, wide?: boolean }} props */
export function Dialog({ title, onClose, children, wide = false }) {
  const ref = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => {
    const came = document.activeElement;
    ref.current?.showModal();
    return () => {
      if (came instanceof HTMLElement) came.focus();
    };
  }, []);
  return html`<dialog class=${wide ? "dialog dialog-wide" : "dialog"} ref=${ref} aria-label=${title}
    onCancel=${(/** @type {Event} */ event) => { event.preventDefault(); onClose(); }}>
    <header class="dialog-head">
      <h2>${title}</h2>
      <button type="button" class="quiet" onClick=${onClose} aria-label=${t("shell.close")}>✕</button>
    </header>
    <div class="dialog-body">${children}</div>
  </dialog>`;
}

/**
 * What became of an act: on its way, refused, or where the record has it.
 *
 * @param {{ of: { isBusy: boolean, error: import("../core/api.js").AskError | null, answer: any } }} props
 */
export function Outcome({ of }) {
  if (of.isBusy) return html`<p class="outcome" role="status">${t("shell.on-its-way")}</p>`;
  if (of.error) return html`<${ErrorBox} error=${of.error} />`;
  if (of.answer === null) return null;
  const { state, index } = of.answer;
  if (state === "refused") {
    const words = { code: of.answer.code, message: of.answer.reason, path: "" };
    return html`<${ErrorBox} error=${words} />`;
  }
  const isRecorded = state === "recorded";
  return html`<p class="outcome" role="status">
    <${Badge} kind=${isRecorded || state === undefined ? "ok" : "warn"}>
      ${state === undefined ? t("shell.done") : t(`shell.state-${state}`, { index: index ?? "" })}
    </${Badge}>
  </p>`;
}

/**
 * A button that makes the desk act.
 *
 * @param {{ verb: string, body: object | (() => object | null | Promise<object | null>), label: string, kind?: string, keys?: string,
 *   disabled?: boolean, onDone?: (answer: any) => void }} props `body` may be made at the click; null: not yet. `keys`
 *   is shown beside the label; binding it is `useKeys`' matter.
 */
export function ActButton({ verb, body, label, kind = "", keys, disabled = false, onDone }) {
  const act = useAct(verb);
  const click = async () => {
    const made = await (typeof body === "function" ? body() : body);
    if (made === null) return;
    const answer = await act.run(made);
    if (answer !== null) {
      tellOwn();
      onDone?.(answer);
    }
  };
  return html`<span class="act">
    <button type="button" class=${kind} disabled=${disabled || act.isBusy} aria-busy=${act.isBusy} onClick=${click}>
      ${label}${keys ? html` <kbd>${keys}</kbd>` : null}
    </button>
    <${Outcome} of=${act} />
  </span>`;
}
