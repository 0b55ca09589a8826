// One thread: what was said, what of ours is not in the record, and what we say next; or one that is to begin.
//
// Invariants: what waits at the desk, or was refused, is shown apart and called that; a text that comes in does not
// move what is being read; a thread about a thing that not all may know of says so before anything is said.
//
//     /talk?thread=aleppo      /talk?new=1&about=site.al-noor-school
import { useLook } from "../../core/api.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "../../core/dom.js";
import { linkTo, setParams } from "../../core/route.js";
import { clean } from "../../core/safe.js";
import { useSession } from "../../core/session.js";
import { deskNowMs, parseUtc } from "../../core/time.js";
import { t } from "../../core/words.js";
import { ActButton } from "../../parts/dialog.js";
import { Field } from "../../parts/form.js";
import { Badge, ErrorBox, Looked } from "../../parts/notice.js";
import { Parties } from "../../parts/party.js";
import { Time } from "../../parts/time.js";
import { About, SLUG } from "./about.js";
import { Compose } from "./compose.js";
import { isOwedBy, Said } from "./said.js";
import { MOVED, SAID } from "./standing.js";

/** So many texts are drawn at first: the newest. */
const SHOWN = 60;
const REFUSED_SHOWN_MS = 86_400_000;
/** The desk takes so many at once. */
const MOST = 100;

/** What is chosen is left, on a narrow screen to see the list. */
export function Back() {
  return html`<button type="button" class="quiet no-print" onClick=${() => setParams({ thread: null, readout: null, incident: null, new: null, about: null, with: null })}>← ${t("talk.back")} <kbd>Esc</kbd></button>`;
}

/** What we have said and what is not in the record. @param {{ id: string }} props */
function Waiting({ id }) {
  const done = useLook("done", { limit: 100 }, { on: ["own", "entry", "link", "reset", "awake"] });
  const ours = (done.data ?? []).filter((/** @type {any} */ one) => {
    if (one.kind !== "thread.say" || !one.subjects.includes(id) || one.state === "recorded") return false;
    return one.state !== "refused" || deskNowMs() - (parseUtc(one.at) ?? 0) < REFUSED_SHOWN_MS;
  });
  if (!ours.length) return null;
  return html`<ul class="talk-waiting" role="status">
    ${ours.map((/** @type {any} */ one) => html`<li key=${one.number}>
      <${Badge} kind=${one.state === "refused" ? "bad" : "warn"}>${t(one.state === "refused" ? "talk.refused" : "talk.waits")}</${Badge}>
      ${" "}<bdi>${clean(one.officers.join(", "), 80)}</bdi> <${Time} iso=${one.at} />
      ${one.reason || one.trouble ? html` <bdi>${clean(one.reason || one.trouble, 300)}</bdi>` : null}
    </li>`)}
  </ul>`;
}

/**
 * Keep the end in sight while the reader is at the end, and leave him where he is otherwise.
 *
 * @param {number} count @param {boolean} isKnown
 */
function useEnd(count, isKnown) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const isAtEnd = useRef(true);
  const seen = useRef(0);
  const [fresh, setFresh] = useState(0);
  const toEnd = () => {
    if (box.current) box.current.scrollTop = box.current.scrollHeight;
    isAtEnd.current = true;
    setFresh(0);
  };
  useLayoutEffect(() => {
    if (!isKnown) return;
    const more = count - seen.current;
    seen.current = count;
    if (isAtEnd.current) toEnd();
    else if (more > 0) setFresh((old) => old + more);
  }, [count, isKnown]);
  // What is drawn grows a moment later too: an answer of the desk, an opened form.
  useEffect(() => {
    const list = box.current?.querySelector(".talk-texts");
    if (!box.current || !list) return undefined;
    const watch = new ResizeObserver(() => isAtEnd.current && toEnd());
    watch.observe(list);
    watch.observe(box.current);
    return () => watch.disconnect();
  }, []);
  const onScroll = () => {
    const one = box.current;
    if (!one) return;
    isAtEnd.current = one.scrollHeight - one.scrollTop - one.clientHeight < 60;
    if (isAtEnd.current) setFresh(0);
  };
  return { box, fresh, toEnd, onScroll };
}

