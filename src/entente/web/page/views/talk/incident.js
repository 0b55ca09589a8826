// One incident: what was observed and how that is known, and each party's own account beside the others'.
//
// Invariants: observed, not attributed: nothing here says who did it; each party stands in its own column, and one
// that has said nothing is shown as that, with by when it owed a word; "nothing to state yet" is no account; a site is
// shown with the notice that notification changes no protection.
//
//     /talk?incident=shell-1
import { useLook } from "../../core/api.js";
import { html, useMemo, useState } from "../../core/dom.js";
import { useKeys } from "../../core/keys.js";
import { linkTo } from "../../core/route.js";
import { clean } from "../../core/safe.js";
import { useSession } from "../../core/session.js";
import { deskNowMs, parseUtc } from "../../core/time.js";
import { formatNumber, t } from "../../core/words.js";
import { ActButton } from "../../parts/dialog.js";
import { Field } from "../../parts/form.js";
import { Badge } from "../../parts/notice.js";
import { Parties, Party } from "../../parts/party.js";
import { Left, Time } from "../../parts/time.js";
import { Words } from "../../parts/words.js";
import { dropDraft, useDraft } from "../inbox/draft.js";
import { PlaceMap } from "../inbox/place.js";
import { formatPosition } from "../map/units.js";
import { sayCategory } from "./entries.js";
import { TwoSteps, useSteps } from "./fields.js";
import { InRecord, MOVED } from "./standing.js";
import { Back } from "./thread.js";

const BASES = ["seen", "instrument", "told"];

/** @param {{ owed: any, from_ms: number }} props What a party owes, or how it came to owe nothing. */
function Owed({ owed, from_ms }) {
  if (owed.state === "answered") return owed.is_late ? html`<${Badge} kind="warn">${t("talk.account-late")}</${Badge}>` : null;
  if (owed.state === "silent") return html`<p><${Badge} kind="off">${t("talk.account-silent", { n: owed.days })}</${Badge}></p>`;
  const by_ms = parseUtc(owed.by);
  return html`<p><${Badge} kind=${owed.is_overdue ? "bad" : "warn"}>${t(owed.is_overdue ? "talk.account-overdue" : "talk.account-owed")}</${Badge}> ${t("talk.by-when")} <${Time} iso=${owed.by} /> ${by_ms === null ? null : html`<${Left} seconds=${(by_ms - from_ms) / 1000} from_ms=${from_ms} />`}</p>`;
}

/** @param {{ party: string, row: any, pulse: any }} props What one party says of it. */
function Statement({ party, row, pulse }) {
  const from_ms = useMemo(deskNowMs, [row]);
  const account = row.accounts.find((/** @type {any} */ one) => one.party === party);
  const owed = row.follow_up.find((/** @type {any} */ one) => one.party === party);
  return html`<section class="talk-statement" aria-label=${clean(party, 24)}>
    <h4><${Party} id=${party} name=${true} /></h4>
    ${party === row.author ? html`<p><${Badge} kind="info">${t("talk.reporter")}</${Badge}></p>` : null}
    ${owed ? html`<${Owed} owed=${owed} from_ms=${from_ms} />` : null}
    ${account
      ? html`<p><${Badge} kind=${account.answer === "account" ? "ok" : "warn"}>${t(account.answer === "account" ? "talk.own-account" : "talk.nothing-yet")}</${Badge}> <bdi>${clean(account.stamp.officers.join(", "), 60)}</bdi> <${Time} iso=${account.stamp.at} /> <${InRecord} index=${account.stamp.index} pulse=${pulse} /></p>
          ${account.text ? html`<${Words} text=${account.text} as="block" most=${4000} />` : null}
          ${account.times > 1 ? html`<p class="muted">${t("talk.said-times", { n: account.times })} <a href=${linkTo("record", { q: row.id })}>${t("talk.all-in-record")}</a></p>` : null}`
      : party === row.author ? null : html`<p class="muted">${t("talk.no-account")}</p>`}
  </section>`;
}

