// The alarm on the screen, first above every view; and in "To do" what an officer may set about it.
//
// Invariants: it cannot be closed: it goes when what it says is over; it is told by shape, word and place, and nothing
// in it moves by itself; the sentence that readers of the screen are told changes when the alarm does, and not with
// its clock; a sound that is not heard here says why not.
//
//     html`<${AlarmBanner} />` in the frame     html`<${AlarmSettings} />` in "To do"
import { html } from "../../core/dom.js";
import { useKeys } from "../../core/keys.js";
import { live } from "../../core/live.js";
import { route } from "../../core/route.js";
import { clean } from "../../core/safe.js";
import { useStore } from "../../core/store.js";
import { deskNowMs, formatSpan } from "../../core/time.js";
import { language, t, tx } from "../../core/words.js";
import { Badge } from "../../parts/notice.js";
import { Party } from "../../parts/party.js";
import { Since, useTick } from "../../parts/time.js";
import { alarm, goUrgent, soundsForMe } from "./alarm.js";
import { dueStore } from "./due.js";
import { leftOfMute_s, mute, MUTE_MIN, muted } from "./mute.js";
import { Clock, sayAsk } from "./say.js";
import { ringOnce, sound } from "./sound.js";
import { askToNotify, notifying } from "./tab.js";
import { turn } from "./turn.js";

const MUTE_KEY_MIN = 10;

function MuteLeft() {
  useTick(1);
  return html`${t("inbox.alarm-muted", { span: formatSpan(Math.ceil(leftOfMute_s())) })}`;
}

/** Why it is heard here, or why not; and the way to change that. */
function Sound() {
  const state = useStore(sound);
  const whose = useStore(turn);
  const isMuted = useStore(muted) !== null;
  if (!soundsForMe()) return html`<span class="alarm-sound">⊘ ${t("inbox.alarm-not-for-you")}</span>`;
  if (isMuted) {
    return html`<span class="alarm-sound"><span>⊘ <${MuteLeft} /></span>
      <button type="button" onClick=${() => mute(0)}>${t("inbox.alarm-unmute")} <kbd>M</kbd></button></span>`;
  }
  if (state === "none") return html`<strong class="alarm-sound">⊘ ${t("inbox.alarm-no-sound")}</strong>`;
  if (state === "barred") {
    // Any click or key lets sound in: this one does no more than any other.
    return html`<button type="button" class="alarm-sound alarm-barred">⊘ ${t("inbox.alarm-barred")}</button>`;
  }
  return html`<span class="alarm-sound"><span>♪ <span class="alarm-where">${t(whose === "another" ? "inbox.alarm-elsewhere" : "inbox.alarm-sounds")}</span></span>
    <button type="button" onClick=${() => mute(MUTE_KEY_MIN)}>${t("inbox.alarm-mute", { n: MUTE_KEY_MIN })} <kbd>M</kbd></button></span>`;
}

/** @param {{ one: import("./alarm.js").Alarm, pulse_ms: number }} props */
function Deaf({ one, pulse_ms }) {
  const line = useStore(live);
  return html`<div class="banner banner-bad alarm-deaf">
    <span role="alert"><span class="alarm-shape" aria-hidden="true">?</span> <strong>${t("inbox.alarm-deaf")}</strong> ${line.state === "down" || line.state === "stale" ? t(`shell.banner-${line.state}`) : t("inbox.alarm-deaf-more")}</span>
    <span>${tx("inbox.alarm-heard", { ago: html`<${Since} ms=${deskNowMs() - (Date.now() - one.deaf_ms)} />` })}
      ${pulse_ms ? html` ${tx("shell.shown-is", { ago: html`<${Since} ms=${pulse_ms} />` })}` : null}</span>
    ${one.urgent.length ? null : html`<${Sound} />`}
  </div>`;
}

