// What a thread is about, who may know of that, and the way there.
//
// Invariants: a subject in an address is "type:id" or "type.id", and what is none is no subject; a name's audience
// ("@" and sixteen letters) is no part of what is signed.
//
//     parseAbout("activity:sortie-7")   // { type: "activity", id: "sortie-7" }
import { html } from "../../core/dom.js";
import { linkTo } from "../../core/route.js";
import { clean } from "../../core/safe.js";
import { t } from "../../core/words.js";

export const SUBJECTS = /** @type {const} */ (["activity", "zone", "site", "incident", "alarm"]);
export const SLUG = /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/;
const AUDIENCE = /@[0-9a-f]{16}$/;

/** @typedef {{ type: string, id: string }} Subject */

/** @param {string} text @returns {Subject} */
export function parseAbout(text) {
  const found = /^([a-z]+)[:.]([^@]+)/.exec(text);
  const type = found?.[1] ?? "none";
  const id = found?.[2] ?? "";
  if (!SUBJECTS.some((one) => one === type) || !SLUG.test(id)) return { type: "none", id: "" };
  return { type, id };
}

/** @param {Subject} about @returns {string} */
export function sayAbout(about) {
  const known = SUBJECTS.some((one) => one === about.type) ? about.type : about.type === "none" ? "none" : "other";
  return t(`talk.about-${known}`);
}

/** @param {{ about: Subject, thread?: string, title?: string }} props `title`: what its author calls it. */
export function About({ about, thread = "", title = "" }) {
  if (about.type === "none") return html`<span class="muted">${t("talk.about-nothing")}</span>`;
  // A sealed thread's thing has the same audience as the thread.
  const object = about.id + (AUDIENCE.exec(thread)?.[0] ?? "");
  const isPlace = /^(activity|zone|site)$/.test(about.type);
  return html`<span class="talk-about">
    ${t("talk.about")} ${sayAbout(about)} ${title ? html`<strong><bdi>${clean(title, 100)}</bdi></strong> ` : null}<code><bdi>${clean(about.id, 60)}</bdi></code>
    ${isPlace ? html` · <a href=${linkTo("map", { item: `${about.type}.${object}` })}>${t("talk.on-map")}</a>` : null}
    ${about.type === "incident" ? html` · <a href=${linkTo("talk", { incident: object })}>${t("talk.the-incident")}</a>` : null}
    ${about.type === "alarm" ? html` · <a href=${linkTo("conflicts")}>${t("talk.the-conflicts")}</a>` : null}
  </span>`;
}
