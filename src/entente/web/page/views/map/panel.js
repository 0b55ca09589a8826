// One thing, whole: what the desk says of it, in the desk's order; who knows it; what may be done about it.
//
// Invariants: a site never goes without the notice of what notification changes and what not; how sure a message is
// (recorded, firm, settled) is said beside it; what a partner wrote is isolated and cleaned; what may be done is
// offered for now only, never in a moment of the past.
//
//     html`<${Panel} item=${key} thing=${thing} ... />`
import { look } from "../../core/api.js";
import { html, useEffect, useState } from "../../core/dom.js";
import { linkTo } from "../../core/route.js";
import { useSession } from "../../core/session.js";
import { formatNumber, hasWords, t } from "../../core/words.js";
import { Badge, Empty } from "../../parts/notice.js";
import { Parties, Party } from "../../parts/party.js";
import { Time } from "../../parts/time.js";
import { Words } from "../../parts/words.js";
import { Acts } from "./acts.js";
import { listThings, phaseOf } from "./things.js";
import { sayState } from "./twin.js";
import { formatBand, formatDistance, formatPosition } from "./units.js";

/** @typedef {import("./things.js").Thing} Thing */
const KINDS = /** @type {Record<string, "ok" | "warn" | "bad" | "info" | "quiet">} */ ({
  concurred: "ok", acknowledged: "info", notified: "warn", objected: "bad", lapsed: "bad", reconsider: "bad", closed: "quiet", cancelled: "quiet",
  open: "bad", resolved: "quiet", standing: "ok", "expires-soon": "warn", expired: "bad", verified: "ok", plausible: "info",
  unverified: "warn", counts: "ok", unread: "warn", blocked: "bad", accepted: "ok", named: "warn", refused: "bad", withdrawn: "bad",
  recalled: "bad", settled: "ok", firm: "info", recorded: "warn", delivered: "info", submitted: "warn", waiting: "warn",
});

/** @param {string} state */
export const kindOf = (state) => KINDS[state] ?? "quiet";

/** @param {string} word @returns {string} Our word for a word of the desk, or the word itself. */
export const say = (word) => (hasWords(`map.word-${word}`) ? t(`map.word-${word}`) : word);

/** @param {{ title: unknown, close: () => void, children?: any }} props */
export function PanelHead({ title, close, children }) {
  return html`<header class="map-panel-head"><h2>${title}</h2>${children}
    <button type="button" class="quiet" onClick=${close} aria-label=${t("shell.close")}>✕</button></header>`;
}

/** @param {{ name: string, children?: any }} props */
function Fact({ name, children }) {
  return html`<dt>${t(`map.${name}`)}</dt><dd>${children}</dd>`;
}

/** @param {{ volumes: any[], areFeet: boolean, at_ms: number }} props */
function Volumes({ volumes, areFeet, at_ms }) {
  return html`<section><h3>${t("map.volumes", { n: volumes.length })}</h3>
    <ol class="map-volumes">
      ${volumes.map((one, at) => {
        const [from_ms, until_ms] = [one.start_us / 1000, one.end_us / 1000];
        const phase = from_ms > at_ms ? "ahead" : until_ms <= at_ms ? "past" : "now";
        return html`<li key=${at}>
          <${Badge} kind=${phase === "now" ? "info" : "quiet"}>${t(`map.phase-${phase}`)}</${Badge}>
          <strong>${formatBand(one.floor_m, one.ceiling_m, areFeet)}</strong>
          <div><${Time} us=${one.start_us} short=${true} /> – <${Time} us=${one.end_us} short=${true} /></div>
          <div class="muted">${t(`map.shape-${one.type}`)}${one.radius_m ? ` · ${t("map.radius-of", { radius: formatDistance(one.radius_m, areFeet) })}` : ""} ·
            ${one.at ? formatPosition(one.at[1], one.at[0]) : ""}</div>
        </li>`;
      })}
    </ol>
    <p class="map-datum">${t(areFeet ? "map.datum-feet" : "map.datum")}</p></section>`;
}

/** @param {{ of: any }} props */
function Position({ of }) {
  if (!of?.state) return null;
  return html`<${Fact} name="read-back"><${Badge} kind=${kindOf(of.state)}>${t(`map.position-${of.state}`)}</${Badge}>
    ${of.unread?.length ? html` <span class="muted">${t("map.unread-by")}</span> <${Parties} ids=${of.unread} />` : null}
    ${(of.reasons ?? []).map((/** @type {string} */ one, /** @type {number} */ at) => html`<div key=${at}><${Words} text=${one} /></div>`)}</${Fact}>`;
}

