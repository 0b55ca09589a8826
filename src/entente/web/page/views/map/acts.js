// What may be done now about the thing that is looked at.
//
// Invariants: a button is only there while its act makes sense for this party and is allowed to this officer; each
// names the very version that is on the screen, so that a newer one is never answered unseen; objecting wants its
// reason, withholding it is a verb of its own.
//
//     html`<${Acts} thing=${thing} session=${session} />`
import { html, useState } from "../../core/dom.js";
import { linkTo } from "../../core/route.js";
import { t } from "../../core/words.js";
import { ActButton } from "../../parts/dialog.js";
import { Field } from "../../parts/form.js";

const ANSWERED = new Set(["concurred", "objected", "reconsider"]);

/** @param {any} one An activity of another party. @param {string} party Ours. */
export function listDue(one, party) {
  if (one.author === party || one.record_state !== "standing") return { acknowledge: false, concur: false, readBack: false };
  const receipt = (one.receipts ?? []).find((/** @type {any} */ each) => each.party === party);
  const asked = (one.concurrence ?? []).find((/** @type {any} */ each) => each.party === party);
  return {
    acknowledge: receipt !== undefined && receipt.state !== "acknowledged" && !ANSWERED.has(receipt.answer),
    concur: asked !== undefined && !ANSWERED.has(asked.answer),
    readBack: (one.position?.unread ?? []).includes(party),
  };
}

/** @param {{ thing: import("./things.js").Thing, session: any }} props */
export function Acts({ thing, session }) {
  const [reason, setReason] = useState("");
  const one = thing.of;
  if (!["activity", "zone", "site"].includes(thing.type)) return null;
  const due = listDue(one, session.party);
  const may = session.may;
  const isMine = one.author === session.party;
  // Which answer of ours was on the screen: where another officer has answered meanwhile, the desk says so.
  const asked = (one.concurrence ?? []).find((/** @type {any} */ each) => each.party === session.party);
  const named = { activity: one.id, version: one.version, to: one.to?.length ? one.to : null, seen: asked?.answer || "waiting" };
  return html`<section class="map-acts no-print" aria-label=${t("map.acts")}>
    ${due.acknowledge && may("acknowledge") ? html`<${ActButton} verb="acknowledge" kind="primary" body=${{ messages: [one.version] }} label=${t("map.acknowledge")} />` : null}
    ${due.readBack && may("read-back") ? html`<${ActButton} verb="read-back" body=${{ message: one.version, readings: null }} label=${t("map.do-read-back")} />` : null}
    ${due.concur && may("concur")
      ? html`<${ActButton} verb="concur" kind="primary" body=${named} label=${t("map.concur")} />
        <${Field} label=${t("map.reason")}><textarea value=${reason} maxlength="4000" onInput=${(/** @type {any} */ event) => setReason(event.currentTarget.value)}></textarea></${Field}>
        <${ActButton} verb="object" kind="danger" disabled=${reason.trim() === ""} body=${{ ...named, reason: reason.trim() }} label=${t("map.object")} />
        <${ActButton} verb="reconsider" body=${named} label=${t("map.reconsider")} />`
      : null}
    ${thing.type === "activity" && one.record_state === "standing" && may(isMine ? "update" : "counter")
      ? html`<a class="button" href=${linkTo("map", { draw: isMine ? "update" : "counter", object: one.object })}>${t(isMine ? "map.draw-update" : "map.draw-counter")}</a>` : null}
  </section>`;
}
