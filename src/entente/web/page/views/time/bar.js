// The time bar under every view: where the one cursor stands, what lies around it, and how old the picture is.
//
// Invariants: one line of controls is always in sight; the lanes are a slider for hands and a list of moments for
// readers of the screen (`[` and `]` say where they go); what is known at a past moment is asked for, never guessed,
// and until the answer is there the bar says that it is waiting.
import { look, useLook } from "../../core/api.js";
import { moving, recordAt, setCursor, useCursor, useSettling } from "../../core/cursor.js";
import { html, useEffect, useMemo, useRef, useState } from "../../core/dom.js";
import { useKeys } from "../../core/keys.js";
import { go, setParams, useParam } from "../../core/route.js";
import { clean } from "../../core/safe.js";
import { useStore } from "../../core/store.js";
import { deskNowMs, encodeUtc, formatUtc, parseUtc } from "../../core/time.js";
import { language, t } from "../../core/words.js";
import { ExportMenu } from "../../parts/export.js";
import { Badge } from "../../parts/notice.js";
import { narrow } from "../../parts/table.js";
import { Since, Time } from "../../parts/time.js";
import { findUrgent } from "../conflicts/rank.js";
import { Lanes } from "./canvas.js";
import { makeExports } from "./export.js";
import { findNext, listMoments, NOTHING, readBuckets, readLanes } from "./lanes.js";
import { pause, play, speed, SPEEDS } from "./playing.js";
import { clampSpan, DAY_MS, fitSpan, HOUR_MS, MINUTE_MS, showMoment, widenSpan, zoomSpan } from "./scale.js";

/** @typedef {import("./scale.js").Span} Span */

/** @returns {[Span, (span: Span) => void, boolean]} The window, how to move it, and whether it was chosen. */
function useSpan(/** @type {number} */ at_ms) {
  const [from, until] = [parseUtc(useParam("from")), parseUtc(useParam("until"))];
  const [own, setOwn] = useState(/** @type {Span | null} */ (null));
  const timer = useRef(0);
  const asked = from !== null && until !== null && until > from ? clampSpan({ from_ms: from, until_ms: until }) : null;
  const base = useRef({ from_ms: at_ms - 3 * HOUR_MS, until_ms: at_ms + 9 * HOUR_MS });
  base.current = showMoment(base.current, at_ms);
  const move = (/** @type {Span} */ span) => {
    setOwn(span);
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => {
      setParams({ from: encodeUtc(span.from_ms), until: encodeUtc(span.until_ms) }, { replace: true });
      setOwn(null);
    }, 300);
  };
  return [own ?? asked ?? base.current, move, own !== null || asked !== null];
}

/** @param {import("../../core/api.js").Looked} looked @param {(answer: any) => any} read @param {any} none */
function useKept(looked, read, none) {
  const kept = useRef({ of: /** @type {any} */ (null), made: none });
  if (looked.data !== null && kept.current.of !== looked.data) kept.current = { of: looked.data, made: read(looked.data) };
  return kept.current.made;
}

function Known(/** @type {{ cursor: import("../../core/cursor.js").Cursor }} */ { cursor }) {
  const found = useStore(recordAt);
  const isPast = !cursor.isNow && cursor.at_ms < deskNowMs();
  const isAsked = useParam("known") === "then";
  const choose = (/** @type {boolean} */ then) => setParams({ known: then ? "then" : null });
  const words = !cursor.isThen
    ? ""
    : found?.error
      ? t("time.then-unknown")
      : cursor.isSettling
        ? t("time.then-asking")
        : t(found?.clock === "claimed" ? "time.then-claimed" : "time.then-recorded", { n: found?.size ?? 0 });
  return html`<span class="time-known" role="group" aria-label=${t("time.known")}>
    <button type="button" aria-pressed=${!isAsked} disabled=${!isPast} onClick=${() => choose(false)}>${t("time.known-now")}</button>
    <button type="button" aria-pressed=${isAsked && isPast} disabled=${!isPast} onClick=${() => choose(true)}>${t("time.known-then")}</button>
    ${words ? html`<span class="time-clock" role="status">${found?.error ? "▲ " : ""}${words}</span>` : null}
  </span>`;
}

/** Open the conflict that can wait least, with its explanation. */
async function openUrgent() {
  try {
    const answer = await look("conflicts", {});
    const found = findUrgent(answer.conflicts, deskNowMs());
    go("conflicts", { t: "", known: "", ...(found ? { item: found.key, explain: "1" } : {}) });
  } catch {
    go("conflicts"); // the view itself says what could not be had
  }
}