/** @param {{ one: any }} props Who it was told, how sure it is, where it stands in the record. */
function Origin({ one }) {
  return html`<${Fact} name="told"><${Parties} ids=${one.to ?? []} />
      <div class="muted">${one.to?.length ? t("map.told-some") : t("map.told-all")}</div></${Fact}>
    <${Fact} name="in-record">${one.standing ? html`<${Badge} kind=${kindOf(one.standing)}>${say(one.standing)}</${Badge}> ` : null}
      <a href=${linkTo("record", { item: String(one.index) })}>${t("map.entry", { n: one.index })}</a>
      ${one.first_index !== undefined && one.first_index !== one.index
        ? html` <a href=${linkTo("record", { item: String(one.first_index) })}>${t("map.first-entry", { n: one.first_index })}</a>` : null}</${Fact}>
    ${one.looks_like?.length
      ? html`<${Fact} name="looks-like"><${Badge} kind="warn">${t("map.look-alike")}</${Badge}> <${Words} text=${one.looks_like.join(", ")} /></${Fact}>` : null}`;
}

/** @param {{ keys: readonly string[], things: readonly Thing[] }} props */
function Meetings({ keys, things }) {
  if (!keys.length) return null;
  return html`<section class="map-meetings"><h3>${t("map.conflicts", { n: keys.length })}</h3>
    <ul>${keys.map((key) => {
      const one = things.find((each) => each.key === key);
      return html`<li key=${key}><${Badge} kind="bad">${one ? t(`map.rule-${one.kind}`) : t("map.type-conflict")}</${Badge}>
        <a href=${linkTo("conflicts", { item: key })}><bdi>${one?.name ?? t("map.type-conflict")}</bdi></a></li>`;
    })}</ul></section>`;
}

/** @param {{ thing: Thing, things: readonly Thing[] }} props */
function Activity({ thing, things }) {
  const one = thing.of;
  return html`
    ${one.reasons?.length ? html`<ul class="map-reasons">${one.reasons.map((/** @type {string} */ reason, /** @type {number} */ at) =>
      html`<li key=${at}><${Words} text=${reason} /></li>`)}</ul>` : null}
    <${Meetings} keys=${one.conflicts ?? []} things=${things} />
    <dl class="facts">
      <${Fact} name="kind">${t(`map.kind-${one.activity}`)}${one.armed ? html` <${Badge} kind="warn">★ ${t("map.armed")}</${Badge}>` : null}</${Fact}>
      <${Fact} name="version">${t("map.version-of", { n: one.version_number })}${one.reason ? html`: <${Words} text=${one.reason} />` : null}</${Fact}>
      ${one.concur_by ? html`<${Fact} name="concur-by"><${Time} iso=${one.concur_by} /></${Fact}>` : null}
      <${Position} of=${one.position} />
      <${Origin} one=${one} />
    </dl>
    ${one.concurrence?.length ? html`<section><h3>${t("map.concurrence")}</h3><ul class="map-rows">${one.concurrence.map((/** @type {any} */ each) =>
      html`<li key=${each.party}><${Party} id=${each.party} /> <${Badge} kind=${kindOf(each.answer || "waiting")}>${say(each.answer || "waiting")}</${Badge}>
        ${each.is_late ? html` <${Badge} kind="warn">${t("map.late")}</${Badge}>` : null} <span class="muted"><${Words} text=${each.words} /></span></li>`)}</ul></section>` : null}
    ${one.receipts?.length ? html`<section><h3>${t("map.receipts")}</h3><ul class="map-rows">${one.receipts.map((/** @type {any} */ each) =>
      html`<li key=${each.party}><${Party} id=${each.party} /> <${Badge} kind=${kindOf(each.state)}>${say(each.state)}</${Badge}>
        ${each.is_late ? html` <${Badge} kind="warn">${t("map.late")}</${Badge}>` : null}
        ${each.escalations ? html` <span class="muted">${t("map.escalated", { n: each.escalations })}</span>` : null}</li>`)}</ul></section>` : null}`;
}

