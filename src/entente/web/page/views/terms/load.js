// Loading a terms file of one's own: picked, dropped or pasted; and its faults, each at its line and column.
//
// Invariants: the text goes to this desk alone; a file with faults is kept and shown, and asked nothing; a name that
// the desk would not take is made one that it does, and shown before it is used.
//
//     html`<${Load} onDone=${(name) => setParams({ file: name })} />`
import { useAct } from "../../core/api.js";
import { html, useState } from "../../core/dom.js";
import { tellOwn } from "../../core/live.js";
import { clean } from "../../core/safe.js";
import { t } from "../../core/words.js";
import { Dialog, Outcome } from "../../parts/dialog.js";
import { Field } from "../../parts/form.js";
import { Words } from "../../parts/words.js";

/** @param {string} name @returns {string} */
function makeName(name) {
  const slug = name.toLowerCase().replace(/\.[^.]*$/, "").replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "");
  return slug.slice(0, 40) || "terms";
}

/** @param {{ onClose: () => void, onDone: (name: string) => void }} props */
export function Load({ onClose, onDone }) {
  const [name, setName] = useState("");
  const [text, setText] = useState("");
  const [isOver, setOver] = useState(false);
  const act = useAct("terms-load");
  const take = async (/** @type {File | null | undefined} */ file) => {
    if (!file) return;
    setName(makeName(file.name));
    setText(await file.text());
  };
  const drop = (/** @type {DragEvent} */ event) => {
    event.preventDefault();
    setOver(false);
    take(event.dataTransfer?.files[0]);
  };
  const keep = async () => {
    const slug = makeName(name);
    if ((await act.run({ name: slug, text })) === null) return;
    tellOwn();
    onDone(slug);
  };
  return html`<${Dialog} title=${t("terms.load")} onClose=${onClose} wide=${true}>
    <p class="muted">${t("terms.private")}</p>
    <div class=${isOver ? "terms-drop terms-drop-on" : "terms-drop"} onDrop=${drop}
      onDragOver=${(/** @type {DragEvent} */ event) => { event.preventDefault(); setOver(true); }} onDragLeave=${() => setOver(false)}>
      <${Field} label=${t("terms.pick-file")} hint=${t("terms.drop-hint")}>
        <input type="file" accept=".toml,.txt,text/plain" onChange=${(/** @type {any} */ event) => take(event.currentTarget.files?.[0])} />
      </${Field}>
    </div>
    <${Field} label=${t("terms.file-name")} path="$.name" error=${act.error}>
      <input value=${name} onInput=${(/** @type {any} */ event) => setName(event.currentTarget.value)} />
    </${Field}>
    <${Field} label=${t("terms.file-text")} path="$.text" error=${act.error}>
      <textarea class="mono" rows="12" spellcheck=${false} value=${text}
        onInput=${(/** @type {any} */ event) => setText(event.currentTarget.value)}></textarea>
    </${Field}>
    <p class="row"><button type="button" class="primary" disabled=${!text || act.isBusy} onClick=${keep}>
      ${t("terms.keep-as", { name: makeName(name) })}</button></p>
    <${Outcome} of=${act} />
  </${Dialog}>`;
}

/** @param {{ file: any }} props A file's faults, each with the line that has it. */
export function Faults({ file }) {
  if (!file.fault_list.length) return null;
  const lines = file.text.split("\n");
  return html`<section class="panel terms-faults" role="alert">
    <h2>■ ${t("terms.faults", { n: file.faults })}</h2>
    <ol class="stack">
      ${file.fault_list.map((/** @type {any} */ one, /** @type {number} */ at) => html`<li key=${at}>
        <p><strong>${one.line ? t("terms.at", one) : t("terms.at-no-place")}</strong> <${Words} text=${one.message} most=${800} /></p>
        ${one.line ? html`<pre class="terms-fault-line"><bdi>${clean(lines[one.line - 1] ?? "", 300)}</bdi></pre>` : null}
        ${one.suggestion ? html`<p class="muted"><${Words} text=${one.suggestion} most=${400} /></p>` : null}
      </li>`)}
    </ol>
    ${file.more_faults ? html`<p>${t("terms.more-faults", { n: file.more_faults })}</p>` : null}
  </section>`;
}
