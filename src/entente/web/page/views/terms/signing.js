// What our party may do about an agreement, and the dialog in which it is confirmed.
//
// Invariants: what is signed or refused is shown in the dialog, with the hash that the act names; a reason that the
// other side will read is asked for where the record wants one; an act is one button with its verb on it, and its
// outcome stays on the screen until the dialog is closed.
//
//     listActs(view, "us")   // [{ verb: "sign-agreement", ... }]
import { html, useState } from "../../core/dom.js";
import { clean } from "../../core/safe.js";
import { t } from "../../core/words.js";
import { ActButton, Dialog } from "../../parts/dialog.js";
import { Field } from "../../parts/form.js";
import { Words } from "../../parts/words.js";
import { TextOf } from "./text.js";

/**
 * @typedef {{ key: string, verb: string, label: string, kind: string, body: Record<string, unknown>,
 *   reason: "" | "reason" | "note" | "text", isNeeded: boolean, showsText: boolean, about: string }} Act
 */

/**
 * @param {any} view @param {string} party Ours.
 * @returns {Act[]} What stands open to it now; the desk refuses what does not.
 */
export function listActs(view, party) {
  /** @type {Act[]} */
  const acts = [];
  const add = (/** @type {Partial<Act> & { verb: string, label: string, body: Record<string, unknown> }} */ one) =>
    acts.push({ key: `${one.verb} ${JSON.stringify(one.body)}`, kind: "", reason: "", isNeeded: false, showsText: false, about: "", ...one });
  const id = view.id;
  if (!view.signatories.some((/** @type {any} */ one) => one.party === party)) return acts;
  for (const one of view.signatories) {
    if (one.party !== party || one.word !== "silent" || view.phase !== "proposed") continue;
    const who = clean(one.name || one.agency || one.party, 80);
    add({ verb: "sign-agreement", label: t("terms.sign-for", { who }), kind: "primary", showsText: true,
      body: { id, agency: one.agency, sha256: view.sha256 } });
    add({ verb: "refuse-agreement", label: t("terms.refuse-for", { who }), kind: "danger", showsText: true, reason: "reason", isNeeded: true,
      body: { id, agency: one.agency } });
  }
  for (const due of view.due) {
    if (due.party !== party || due.kind !== "consent") continue;
    for (const motion of view.motions) {
      if (motion.state !== "open") continue;
      const name = due.agency || party;
      if (motion.words[due.agency ? `${party}/${due.agency}` : name] === "yes") continue;
      const about = `${t(`terms.motion-${motion.motion}`, { n: motion.days })} ${motion.why}`;
      add({ verb: "consent", label: t("terms.consent-yes", { who: name }), kind: "primary", about, reason: "reason",
        body: { motion: motion.message, agency: due.agency, word: "yes" } });
      add({ verb: "consent", label: t("terms.consent-no", { who: name }), kind: "danger", about, reason: "reason",
        body: { motion: motion.message, agency: due.agency, word: "no" } });
    }
  }
  for (const one of view.incidents) {
    if (one.answers[party] !== "silent") continue;
    add({ verb: "answer-incident", label: t("terms.accept-incident"), about: one.text, reason: "text", body: { incident: one.message, answer: "accepted" } });
    add({ verb: "answer-incident", label: t("terms.dispute-incident"), about: one.text, reason: "text", body: { incident: one.message, answer: "disputed" } });
  }
  if (view.phase === "in-force") {
    for (const clock of view.clocks) {
      if (clock.kind !== "simultaneous" || !["waiting", "open"].includes(clock.state)) continue;
      for (const step of clock.state === "open" ? ["done"] : ["ready", "not-ready"]) {
        add({ verb: "take-step", label: t(`terms.step-${step}`), about: clock.says, reason: "note", body: { id, clock: clock.id, step } });
      }
    }
  }
  if (view.phase === "in-force" || view.phase === "suspended") {
    add({ verb: "suspend-agreement", label: t("terms.suspend"), kind: "danger", reason: "reason", isNeeded: true, body: { id } });
    if (view.phase === "suspended") add({ verb: "resume-agreement", label: t("terms.resume"), reason: "note", body: { id } });
    add({ verb: "withdraw-agreement", label: t("terms.withdraw"), kind: "danger", reason: "reason", isNeeded: true, body: { id } });
  }
  return acts;
}

/** @param {{ act: Act, view: any, onClose: () => void, onDone: () => void }} props */
export function Confirm({ act, view, onClose, onDone }) {
  const [reason, setReason] = useState("");
  const isReady = !act.isNeeded || reason.trim() !== "";
  const said = act.reason && reason.trim() ? { [act.reason]: reason.trim() } : {};
  return html`<${Dialog} title=${act.label} onClose=${onClose} wide=${act.showsText}>
    <p><strong><${Words} text=${view.title} most=${300} /></strong></p>
    <p>${t("terms.confirm")}</p>
    ${act.about ? html`<p><${Words} text=${act.about} most=${1000} /></p>` : null}
    ${act.showsText ? html`<section class="terms-signed-text"><${TextOf} view=${view} /></section>` : null}
    ${act.reason ? html`<${Field} label=${t(act.isNeeded ? "terms.reason-needed" : "terms.reason")} hint=${t("terms.reason-hint")}>
      <textarea value=${reason} onInput=${(/** @type {any} */ event) => setReason(event.currentTarget.value)}></textarea>
    </${Field}>` : null}
    <div class="row"><${ActButton} verb=${act.verb} label=${act.label} kind=${act.kind || "primary"} disabled=${!isReady}
      body=${{ ...act.body, ...said }} onDone=${onDone} />
      <button type="button" onClick=${onClose}>${t("shell.close")}</button></div>
  </${Dialog}>`;
}
