// Fields: a label, a hint, and the fault beside the field that has it.
//
//     html`<${Field} label=${t("map.title")} path="$.title" error=${act.error}>
//       <input value=${title} onInput=${(e) => setTitle(e.currentTarget.value)} />
//     </${Field}>`
import { h, html, useMemo } from "../core/dom.js";
import { clean } from "../core/safe.js";

let made = 0;

/**
 * @param {{ label: string, hint?: string, path?: string, error?: import("../core/api.js").AskError | null,
 *   children?: any, wide?: boolean }} props `path`: where the desk says a fault of this field lies, "$.title".
 */
export function Field({ label, hint, path, error, children, wide = false }) {
  const id = useMemo(() => `field-${++made}`, []);
  const isFaulty = error && path && (error.path === path || error.path.startsWith(`${path}.`) || error.path.startsWith(`${path}[`));
  const control = Array.isArray(children) ? children[0] : children;
  const described = [hint ? `${id}-hint` : "", isFaulty ? `${id}-fault` : ""].filter(Boolean).join(" ") || undefined;
  const named = control && typeof control === "object"
    ? h(control.type, { ...control.props, id, "aria-describedby": described, "aria-invalid": isFaulty ? "true" : undefined })
    : control;
  return html`<div class=${`field ${wide ? "field-wide" : ""} ${isFaulty ? "field-faulty" : ""}`}>
    <label for=${id}>${label}</label>
    ${named}
    ${hint ? html`<p class="field-hint" id=${`${id}-hint`}>${hint}</p>` : null}
    ${isFaulty ? html`<p class="field-fault" id=${`${id}-fault`}>■ <bdi>${clean(error.message, 400)}</bdi></p>` : null}
  </div>`;
}

/**
 * One of a few: a row of buttons that behaves as radio buttons.
 *
 * @param {{ label: string, value: string, options: readonly { value: string, label: string }[],
 *   onChange: (value: string) => void }} props
 */
export function Choice({ label, value, options, onChange }) {
  const name = useMemo(() => `choice-${++made}`, []);
  return html`<fieldset class="choice">
    <legend>${label}</legend>
    ${options.map(
      (one) => html`<label key=${one.value} class=${one.value === value ? "choice-on" : ""}>
        <input type="radio" name=${name} value=${one.value} checked=${one.value === value}
          onChange=${() => onChange(one.value)} />
        <span>${one.label}</span>
      </label>`,
    )}
  </fieldset>`;
}
