// What officers of this desk said lately and how far it came, and what became of a thing that is due no more.
//
// Invariants: every act is shown with how far the record has it, until it is settled; "sent" is no state. Who did a
// thing is told from our own book, and where our book does not know, that is said.
//
//     html`<${Lately} />`     html`<${Gone} item=${item} />`
import { useLook } from "../../core/api.js";
import { html } from "../../core/dom.js";
import { linkTo } from "../../core/route.js";
import { clean } from "../../core/safe.js";
import { hasWords, t } from "../../core/words.js";
import { Badge, Looked } from "../../parts/notice.js";
import { Time } from "../../parts/time.js";

/**
 * @typedef {{ number: number, kind: string, officers: readonly string[], at: string, state: string, leaf: string,
 *   index: number | null, recorded: string, standing: string, code: string, reason: string, trouble: string,
 *   subjects: readonly string[] }} Done
 */

/** @param {string} kind @returns {string} A kind of message in the reader's words, or as the record calls it. */
export function sayKind(kind) {
  const name = `inbox.kind-${kind.replace(/\./g, "-")}`;
  return hasWords(name) ? t(name) : clean(kind, 60);
}

const KINDS = /** @type {Record<string, "ok" | "warn" | "bad" | "info">} */ ({
  settled: "ok", firm: "ok", recorded: "info", refused: "bad",
});

/** @param {{ one: Done }} props */
export function DoneLine({ one }) {
  const known = one.standing === "firm" || one.standing === "settled";
  const words = known ? t(`inbox.standing-${one.standing}`) : hasWords(`inbox.state-${one.state}`) ? t(`inbox.state-${one.state}`) : clean(one.state, 40);
  return html`<div class="done-line">
    <${Badge} kind=${KINDS[known ? one.standing : one.state] ?? "warn"}>${words}</${Badge}>
    <span>${sayKind(one.kind)} · <bdi>${clean(one.officers.join(", "), 80)}</bdi> · <${Time} iso=${one.recorded || one.at} local=${false} short=${true} />
      ${one.index !== null ? html` · <a href=${linkTo("record", { entry: String(one.index) })}>${t("inbox.entry", { index: one.index })}</a>` : null}</span>
    ${one.reason || one.trouble ? html`<small class="muted"><bdi>${clean(one.reason || one.trouble, 300)}</bdi></small>` : null}
  </div>`;
}

const ON = ["entry", "standing", "own", "link", "reset", "awake"];

export function Lately() {
  const done = useLook("done", { limit: 6 }, { on: ON, every_s: 30 });
  const list = /** @type {readonly Done[]} */ (done.data ?? []);
  if (!list.length) return html`<${Looked} of=${done} />`;
  return html`<section class="due-lately" aria-label=${t("inbox.lately")}>
    <h2>${t("inbox.lately")}</h2>
    <ol>${list.map((one) => html`<li key=${one.number}><${DoneLine} one=${one} /></li>`)}</ol>
  </section>`;
}

/** @param {{ item: import("./items.js").Item }} props */
export function Gone({ item }) {
  const done = useLook("done", { limit: 100 }, { on: ON, every_s: 30 });
  const names = new Set([item.subject, item.facts.message, item.facts.id].filter(Boolean));
  // An act on an object may be about an earlier version of it, so only what was said since the item began counts.
  const found = /** @type {readonly Done[]} */ (done.data ?? []).filter(
    (one) => one.subjects.some((name) => names.has(name)) && one.at >= item.since,
  );
  return html`<section class="panel due-gone" role="status">
    <p><strong>${t("inbox.gone")}</strong> ${done.data === null ? null : t(found.length ? "inbox.gone-by" : "inbox.gone-unknown")}</p>
    ${found.slice(0, 3).map((one) => html`<${DoneLine} key=${one.number} one=${one} />`)}
    <${Looked} of=${done} />
  </section>`;
}