/** @param {{ thing: Thing, things: readonly Thing[] }} props */
function Zone({ thing, things }) {
  const one = thing.of;
  const met = things.filter((each) => each.type === "conflict" && (each.of.sides ?? []).some((/** @type {any} */ side) => side.object === one.object));
  return html`<p><${Words} text=${one.words} most=${1200} as="block" /></p>
    <${Meetings} keys=${met.map((each) => each.key)} things=${things} />
    <dl class="facts"><${Fact} name="kind">${t(`map.zone-${one.zone}`)}</${Fact}><${Position} of=${one.position} /><${Origin} one=${one} /></dl>
    ${one.guarantees?.length ? html`<section><h3>${t("map.guarantees")}</h3><ul class="map-rows">${one.guarantees.map((/** @type {any} */ each) =>
      html`<li key=${each.obligation}><${Party} id=${each.guarantor} /> <${Badge} kind=${kindOf(each.state)}>${say(each.state)}</${Badge}>
        <div class="muted"><${Words} text=${each.words} /></div></li>`)}</ul></section>` : null}`;
}

/** @param {{ thing: Thing, notice: string }} props */
function Site({ thing, notice }) {
  const one = thing.of;
  return html`<p class="notice-protection" role="note">${notice}</p>
    <p><${Words} text=${one.words} most=${1200} as="block" /></p>
    <dl class="facts">
      <${Fact} name="kind">${t(`map.site-${one.category}`)}</${Fact}>
      <${Fact} name="buffer">${formatNumber(one.buffer_m)} m</${Fact}>
      <${Fact} name="owner"><${Words} text=${one.owner} /></${Fact}>
      <${Fact} name="expires"><${Time} iso=${one.expires} /> <${Badge} kind=${kindOf(one.standing)}>${t(`map.standing-${one.standing}`)}</${Badge}></${Fact}>
      <${Fact} name="verification"><${Badge} kind=${kindOf(one.verification?.state)}>${say(one.verification?.state ?? "")}</${Badge}>
        <div class="muted"><${Words} text=${one.verification?.words ?? ""} /></div></${Fact}>
      <${Position} of=${one.position} /><${Origin} one=${{ ...one, standing: "" }} />
    </dl>`;
}

/** @param {{ thing: Thing, things: readonly Thing[], open: (key: string) => void, areFeet: boolean }} props */
function Conflict({ thing, things, open, areFeet }) {
  const one = thing.of;
  return html`<p><${Words} text=${one.words} most=${1200} as="block" /></p>
    <p><a class="button" href=${linkTo("conflicts", { item: one.key, explain: "1" })}>${t("map.explain")}</a></p>
    <ul class="map-rows">${(one.sides ?? []).map((/** @type {any} */ side) => html`<li key=${side.object}><${Party} id=${side.author} />
      ${things.some((each) => each.key === side.object)
        ? html`<button type="button" class="link-button" onClick=${() => open(side.object)}><bdi><${Words} text=${side.title} /></bdi></button>`
        : html`<${Words} text=${side.title} />`}</li>`)}</ul>
    <dl class="facts">
      <${Fact} name="when">${one.start_us ? html`<${Time} us=${one.start_us} /> – <${Time} us=${one.end_us} />` : t("map.no-time")}</${Fact}>
      <${Fact} name="heights">${one.has_band ? formatBand(one.floor_m, one.ceiling_m, areFeet) : t("map.apart-by", { gap: formatDistance(one.vertical_gap_m ?? 0, false) })}</${Fact}>
      <${Fact} name="gap">${one.gap_m === null ? "—" : `${formatDistance(one.gap_m, areFeet)} · ${t("map.needed", { gap: formatDistance(one.lateral_m, areFeet) })}`}</${Fact}>
      <${Fact} name="in-record"><a href=${linkTo("record", { item: String(one.since_index) })}>${t("map.entry", { n: one.since_index })}</a></${Fact}>
    </dl>`;
}

/** @param {{ thing: Thing, notice: string }} props */
function Incident({ thing, notice }) {
  const one = thing.of;
  return html`${one.sites?.length ? html`<p class="notice-protection" role="note">${notice}</p>` : null}
    <p><${Words} text=${one.words} most=${1200} as="block" /></p>
    <blockquote><${Words} text=${one.observed} as="block" most=${1200} /></blockquote>
    <dl class="facts"><${Fact} name="when"><${Time} us=${one.start_us} /> – <${Time} us=${one.end_us} /></${Fact}><${Origin} one=${{ ...one, standing: "" }} /></dl>
    <h3>${t("map.follow-up")}</h3>
    <ul class="map-rows">${(one.follow_up ?? []).map((/** @type {any} */ each) => html`<li key=${each.party}><${Party} id=${each.party} />
      <${Badge} kind=${kindOf(each.state)}>${say(each.state)}</${Badge}></li>`)}</ul>`;
}

