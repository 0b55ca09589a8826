// Help: every key, what the words mean, and where to read on.
import { html } from "../../core/dom.js";
import { bindings } from "../../core/keys.js";
import { useStore } from "../../core/store.js";
import { hasWords, t } from "../../core/words.js";

const WORDS = ["recorded", "firm", "settled", "acknowledged", "read-back", "concurrence", "lapsed", "as-known", "blind", "variant"];

/** The keys that act now, by group; used by the `?` dialog too. */
export function KeyList() {
  const all = useStore(bindings).flat();
  const groups = new Map(/** @type {[string, typeof all][]} */ ([]));
  for (const one of all) {
    const name = one.group ?? "shell";
    groups.set(name, [...(groups.get(name) ?? []), one]);
  }
  return html`<div class="keys">
    ${[...groups].map(
      ([name, list]) => html`<section key=${name}>
        <h3>${hasWords(`shell.keys-${name}`) ? t(`shell.keys-${name}`) : t(`shell.view-${name}`)}</h3>
        <dl class="facts">
          ${list.map((one) => html`<dt key=${one.keys}>${one.keys.split(" / ").map((key) => html`<kbd>${key}</kbd> `)}</dt><dd>${one.label}</dd>`)}
        </dl>
      </section>`,
    )}
  </div>`;
}

export default function HelpView() {
  return html`<div class="view">
    <header class="view-head"><h1>${t("help.title")}</h1></header>
    <section class="panel"><h2>${t("help.keys")}</h2><${KeyList} /></section>
    <section class="panel">
      <h2>${t("help.words")}</h2>
      <dl class="facts">${WORDS.map((one) => html`<dt key=${one}>${t(`help.word-${one}`)}</dt><dd>${t(`help.means-${one}`)}</dd>`)}</dl>
    </section>
    <section class="panel"><h2>${t("help.marks")}</h2><p>${t("help.marks-more")}</p><p>${t("help.borders")}</p></section>
  </div>`;
}