export function TimeBar() {
  useSettling();
  const code = useStore(language);
  const isNarrow = useStore(narrow);
  const cursor = useCursor();
  const times = useStore(speed);
  const [isOpen, setOpen] = [useParam("lanes", isNarrow ? "0" : "1") !== "0", (/** @type {boolean} */ open) => setParams({ lanes: open ? "1" : "0" }, { replace: true })];
  const [rate, setRate] = useState(60);
  const [told, setTold] = useState("");
  const [span, setSpan] = useSpan(cursor.at_ms);
  const wide = widenSpan(span);
  const query = { from_us: wide.from_ms * 1000, until_us: wide.until_ms * 1000 };
  const asked = { ...query, ...(cursor.at_size === null ? {} : { at_size: cursor.at_size }) };
  const lanes = useLook(cursor.isSettling ? null : "lanes", asked);
  const growth = useLook(isOpen ? "moments" : null, { ...query, buckets: 240, clock: "claimed" });
  const stood = useKept(lanes, readLanes, NOTHING);
  const buckets = useKept(growth, readBuckets, []);
  const data = useMemo(() => ({ ...stood, buckets }), [stood, buckets]);
  const moments = useMemo(() => listMoments(data), [data]);
  const state = useRef({ cursor, span, data, moments });
  state.current = { cursor, span, data, moments };

  const moveTo = (/** @type {number} */ at_ms, /** @type {boolean} */ isLast = true) => {
    pause();
    const whole_ms = Math.floor(at_ms / 1000) * 1000;
    if (isLast) setCursor(whole_ms, { replace: true });
    else moving.set(whole_ms);
  };
  const step = (/** @type {number} */ by_ms) => moveTo(state.current.cursor.at_ms + by_ms);
  const jump = (/** @type {1 | -1} */ way) => {
    const found = findNext(state.current.moments, state.current.cursor.at_ms, way);
    const [first] = found;
    if (first === undefined) return setTold(t(way > 0 ? "time.no-next" : "time.no-previous"));
    moveTo(first.at_ms);
    const names = found.slice(0, 4).map((one) => t(`time.at-${one.kind}`, { name: one.name })).join("; ");
    setTold(`${formatUtc(first.at_ms)}: ${names}${found.length > 4 ? ` +${found.length - 4}` : ""}`);
    return undefined;
  };
  const toggle = () => (speed.get() ? pause() : play(rate, () => Math.max(state.current.span.until_ms, state.current.data.last_ms)));
  const zoom = (/** @type {number} */ factor) => setSpan(zoomSpan(state.current.span, factor, state.current.cursor.at_ms));
  const fit = () => data.last_ms > data.first_ms && setSpan(fitSpan(data.first_ms, data.last_ms));
  useKeys(
    [
      { keys: "c", label: t("time.key-urgent"), run: () => void openUrgent(), group: "time" },
      { keys: "[", label: t("time.previous"), run: () => jump(-1), group: "time" },
      { keys: "]", label: t("time.next"), run: () => jump(1), group: "time" },
      { keys: ",", label: t("time.minute-back"), run: () => step(-MINUTE_MS), group: "time" },
      { keys: ".", label: t("time.minute-on"), run: () => step(MINUTE_MS), group: "time" },
      { keys: "<", label: t("time.hour-back"), run: () => step(-HOUR_MS), group: "time" },
      { keys: ">", label: t("time.hour-on"), run: () => step(HOUR_MS), group: "time" },
      { keys: "space", label: t("time.play"), run: toggle, group: "time" },
      { keys: "w", label: t("time.key-known"), run: () => !state.current.cursor.isNow && setParams({ known: state.current.cursor.isThen ? null : "then" }), group: "time" },
      { keys: "l", label: t("time.key-lanes"), run: () => setOpen(!isOpen), group: "time" },
    ],
    [code, rate, isOpen],
  );
  useEffect(() => {
    if (cursor.isNow || times === 0) return;
    const next = showMoment(span, cursor.at_ms);
    if (next !== span) setSpan(next);
  }, [cursor.at_ms, times]);

  const onKey = (/** @type {KeyboardEvent} */ event) => {
    const by_ms = event.shiftKey ? HOUR_MS : event.ctrlKey || event.altKey ? DAY_MS : MINUTE_MS;
    /** @type {Record<string, () => void>} */
    const keys = {
      ArrowLeft: () => step(-by_ms), ArrowDown: () => step(-by_ms), ArrowRight: () => step(by_ms), ArrowUp: () => step(by_ms),
      PageDown: () => step(-DAY_MS), PageUp: () => step(DAY_MS), Home: () => moveTo(span.from_ms), End: () => moveTo(span.until_ms),
      "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), 0: fit,
    };
    const run = keys[event.key];
    if (run === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    run();
  };
  const valuetext = `${formatUtc(cursor.at_ms)}${cursor.isNow ? `, ${t("time.now")}` : cursor.isThen ? `, ${t("time.known-then")}` : ""}`;
  return html`<section class="time-bar" aria-label=${t("time.bar")}>
    <div class="time-line">
      <button type="button" class="quiet time-fold" aria-expanded=${isOpen} onClick=${() => setOpen(!isOpen)}
        aria-label=${t("time.key-lanes")} title=${`${t("time.key-lanes")} (l)`}>${isOpen ? "▾" : "▸"}</button>
      <button type="button" class="quiet time-wide" onClick=${() => jump(-1)} aria-label=${t("time.previous")} title=${`${t("time.previous")} ([)`}>|◀</button>
      <button type="button" class="quiet" onClick=${toggle} aria-pressed=${times !== 0} aria-label=${t(times ? "time.pause" : "time.play")}
        title=${`${t("time.play")} (space)`}>${times ? "❚❚" : "▶"}</button>
      <button type="button" class="quiet time-wide" onClick=${() => jump(1)} aria-label=${t("time.next")} title=${`${t("time.next")} (])`}>▶|</button>
      <label class="time-wide"><span class="hidden-text">${t("time.speed")}</span>
        <select value=${String(rate)} onChange=${(/** @type {any} */ event) => { setRate(Number(event.currentTarget.value)); if (times) play(Number(event.currentTarget.value), () => state.current.data.last_ms); }}>
          ${SPEEDS.map((one) => html`<option key=${one} value=${String(one)}>${one}×</option>`)}
        </select></label>
      <span class="time-at"><${Time} ms=${cursor.at_ms} local=${!isNarrow} /></span>
      ${cursor.isNow
        ? html`<${Badge} kind="ok">${t("time.now")}</${Badge}>`
        : html`<button type="button" onClick=${() => { pause(); setCursor(null); }}>${t("time.to-now")} <kbd>n</kbd></button>`}
      <${Known} cursor=${cursor} />
      <span class="time-age time-wide">
        ${cursor.isSettling || (lanes.data === null && lanes.isLoading)
          ? html`<span role="status">${t("time.asking")}</span>`
          : lanes.error
            ? html`<${Badge} kind="warn" title=${clean(lanes.error.message, 200)}>${t("time.stale")}</${Badge}>`
            : html`${t("time.asked")} <${Since} ms=${lanes.at_ms} />`}
        ${data.isBucketed ? html` · ${t("time.bucketed", { n: data.total })}` : null}
        ${data.isCut ? html` <${Badge} kind="warn">${t("time.cut")}</${Badge}>` : null}
      </span>
      <span class="time-zoom time-wide">
        <button type="button" class="quiet" onClick=${() => zoom(2)} aria-label=${t("time.zoom-out")}>−</button>
        <button type="button" class="quiet" onClick=${() => zoom(0.5)} aria-label=${t("time.zoom-in")}>+</button>
        <button type="button" class="quiet" onClick=${fit}>${t("time.fit")}</button>
        ${isOpen ? html`<${ExportMenu} items=${makeExports(asked)} />` : null}
      </span>
    </div>
    <p class="hidden-text" role="status" aria-live="polite">${told}</p>
    <div class="time-slider" role="slider" tabindex="0" aria-label=${t("time.slider")} aria-valuemin=${Math.round(span.from_ms / 1000)}
      aria-valuemax=${Math.round(span.until_ms / 1000)} aria-valuenow=${Math.round(cursor.at_ms / 1000)} aria-valuetext=${valuetext}
      onKeyDown=${onKey} hidden=${!isOpen}>
      ${isOpen ? html`<${Lanes} span=${span} data=${data} cursor=${cursor} isDim=${cursor.isSettling} onSpan=${setSpan} onMoment=${moveTo}
        onOpen=${(/** @type {string} */ key) => go("conflicts", { item: key })} />` : null}
    </div>
  </section>`;
}