/** @param {{ thing: Thing, areFeet: boolean }} props */
function Item({ thing, areFeet }) {
  const one = thing.of;
  return html`${one.is_recalled ? html`<p><${Badge} kind="bad">${t("map.word-recalled")}</${Badge}> <${Time} iso=${one.recalled_at} /> <${Words} text=${one.recall_reason} /></p>` : null}
    <p><${Words} text=${one.words} as="block" /></p><p><${Words} text=${one.text} as="block" /></p>
    <dl class="facts"><${Fact} name="told"><${Party} id=${one.author} /> → <${Party} id=${one.to} /></${Fact}>
      <${Fact} name="heights">${formatBand(one.floor_m, one.ceiling_m, areFeet)}</${Fact}>
      <${Fact} name="in-record"><a href=${linkTo("record", { item: String(one.index) })}>${t("map.entry", { n: one.index })}</a></${Fact}></dl>
    <p><a href=${linkTo("release", { item: one.message })}>${t("map.in-release")}</a></p>`;
}

/** A thing that the list does not hold: too many, or under other filters. @param {string} item @param {any} view @param {number | null} at_size */
function useMissing(item, view, at_size) {
  const [found, setFound] = useState(/** @type {{ item: string, thing: Thing | null } | null} */ (null));
  useEffect(() => {
    if (item === "") return undefined;
    const stop = new AbortController();
    const near = view && view.east - view.west < 350
      ? { west: view.west.toFixed(3), east: view.east.toFixed(3), south: Math.max(-90, view.south).toFixed(3), north: Math.min(90, view.north).toFixed(3) } : {};
    look("picture", { at_size: at_size ?? 0, rings: 0, ended: 1, limit: 20_000, ...near }, stop.signal).then(
      (data) => setFound({ item, thing: listThings(data).find((one) => one.key === item) ?? null }),
      () => undefined,
    );
    return () => stop.abort();
  }, [item]);
  return found?.item === item ? found : null;
}

/**
 * @param {{ item: string, thing: Thing | null, things: readonly Thing[], data: any, state: import("./state.js").MapState, at_ms: number,
 *   at_size: number | null, view: any, open: (key: string) => void, close: () => void, fit: (things: Thing[]) => void }} props
 */
export function Panel({ item, thing, things, data, state, at_ms, at_size, view, open, close, fit }) {
  const session = useSession();
  const missing = useMissing(thing === null && data !== null ? item : "", view, at_size);
  const one = thing ?? missing?.thing ?? null;
  if (one === null) {
    return html`<${PanelHead} title=${t("map.details")} close=${close} />
      <div class="map-panel-body"><${Empty}>${missing ? t("map.not-there") : t("shell.loading")}</${Empty}></div>`;
  }
  const props = { thing: one, things, notice: data?.notice ?? "", open, areFeet: state.areFeet };
  const Body = { activity: Activity, zone: Zone, site: Site, conflict: Conflict, incident: Incident, item: Item }[one.type];
  return html`<${PanelHead} title=${html`<bdi>${one.name}</bdi>`} close=${close} />
    <div class="map-panel-body">
      <p class="row">
        ${one.author && one.type !== "item" ? html`<${Party} id=${one.author} name=${true} />` : null}
        <span class="muted">${t(`map.type-${one.type}`)}</span>
        ${sayState(one) ? html`<${Badge} kind=${kindOf(one.type === "zone" ? "" : one.state)}>${sayState(one)}</${Badge}>` : null}
        ${one.type === "activity" || one.type === "zone" ? html`<${Badge} kind="quiet">${t(`map.phase-${phaseOf(one, at_ms)}`)}</${Badge}>` : null}
      </p>
      <${Body} ...${props} />
      ${["activity", "zone", "site"].includes(one.type) ? html`<${Volumes} volumes=${one.volumes} areFeet=${state.areFeet} at_ms=${at_ms} />` : null}
      ${at_size === null ? html`<${Acts} thing=${one} session=${session} />` : html`<p class="muted">${t("map.past-no-act")}</p>`}
      <p class="row no-print">
        <button type="button" onClick=${() => fit([one])}>${t("map.zoom-to")}</button>
        ${one.type === "activity" || one.type === "zone" || one.type === "site"
          ? html`<a class="button" href=${linkTo("talk", { new: "1", about: `${one.type}.${one.of.object}` })}>${t("map.talk")}</a>` : null}
      </p>
    </div>`;
}