/** @param {{ row: any, about: import("./about.js").Subject }} props `about`: as the address has it. */
export function Thread({ row, about }) {
  const session = useSession();
  const [reply, setReply] = useState(/** @type {any} */ (null));
  const [most, setMost] = useState(SHOWN);
  const said = useLook("thread", { name: row.id }, { on: SAID });
  const pulse = useLook("pulse", {}, { on: MOVED });
  const all = (said.data ?? []).filter((/** @type {any} */ one) => one.original.thread === row.thread);
  const end = useEnd(all.length, said.data !== null);
  const canSay = session.may("say");
  const byMessage = new Map(all.map((/** @type {any} */ one) => [one.original.message, one.original]));
  const owed = all.filter((/** @type {any} */ one) => isOwedBy(one, session.party));
  const isOther = about.type !== "none" && (about.type !== row.about.type || about.id !== row.about.id);
  const other = { code: "other-subject", path: "", message: t("talk.other-subject", { about: `${about.type}:${about.id}` }) };
  return html`<article class="panel talk-pane" aria-label=${t("talk.thread-named", { name: clean(row.id, 60) })}>
    <header class="stack">
      <div class="row"><${Back} /><h2><bdi>${clean(row.id, 60)}</bdi></h2> <${About} about=${row.about} thread=${row.thread} /></div>
      ${isOther ? html`<${ErrorBox} error=${/** @type {any} */ (other)} />
        <p><a class="button" href=${linkTo("talk", { new: "1", about: `${about.type}:${about.id}` })}>${t("talk.new-about", { about: `${about.type}:${about.id}` })}</a></p>` : null}
    </header>
    <${Looked} of=${said} />
    <div class="talk-scroll" ref=${end.box} onScroll=${end.onScroll} tabindex="0" role="log" aria-label=${t("talk.what-was-said")}>
      ${all.length > most ? html`<button type="button" onClick=${() => setMost(most + 200)}>${t("talk.earlier", { n: all.length - most })}</button>` : null}
      <ol class="talk-texts">
        ${all.slice(-most).map((/** @type {any} */ one) => html`<${Said} key=${one.original.message} view=${one} pulse=${pulse.data}
          answered=${byMessage.get(one.original.reply_to)} onReply=${canSay ? () => setReply(one.original) : null} />`)}
      </ol>
    </div>
    ${end.fresh ? html`<button type="button" class="talk-fresh" onClick=${end.toEnd}>↓ ${t("talk.fresh", { n: end.fresh })}</button>` : null}
    ${owed.length > 1 && session.may("acknowledge")
      ? html`<div class="row no-print"><${ActButton} verb="acknowledge" label=${t("talk.acknowledge-all", { n: Math.min(MOST, owed.length) })}
          body=${{ messages: owed.slice(0, MOST).map((/** @type {any} */ one) => one.original.message) }} /></div>`
      : null}
    <${Waiting} id=${row.id} />
    ${canSay
      ? html`<${Compose} id=${row.id} row=${row} about=${about} reply=${reply} onReplied=${() => { setReply(null); end.toEnd(); }} />`
      : html`<p class="muted">${t("talk.may-not-say")}</p>`}
  </article>`;
}

/** @param {any} row @param {readonly string[]} told Whether a thread has just this audience, ours left out. @param {string} own */
const isFor = (row, told, own) => row.to.filter((/** @type {string} */ one) => one !== own).join() === [...told].sort().join();

/** @param {{ name: string, about: import("./about.js").Subject, threads: readonly any[] }} props `name`: as the address has it. */
export function NewThread({ name, about, threads }) {
  const session = useSession();
  const [id, setId] = useState(name || (about.type === "alarm" ? "" : about.id));
  const [said, setSaid] = useState(/** @type {{ id: string, to: readonly string[] } | null} */ (null));
  const found = useLook(about.type === "none" || about.type === "alarm" ? null : "subject", about, { on: ["reset", "awake"] });
  const things = found.data?.things ?? [];
  const thing = things[0];
  const isNone = found.data !== null && !things.length;
  // Of several things of one name, only who may know of all of them.
  const known = things.some((/** @type {any} */ one) => one.is_sealed)
    ? thing.readers.filter((/** @type {string} */ party) => things.every((/** @type {any} */ one) => one.readers.includes(party)))
    : null;
  const isKnown = about.type === "none" || about.type === "alarm" || found.data !== null;
  const there = threads.filter((one) => about.type !== "none" && one.subject === `${about.type}:${about.id}`);
  const taken = threads.filter((one) => one.id === id);
  const isName = SLUG.test(id) && !id.startsWith("alarm-");
  const begun = said ? threads.find((one) => one.id === said.id && isFor(one, said.to, session.party)) : undefined;
  useEffect(() => {
    if (begun) setParams({ thread: begun.thread, new: null, about: null }, { replace: true });
  }, [begun?.thread]);
  return html`<section class="panel talk-pane" aria-label=${t("talk.new-thread")}>
    <header class="stack">
      <div class="row"><${Back} /><h2>${t("talk.new-thread")}</h2> <${Badge} kind="quiet">${t("talk.not-begun")}</${Badge}></div>
      <p><${About} about=${about} title=${thing?.title ?? ""} thread=${things.length === 1 ? thing.object : ""} /></p>
      ${isNone ? html`<p><${Badge} kind="warn">${t("talk.not-found")}</${Badge}></p>` : null}
      ${known ? html`<p><${Badge} kind="info">${t("talk.sealed-thing")}</${Badge}> ${t("talk.known-to")} <${Parties} ids=${known} /></p>` : null}
      ${there.length ? html`<p>${t("talk.already")} ${there.map((one) => html`<a key=${one.thread} class="button" href=${linkTo("talk", { thread: one.thread })}><bdi>${clean(one.id, 60)}</bdi> · <${Parties} ids=${one.to} /></a> `)}</p>` : null}
    </header>
    <${Looked} of=${found} />
    <${Field} label=${t("talk.thread-name")} hint=${t("talk.thread-name-hint")}>
      <input maxlength="40" value=${id} autocomplete="off" spellcheck=${false} aria-invalid=${id !== "" && !isName ? "true" : undefined}
        onInput=${(/** @type {any} */ event) => setId(event.currentTarget.value)} />
    </${Field}>
    ${id !== "" && !isName ? html`<p class="field-fault" role="alert">■ ${t("talk.bad-name")}</p>` : null}
    ${taken.length ? html`<p>${t("talk.taken")} ${taken.map((one) => html`<a key=${one.thread} href=${linkTo("talk", { thread: one.thread })}><bdi>${clean(one.id, 60)}</bdi></a> (<${Parties} ids=${one.to} />) `)}</p>` : null}
    <${Waiting} id=${id} />
    ${isKnown ? html`<${Compose} id=${isName ? id : ""} row=${null} about=${about} known=${known} onReplied=${(/** @type {readonly string[]} */ to) => setSaid({ id, to })} />` : null}
  </section>`;
}
