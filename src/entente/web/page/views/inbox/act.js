// Acts as buttons: one click or one key; what needs words opens a small form in place and sends it by Ctrl+Enter.
//
// Invariants: nothing is said while its form is not whole; what became of it is what the desk answered, and the item
// stays until the desk lists it no more; words that were begun survive a reload of this tab; an officer who may not do
// it sees that before he tries.
//
//     html`<${Acts} item=${item} />`
import { useAct } from "../../core/api.js";
import { html, useEffect, useRef, useState } from "../../core/dom.js";
import { useKeys } from "../../core/keys.js";
import { tellOwn } from "../../core/live.js";
import { go, parseLocation } from "../../core/route.js";
import { useSession } from "../../core/session.js";
import { t } from "../../core/words.js";
import { Outcome } from "../../parts/dialog.js";
import { Choice, Field } from "../../parts/form.js";
import { dropDraft, useDraft } from "./draft.js";
import { listActs } from "./acts.js";

/** @param {{ act: import("./acts.js").Act, slot: string, error: any, isBusy: boolean, onSend: (values: Record<string, string>) => void, onClose: () => void }} props */
function ActForm({ act, slot, error, isBusy, onSend, onClose }) {
  const fields = act.fields ?? [];
  const [values, setValues] = useDraft(slot, Object.fromEntries(fields.map((one) => [one.name, one.initial ?? ""])));
  const form = useRef(/** @type {HTMLFormElement | null} */ (null));
  useEffect(() => {
    /** @type {HTMLElement | null | undefined} */ (form.current?.querySelector("input, textarea, select"))?.focus();
  }, []);
  const isWhole = fields.every((one) => {
    const value = values[one.name] ?? "";
    if (one.type === "metres") return value !== "" && Number.isFinite(Number(value)) && Number(value) >= 0;
    return !one.required || value.trim() !== "";
  });
  const send = () => isWhole && !isBusy && onSend(values);
  const keys = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      send();
    }
    if (event.key === "Escape") {
      event.stopPropagation();
      event.preventDefault();
      onClose();
    }
  };
  const set = (/** @type {string} */ name, /** @type {string} */ value) => setValues({ ...values, [name]: value });
  return html`<form class="act-form" ref=${form} onKeyDown=${keys} onSubmit=${(/** @type {Event} */ event) => { event.preventDefault(); send(); }}>
    ${act.hint ? html`<p class="muted">${t(`inbox.${act.hint}`)}</p>` : null}
    ${fields.map((one) => {
      const value = values[one.name] ?? "";
      const input = (/** @type {any} */ event) => set(one.name, event.currentTarget.value);
      if (one.type === "choice") {
        return html`<${Choice} key=${one.name} label=${t(`inbox.${one.label}`)} value=${value}
          options=${(one.options ?? []).map((option) => ({ value: option, label: t(`inbox.option-${option}`) }))}
          onChange=${(/** @type {string} */ next) => set(one.name, next)} />`;
      }
      return html`<${Field} key=${one.name} label=${t(`inbox.${one.label}`)} path=${`$.${one.name}`} error=${error}>
        ${one.type === "long"
          ? html`<textarea rows="3" maxlength=${one.most} value=${value} onInput=${input}></textarea>`
          : one.type === "metres"
            ? html`<input type="number" min="0" step="any" inputmode="decimal" value=${value} onInput=${input} />`
            : one.type === "time"
              ? html`<input type="datetime-local" value=${value} onInput=${input} />`
              : html`<input maxlength=${one.most} value=${value} onInput=${input} />`}
      </${Field}>`;
    })}
    <div class="row">
      <button type="submit" class=${act.weight === "danger" ? "danger" : "primary"} disabled=${!isWhole || isBusy} aria-busy=${isBusy}>
        ${t(`inbox.${act.label}`)} <kbd>Ctrl+Enter</kbd>
      </button>
      <button type="button" class="quiet" onClick=${onClose}>${t("shell.cancel")} <kbd>Esc</kbd></button>
    </div>
  </form>`;
}

/**
 * One act: a button, or a link where it is done elsewhere.
 *
 * @param {{ act: import("./acts.js").Act, item: import("./items.js").Item, isOpen: boolean, onOpen: (id: string) => void,
 *   register: (id: string, run: () => void) => void }} props
 */
function OneAct({ act, item, isOpen, onOpen, register }) {
  const doing = useAct(act.verb ?? "");
  const session = useSession();
  const isAllowed = act.verb === undefined || session.may(act.verb);
  const slot = `inbox.${item.key}.${act.id}`;
  const send = async (/** @type {Record<string, string>} */ values) => {
    if (act.body === undefined) return;
    const answer = await doing.run(act.body(values));
    if (answer !== null) {
      dropDraft(slot);
      onOpen("");
    }
    // Refused or not: what is on the screen may be over.
    tellOwn();
  };
  const run = () => {
    if (act.href) return void go(parseLocation(new URL(act.href, window.location.href)).view, parseLocation(new URL(act.href, window.location.href)).params);
    if (!isAllowed || doing.isBusy) return undefined;
    return act.fields ? onOpen(isOpen ? "" : act.id) : void send({});
  };
  register(act.id, run);
  const label = t(`inbox.${act.label}`);
  if (act.href) return html`<a class=${`button ${act.weight ?? ""}`} href=${act.href}>${label} <kbd>${act.keys}</kbd></a>`;
  return html`<div class=${isOpen ? "one-act one-act-open" : "one-act"}>
    <button type="button" class=${isOpen ? "" : act.weight} disabled=${!isAllowed || doing.isBusy} aria-busy=${doing.isBusy}
      aria-expanded=${act.fields ? isOpen : undefined} title=${isAllowed ? (act.hint && !act.fields ? t(`inbox.${act.hint}`) : undefined) : t("shell.error-no-role")} onClick=${run}>
      ${label}${act.fields ? " …" : ""} <kbd>${act.keys}</kbd>
    </button>
    ${isOpen ? html`<${ActForm} act=${act} slot=${slot} error=${doing.error} isBusy=${doing.isBusy} onSend=${send} onClose=${() => onOpen("")} />` : null}
    <${Outcome} of=${doing} />
  </div>`;
}

/** @param {{ item: import("./items.js").Item, extra?: readonly import("./acts.js").Act[] }} props */
export function Acts({ item, extra = [] }) {
  const acts = [...extra, ...listActs(item)];
  const [open, setOpen] = useState("");
  const session = useSession();
  const runs = useRef(/** @type {Map<string, () => void>} */ (new Map()));
  useKeys(
    acts.map((one) => ({ keys: one.keys, label: t(`inbox.${one.label}`), group: "inbox", run: () => runs.current.get(one.id)?.() })),
    [item.key, acts.map((one) => one.id).join()],
  );
  const isBarred = acts.some((one) => one.verb !== undefined) && !acts.some((one) => one.verb !== undefined && session.may(one.verb));
  return html`<section class="acts no-print" aria-label=${t("inbox.acts")}>
    ${acts.map(
      (one) => html`<${OneAct} key=${one.id} act=${one} item=${item} isOpen=${open === one.id} onOpen=${setOpen}
        register=${(/** @type {string} */ id, /** @type {() => void} */ run) => runs.current.set(id, run)} />`,
    )}
    ${isBarred ? html`<p class="muted">${t("inbox.may-not")}</p>` : null}
  </section>`;
}