/** @param {{ one: import("./alarm.js").Alarm }} props */
function Urgent({ one }) {
  const [first] = one.urgent;
  const isThere = useStore(route, (at) => at.view === "inbox");
  if (first === undefined) return null;
  return html`<div class=${`banner banner-bad alarm-now alarm-grade-${one.grade}`}>
    <span role="alert"><span class="alarm-shape" aria-hidden="true">!</span> <strong>${t("inbox.alarm-now", { n: one.urgent.length, ask: sayAsk(first) })}</strong></span>
    ${isThere ? null : html`<span class="alarm-first">${first.author ? html`<${Party} id=${first.author} /> ` : null}<bdi>${clean(first.facts.title || first.facts.text || first.words, 70)}</bdi></span>
        <small class="alarm-clock"><${Clock} item=${first} from_ms=${one.from_ms} /></small>`}
    <button type="button" class="alarm-go" onClick=${goUrgent}>${t("inbox.alarm-go")} <kbd>!</kbd></button>
    <${Sound} />
  </div>`;
}

/** @param {{ pulse_ms: number }} props */
export function AlarmBanner({ pulse_ms }) {
  const one = useStore(alarm);
  const isMuted = useStore(muted) !== null;
  const code = useStore(language);
  useKeys(
    [
      { keys: "!", label: t("inbox.alarm-key-go"), group: "shell", run: goUrgent },
      { keys: "M", label: t("inbox.alarm-key-mute", { n: MUTE_KEY_MIN }), group: "shell", run: () => mute(leftOfMute_s() > 0 ? 0 : MUTE_KEY_MIN) },
    ],
    [code],
  );
  const isOn = one.isDeaf || one.urgent.length > 0;
  return html`
    ${one.isDeaf ? html`<${Deaf} one=${one} pulse_ms=${pulse_ms} />` : null}
    <${Urgent} one=${one} />
    ${isMuted && !isOn && soundsForMe() ? html`<div class="banner alarm-muted" role="status"><${Sound} /></div>` : null}
    ${one.ends_ms === null ? null : html`<div class="banner banner-warn" role="alert">▲ ${t("inbox.alarm-signed-out")}</div>`}`;
}

/** What an officer may set about the alarm, and how he hears what it sounds like. */
export function AlarmSettings() {
  const state = useStore(sound);
  const told = useStore(notifying);
  const isMuted = useStore(muted) !== null;
  if (!soundsForMe()) return null;
  return html`<details class="alarm-settings no-print">
    <summary>${t("inbox.alarm")} ${isMuted
      ? html`<${Badge} kind="warn">${t("inbox.alarm-is-muted")}</${Badge}>`
      : html`<${Badge} kind=${state === "ready" ? "ok" : "warn"}>${t(`inbox.alarm-state-${state}`)}</${Badge}>`}</summary>
    <div class="panel alarm-panel">
      <p>${t("inbox.alarm-how")}</p>
      <div class="row">
        <button type="button" onClick=${() => ringOnce(2)}>♪ ${t("inbox.alarm-try")}</button>
        ${isMuted
          ? html`<button type="button" onClick=${() => mute(0)}>${t("inbox.alarm-unmute")}</button> <span><${MuteLeft} /></span>`
          : MUTE_MIN.map((minutes) => html`<button type="button" key=${minutes} onClick=${() => mute(minutes)}>${t("inbox.alarm-mute", { n: minutes })}</button>`)}
      </div>
      <label class="row"><input type="checkbox" checked=${told === "on"} disabled=${told === "none"}
        onChange=${(/** @type {any} */ event) => void askToNotify(event.currentTarget.checked)} /> <span>${t("inbox.alarm-notify")}</span></label>
      ${told === "denied" || told === "none" ? html`<p class="muted">${t(`inbox.alarm-notify-${told}`)}</p>` : null}
    </div>
  </details>`;
}

/** @returns {number | null} How many things are due, as the list counts them; null: not known. */
export function useDueCount() {
  return useStore(dueStore, (one) => (one.isKnown ? one.all.length : null));
}

/** @returns {number} How many of them are due now. */
export function useUrgentCount() {
  return useStore(alarm, (one) => one.urgent.length);
}
