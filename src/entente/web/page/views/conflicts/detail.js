// One conflict for a tired person: a sentence, where, when, how high, by how much, which rule, what can be done.
//
// Invariants: what is due comes first and has the focus when the conflict was opened to be acted on; words of partners
// stay theirs; what is not known is said; a past moment is not acted on from here.
import { lookWith, useLook } from "../../core/api.js";
import { useCursor } from "../../core/cursor.js";
import { html, useEffect, useRef, useState } from "../../core/dom.js";
import { linkTo, useParam } from "../../core/route.js";
import { formatSpan } from "../../core/time.js";
import { t, tx } from "../../core/words.js";
import { ActButton } from "../../parts/dialog.js";
import { Badge, ErrorBox, Looked } from "../../parts/notice.js";
import { Parties, Party } from "../../parts/party.js";
import { Left, Time } from "../../parts/time.js";
import { Words } from "../../parts/words.js";
import { Gauges, HeightSketch, Legend, sayLength, WhenSketch, WhereSketch } from "./sketch.js";

/** @param {{ conflict: any }} props */
function Sentence({ conflict }) {
  const [one, other] = conflict.sides;
  const side = (/** @type {any} */ it) => html`<strong><${Words} text=${it.title} most=${80} /></strong> (${t(`conflicts.type-${it.type}`)}, <${Party} id=${it.author} />)`;
  return html`<p class="conflict-sentence">${tx(`conflicts.sentence-${conflict.rule}`, {
    one: side(one), other: side(other), lateral: sayLength(conflict.lateral_m), vertical: sayLength(conflict.vertical_m),
    time: formatSpan(conflict.time_s),
  })}</p>`;
}

/** @param {{ finding: any }} props What the zone asks and has not got. */
function Missing({ finding }) {
  return html`<ul class="plain-list">
    ${finding.verdict === "forbidden" ? html`<li>■ ${t("conflicts.forbidden")}</li>` : null}
    ${finding.lacking.map((/** @type {string} */ id) => html`<li key=${id}>▲ ${tx("conflicts.lacking", { party: html`<${Party} id=${id} />` })}</li>`)}
    ${finding.unheard.map((/** @type {string} */ id) => html`<li key=${`u-${id}`}>▲ ${tx("conflicts.unheard", { party: html`<${Party} id=${id} />`, hours: finding.notice_h })}</li>`)}
    ${finding.short_s === null ? null : html`<li>▲ ${t("conflicts.short", { span: formatSpan(finding.short_s), hours: finding.notice_h })}</li>`}
  </ul>`;
}

/** @param {{ detail: any }} props */
function Rule({ detail }) {
  const { conflict } = detail;
  const zone = detail.things.find((/** @type {any} */ one) => one.type === "zone");
  const site = detail.things.find((/** @type {any} */ one) => one.type === "site");
  return html`<section><h3>${t("conflicts.rule")}</h3>
    <p>${t(`conflicts.rule-${conflict.rule}`, { lateral: sayLength(conflict.lateral_m), vertical: sayLength(conflict.vertical_m), time: formatSpan(conflict.time_s) })}</p>
    ${zone ? html`<blockquote class="quoted"><${Words} text=${zone.text} as="block" most=${600} /></blockquote>
      <p class="muted">${t("conflicts.source")} <${Words} text=${sayConflictSource(zone.source)} /></p>` : null}
    ${conflict.zone ? html`<${Missing} finding=${conflict.zone} />` : null}
    ${site ? html`<p>${t("conflicts.buffer", { buffer: sayLength(site.buffer_m) })} <span class="muted">${t("conflicts.source")} <${Words} text=${sayConflictSource(site.source)} /></span></p>` : null}
    ${site ? html`<p class="notice-protection">${detail.notice}</p>` : null}
  </section>`;
}

/** @param {any} source @returns {string} */
function sayConflictSource(source) {
  if (typeof source === "string") return source;
  return Object.values(source ?? {}).filter((one) => typeof one === "string" && one).join(", ") || "—";
}

/** @param {{ thing: any }} props How far each side counts, and who knows of it. */
function Thing({ thing }) {
  return html`<li>
    <p><strong><${Words} text=${thing.title ?? thing.id} most=${80} /></strong> <${Party} id=${thing.author} />
      ${thing.armed ? html` <${Badge} kind="warn">${t("conflicts.armed")}</${Badge}>` : null}
      <a href=${linkTo("map", { item: thing.object })}>${t("conflicts.on-map")}</a></p>
    <p class="muted">${tx("conflicts.told-to", { parties: html`<${Parties} ids=${thing.to} />`, n: thing.index })}
      ${thing.to.length ? html` ${t("conflicts.sealed")}` : null}</p>
    ${(thing.reasons ?? []).map((/** @type {string} */ words) => html`<p key=${words} class="muted"><${Words} text=${words} /></p>`)}
    ${thing.looks_like.length ? html`<p>▲ ${t("conflicts.looks-like")} <${Words} text=${thing.looks_like.join(", ")} /></p>` : null}
  </li>`;
}