/** @param {{ row: any }} props */
function OurAccount({ row }) {
  const session = useSession();
  const [open, step] = useSteps();
  const slot = `talk.${session.officer}.account.${row.incident}`;
  const [values, setValues] = useDraft(slot, { text: "" });
  const may = session.may("incident-answer") && row.author !== session.party;
  const isOwed = row.follow_up.some((/** @type {any} */ one) => one.party === session.party && one.state !== "answered");
  useKeys(may ? [{ keys: "a", label: t("talk.give-account"), run: () => step("account")(true), group: "talk" }] : [], [row.incident, may]);
  if (!may) return null;
  const text = values["text"] ?? "";
  const name = { id: row.id, to: row.to };
  return html`<section class="talk-our-answer no-print" aria-label=${t("talk.our-account")}>
    <div class="row">
      <${TwoSteps} label=${t("talk.give-account")} weight=${isOwed ? "primary" : ""} keys="a" isOpen=${open === "account"} onOpen=${step("account")}>
        <${Field} label=${t("talk.our-account")} hint=${t("talk.account-hint")}>
          <textarea maxlength="4000" value=${text} onInput=${(/** @type {any} */ event) => setValues({ text: event.currentTarget.value })}></textarea>
        </${Field}>
        <${ActButton} verb="incident-answer" kind="primary" label=${t("talk.account-now")} disabled=${!text.trim()} body=${{ ...name, answer: "account", text }} onDone=${() => { dropDraft(slot); step("")(false); }} />
      </${TwoSteps}>
      ${isOwed ? html`<${TwoSteps} label=${t("talk.nothing-yet")} isOpen=${open === "nothing"} onOpen=${step("nothing")}>
        <p>${t("talk.nothing-hint")}</p>
        <${ActButton} verb="incident-answer" kind="primary" label=${t("talk.nothing-now")} body=${{ ...name, answer: "nothing-yet" }} onDone=${() => step("")(false)} />
      </${TwoSteps}>` : null}
    </div>
  </section>`;
}

/** @param {{ row: any }} props */
export function Incident({ row }) {
  const session = useSession();
  const pulse = useLook("pulse", {}, { on: MOVED });
  const [isMap, setMap] = useState(false);
  const { reported } = row;
  const [lat, lon] = [reported.place_e7[0] / 1e7, reported.place_e7[1] / 1e7];
  const volumes = useMemo(() => [{ outline: { type: "circle", centre_e7: reported.place_e7, radius_cm: reported.within_cm } }], [row.message]);
  // Everyone who can read it has a column: who has said nothing is seen to have said nothing.
  const readers = row.to.length ? session.parties.map((one) => one.party).filter((one) => row.to.includes(one) || one === row.author) : session.parties.map((one) => one.party);
  const basis = BASES.includes(reported.basis) ? t(`talk.basis-${reported.basis}`) : clean(reported.basis, 40);
  return html`<article class="panel talk-pane" aria-label=${t("talk.incident-named", { name: clean(row.id, 40) })}>
    <header class="stack">
      <div class="row"><${Back} /><h2>${sayCategory(reported.category)}</h2> <code><bdi>${clean(row.id, 40)}</bdi></code> ${reported.urgent ? html`<${Badge} kind="bad">${t("talk.urgent")}</${Badge}>` : null}</div>
      <p>${t("talk.reported-by")} <${Party} id=${row.author} /> · <${Time} iso=${row.at} /> · <${InRecord} index=${row.index} pulse=${pulse.data} /> · ${t("talk.read-by")} <${Parties} ids=${row.to} /></p>
      <p><strong>${t("talk.not-attributed")}</strong></p>
    </header>
    <figure class="talk-wording"><figcaption class="muted">${t("talk.observed")} · ${basis}</figcaption><${Words} text=${reported.observed} as="block" most=${4000} /></figure>
    <dl class="facts">
      <dt>${t("talk.happened")}</dt><dd><${Time} iso=${reported.start} /> – <${Time} iso=${reported.end} /></dd>
      <dt>${t("talk.where")}</dt><dd>${formatPosition(lat, lon)} · ${t("talk.within", { m: formatNumber(reported.within_cm / 100) })} · <a href=${linkTo("map", { at: `${lat.toFixed(5)},${lon.toFixed(5)},12` })}>${t("talk.on-map")}</a>${isMap ? null : html` · <button type="button" class="link-button no-print" onClick=${() => setMap(true)}>${t("talk.show-place")}</button>`}</dd>
      ${reported.source ? html`<dt>${t("talk.source")}</dt><dd><${Words} text=${reported.source} most=${500} /></dd>` : null}
      <dt>${t("talk.at-sites")}</dt><dd>${row.sites.length
        ? row.sites.map((/** @type {any} */ met) => html`<div key=${met.version}><a href=${linkTo("map", { item: `site.${met.object}` })}><bdi>${clean(met.name, 80)}</bdi></a> <${Party} id=${met.author} />${met.since === "standing" ? "" : ` · ${t(`talk.site-${met.since}`)}`}</div>`)
        : t("talk.no-site")}${row.in_doubt ? html`<div><${Badge} kind="warn">${t("talk.in-doubt")}</${Badge}></div>` : null}</dd>
    </dl>
    ${isMap ? html`<${PlaceMap} volumes=${volumes} label=${t("talk.where")} />` : null}
    ${row.notice ? html`<p class="notice-protection">${t("talk.protection")}</p>` : null}
    <section class="stack" aria-label=${t("talk.accounts")}>
      <h3>${t("talk.accounts")}</h3>
      <div class="talk-statements">${readers.map((party) => html`<${Statement} key=${party} party=${party} row=${row} pulse=${pulse.data} />`)}</div>
    </section>
    <${OurAccount} key=${row.incident} row=${row} />
    <p class="no-print"><a class="button" href=${linkTo("talk", { new: "1", about: `incident.${row.incident}` })}>${t("talk.talk-about")}</a></p>
  </article>`;
}
