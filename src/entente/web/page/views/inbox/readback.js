// Reading a position back: our own words for the place beside a map of it, for a person to compare and then to say.
//
// Invariants: the words are ours, found from our own places, and may be changed; the point that is sent is the one that
// is drawn; what is said is said for every volume of this very message.
//
//     html`<${ReadBack} item=${item} body=${body} />`
import { useAct, useLook } from "../../core/api.js";
import { html, useRef } from "../../core/dom.js";
import { useKeys } from "../../core/keys.js";
import { tellOwn } from "../../core/live.js";
import { useSession } from "../../core/session.js";
import { formatNumber, t } from "../../core/words.js";
import { Outcome } from "../../parts/dialog.js";
import { Looked } from "../../parts/notice.js";
import { dropDraft, useDraft } from "./draft.js";
import { PlaceMap } from "./place.js";

/** @param {readonly [number, number]} point_e7 */
const sayPoint = (point_e7) => `${(point_e7[0] / 1e7).toFixed(5)}, ${(point_e7[1] / 1e7).toFixed(5)}`;

/** @param {{ item: import("./items.js").Item }} props */
export function ReadBack({ item }) {
  const message = useLook("message", { message: item.subject });
  const slot = `inbox.${item.key}`;
  const [values, setValues] = useDraft(slot, Object.fromEntries(item.readings.map((one) => [String(one.volume), one.words])));
  const doing = useAct("read-back");
  const session = useSession();
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const body = message.data?.body;
  const volumes = body?.volumes ?? (body?.volume ? [body.volume] : []);
  const isAllowed = session.may("read-back");
  const isWhole = item.readings.every((one) => (values[String(one.volume)] ?? "").trim() !== "");
  const send = async () => {
    if (!isAllowed || !isWhole || doing.isBusy) return;
    const readings = item.readings.map((one) => ({ volume: one.volume, point_e7: one.point_e7, words: values[String(one.volume)] }));
    if ((await doing.run({ message: item.subject, readings, is_first: true })) !== null) dropDraft(slot);
    // Refused or not: what is on the screen may be over.
    tellOwn();
  };
  const run = useRef(send);
  run.current = send;
  useKeys(
    [
      { keys: "r", label: t("inbox.act-read-back"), group: "inbox", run: () => void run.current() },
      { keys: "e", label: t("inbox.act-edit-words"), group: "inbox", run: () => box.current?.querySelector("textarea")?.focus() },
    ],
    [item.key],
  );
  return html`<section class="panel readback" ref=${box} aria-label=${t("inbox.act-read-back")}>
    <p>${t("inbox.readback-how")}</p>
    <div class="readback-both">
      <div class="stack">
        ${item.readings.map(
          (one, n) => html`<div key=${one.volume} class="field">
            <label for=${`reading-${n}`}>${item.readings.length > 1 ? t("inbox.reading-n", { n: n + 1 }) : t("inbox.reading")}</label>
            <textarea id=${`reading-${n}`} rows="3" maxlength="400" value=${values[String(one.volume)]}
              onKeyDown=${(/** @type {KeyboardEvent} */ event) => (event.ctrlKey || event.metaKey) && event.key === "Enter" && send()}
              onInput=${(/** @type {any} */ event) => setValues({ ...values, [String(one.volume)]: event.currentTarget.value })}></textarea>
            <p class="field-hint">${sayPoint(one.point_e7)}${one.moved_cm !== null ? html` · <strong>${t("inbox.moved", { n: formatNumber(one.moved_cm / 100) })}</strong>` : null}</p>
          </div>`,
        )}
        <div class="row no-print">
          <button type="button" class="primary" disabled=${!isAllowed || !isWhole || doing.isBusy} aria-busy=${doing.isBusy} onClick=${send}>
            ${t("inbox.act-read-back")} <kbd>r</kbd></button>
          <button type="button" class="quiet" onClick=${() => box.current?.querySelector("textarea")?.focus()}>${t("inbox.act-edit-words")} <kbd>e</kbd></button>
        </div>
        <${Outcome} of=${doing} />
      </div>
      <${PlaceMap} volumes=${volumes} points=${item.readings} label=${t("inbox.place-compare")} />
    </div>
    <${Looked} of=${message} />
  </section>`;
}