/** @param {any} detail @param {string} alarm */
const hasSeen = (detail, alarm) => detail.alarms.some((/** @type {any} */ one) => one.alarm === alarm && one.has_seen);

/** @param {{ detail: any, at_ms: number, isLive: boolean }} props */
function Due({ detail, at_ms, isLive }) {
  if (!isLive) return html`<p class="muted">${t("conflicts.past-no-act")}</p>`;
  if (!detail.due.length) return html`<p><${Badge} kind="ok">${t("conflicts.nothing-due")}</${Badge}></p>`;
  return html`<ul class="plain-list due-list">
    ${detail.due.map((/** @type {any} */ item) => html`<li key=${`${item.kind}-${item.subject}`}>
      <p><${Badge} kind=${item.is_overdue ? "bad" : "warn"}>${t(`conflicts.due-${item.kind}`)}</${Badge}>
        ${item.kind === "confrontation" ? t("conflicts.confronts") : html`<${Words} text=${item.words} most=${320} />`}
        ${item.lapses_in_s === null || item.lapses_in_s === undefined ? null : html` · ${t("conflicts.lapses")} <${Left} seconds=${item.lapses_in_s} from_ms=${at_ms} />`}</p>
      ${item.kind === "confrontation" && hasSeen(detail, item.subject)
        ? html`<p><${Badge} kind="ok">${t("conflicts.seen")}</${Badge}></p>`
        : item.kind === "confrontation"
        ? html`<${ActButton} verb="see" kind="primary" body=${{ alarm: item.subject }} label=${t("conflicts.see")} />`
        : item.kind === "acknowledge"
          ? html`<${ActButton} verb="acknowledge" kind="primary" body=${{ messages: [item.subject] }} label=${t("conflicts.acknowledge")} />`
          : html`<a class="button" href=${linkTo("inbox", { item: `${item.kind}:${item.subject}` })}>${t("conflicts.to-inbox")}</a>`}
    </li>`)}
  </ul>`;
}

/** @param {{ thing: any }} props The nearest ways out, in the desk's words; nothing is sent. */
function Suggest({ thing }) {
  const [state, setState] = useState({ isBusy: false, answer: /** @type {any} */ (null), error: /** @type {any} */ (null) });
  const ask = async () => {
    setState({ isBusy: true, answer: null, error: null });
    try {
      const answer = await lookWith("suggest", { activity: thing.id, ...(thing.to.length ? { to: thing.to } : {}) });
      setState({ isBusy: false, answer, error: null });
    } catch (error) {
      setState({ isBusy: false, answer: null, error });
    }
  };
  return html`<div>
    <button type="button" disabled=${state.isBusy} aria-busy=${state.isBusy} onClick=${ask}>${tx("conflicts.suggest", { name: html`<${Words} text=${thing.title ?? thing.id} most=${60} />` })}</button>
    <${ErrorBox} error=${state.error} />
    ${state.answer === null ? null : html`<div role="status">
      ${state.answer.found.length ? html`<ol class="plain-list">${state.answer.found.map((/** @type {any} */ one) => html`<li key=${one.way}>
          ➜ <strong><${Words} text=${one.words} /></strong>
          ${one.ask_again.length ? html` <span class="muted">${t("conflicts.ask-again")} <${Words} text=${one.ask_again.join("; ")} /></span>` : null}</li>`)}</ol>` : null}
      ${state.answer.none_found.map((/** @type {string} */ words) => html`<p key=${words} class="muted"><${Words} text=${words} /></p>`)}
      <p class="muted">${t("conflicts.suggested-at", { n: state.answer.size })}</p>
      <a class="button" href=${linkTo("map", { item: thing.object, draw: thing.is_own ? "update" : "counter" })}>${t(thing.is_own ? "conflicts.draw-update" : "conflicts.draw-counter")}</a>
    </div>`}
  </div>`;
}

/** @param {{ detail: any }} props */
function History({ detail }) {
  return html`<ol class="plain-list story">
    ${detail.history.map((/** @type {any} */ step) => html`<li key=${`${step.index}-${step.what}-${step.object}-${step.party}`}>
      <a href=${linkTo("record", { entry: String(step.index) })}>${t("conflicts.entry", { n: step.index })}</a>
      ${step.at ? html` <${Time} iso=${step.at} short=${true} local=${false} />` : null}
      ${" "}${tx(`conflicts.step-${step.what}`, { thing: html`<bdi>${step.object.split("@")[0]}</bdi>`, party: step.party ? html`<${Party} id=${step.party} />` : "" })}
      ${step.words ? html`: <${Words} text=${step.words} />` : null}
    </li>`)}
  </ol>`;
}

/** @param {{ itemKey: string, onNext: () => void, onClose: () => void }} props */
export function Detail({ itemKey, onClose }) {
  const cursor = useCursor();
  const explain = useParam("explain");
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const looked = useLook(cursor.isSettling ? null : "conflict", { key: itemKey, ...(cursor.at_size === null ? {} : { at_size: cursor.at_size }) });
  const detail = looked.data;
  const done = useRef("");
  useEffect(() => {
    if (detail === null || explain !== "1" || done.current === itemKey) return;
    done.current = itemKey;
    const target = box.current?.querySelector(".due-list .act button") ?? box.current?.querySelector("h2");
    if (target instanceof HTMLElement) target.focus();
  }, [detail, explain, itemKey]);
  if (detail === null) return html`<section class="panel">${cursor.isSettling ? html`<p role="status">${t("conflicts.settling")}</p>` : html`<${Looked} of=${looked} />`}</section>`;
  const { conflict } = detail;
  const movable = detail.things.filter((/** @type {any} */ one) => one.type === "activity" && one.record_state === "standing");
  const talk = movable.find((/** @type {any} */ one) => !one.is_own) ?? detail.things[0];
  return html`<section class="panel conflict" ref=${box} aria-label=${t("conflicts.explained")}>
    <header class="row">
      <button type="button" class="quiet only-narrow" onClick=${onClose}>‹ ${t("conflicts.list")}</button>
      <h2 tabindex="-1">${t("conflicts.explained")}</h2>
      <${Badge} kind=${conflict.state === "open" ? "bad" : "quiet"}>${t(`conflicts.state-${conflict.state}`)}</${Badge}>
      ${detail.is_newest ? null : html`<${Badge} kind="info">${t("conflicts.as-then", { n: detail.at_size })}</${Badge}>`}
    </header>
    <${Looked} of=${looked} />
    <${Sentence} conflict=${conflict} />
    ${conflict.state === "resolved" ? html`<p>✓ ${t("conflicts.resolved-by", { n: conflict.resolved_index })} <${Words} text=${conflict.why} /></p>` : null}
    ${detail.alarms.map((/** @type {any} */ one) => html`<div key=${one.alarm} class=${`alarm-state ${one.state === "ended" ? "" : "alarm-on"}`}>
      <p><${Badge} kind=${one.state === "ended" ? "quiet" : "bad"}>${t(`conflicts.alarm-${one.state}`)}</${Badge}> <${Words} text=${one.sight} most=${300} /></p>
      ${one.is_open ? null : html`<p>${t("conflicts.alarm-sealed")}</p>`}
    </div>`)}
    <section><h3>${t("conflicts.due")}</h3><${Due} detail=${detail} at_ms=${looked.at_ms} isLive=${detail.is_newest && cursor.isNow} /></section>
    <${Legend} detail=${detail} />
    <div class="sketches">
      <section><h3>${t("conflicts.where")}</h3><${WhereSketch} detail=${detail} />
        <p>${conflict.at ? `${conflict.at[1].toFixed(4)}°, ${conflict.at[0].toFixed(4)}°` : t("conflicts.no-place")} <a href=${linkTo("map", { item: conflict.key })}>${t("conflicts.on-map")}</a></p></section>
      <section><h3>${t("conflicts.heights")}</h3><${HeightSketch} detail=${detail} /><p class="muted">${t("conflicts.ellipsoid")}</p></section>
      <section><h3>${t("conflicts.when")}</h3><${WhenSketch} detail=${detail} />
        <h3>${t("conflicts.by-how-much")}</h3><${Gauges} conflict=${conflict} /></section>
    </div>
    ${conflict.meetings > 1 ? html`<p>${t("conflicts.more-meetings", { n: conflict.meetings })}</p>` : null}
    <${Rule} detail=${detail} />
    <section><h3>${t("conflicts.both-sides")}</h3><ul class="plain-list sides">${detail.things.map((/** @type {any} */ one) => html`<${Thing} key=${one.object} thing=${one} />`)}</ul></section>
    <section class="no-print"><h3>${t("conflicts.next")}</h3>
      <div class="stack">
        <div class="row"><a class="button" href=${linkTo("talk", { thread: talk.id, about: `${talk.type}:${talk.id}` })}>${t("conflicts.talk")}</a></div>
        ${detail.is_newest ? movable.map((/** @type {any} */ one) => html`<${Suggest} key=${one.object} thing=${one} />`) : null}
      </div></section>
    <section><h3>${t("conflicts.history")}</h3><${History} detail=${detail} /></section>
    <details><summary>${t("conflicts.desk-words")}</summary><p><${Words} text=${conflict.words} most=${2000} /></p></details>
  </section>`;
}
