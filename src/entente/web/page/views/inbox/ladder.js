// The ladder of a message: every rung of every party, reached, not reached or failed, and the clock that runs on ours.
//
// Invariants: a rung that was not reached is shown as not reached, in words and by its shape; times are those of
// whoever signed, with the place in the record beside them; the clock is the desk's, and says what happens next if
// nobody acts. "Sent" is no rung.
//
//     html`<${LadderView} message=${leaf} item=${item} from_ms=${due.at_ms} />`
import { useLook } from "../../core/api.js";
import { html } from "../../core/dom.js";
import { clean } from "../../core/safe.js";
import { session } from "../../core/session.js";
import { deskNowMs } from "../../core/time.js";
import { t } from "../../core/words.js";
import { Badge, Looked } from "../../parts/notice.js";
import { Party } from "../../parts/party.js";
import { Time, useTick } from "../../parts/time.js";

const SHAPES = /** @type {Record<string, string>} */ ({ reached: "✓", "not-yet": "○", failed: "■" });

/** @param {{ rung: any }} props */
function RungLine({ rung }) {
  return html`<li class=${`rung rung-${rung.state}`}>
    <span class="rung-shape" aria-hidden="true">${SHAPES[rung.state] ?? "○"}</span>
    <div>
      <strong>${t(`inbox.rung-${rung.name}-${rung.state}`)}</strong>
      <span class="muted"><bdi>${clean(rung.text, 400)}</bdi></span>
      ${rung.at || rung.index !== null
        ? html`<small class="muted">${rung.at ? html`<${Time} iso=${rung.at} local=${false} />` : null}
            ${rung.who ? html` · <bdi>${clean(rung.who, 80)}</bdi>` : null}
            ${rung.index !== null ? html` · ${t("inbox.entry", { index: rung.index })}` : null}
            ${rung.standing ? html` · ${t(`inbox.standing-${rung.standing}`)}` : null}</small>`
        : null}
    </div>
  </li>`;
}

/**
 * The picture of our own clock: recorded, then each further contact in turn, then the lapse; and where we are.
 *
 * @param {{ item: import("./items.js").Item, from_ms: number }} props
 */
export function LadderClock({ item, from_ms }) {
  useTick(1);
  const { facts } = item;
  if (!facts.lapse_s || item.waited_s === null) return null;
  const waited_s = item.waited_s + Math.max(0, deskNowMs() - from_ms) / 1000;
  const total_s = facts.lapse_s;
  const at = (/** @type {number} */ seconds) => `${Math.min(100, Math.max(0, (seconds / total_s) * 100))}%`;
  const steps = [];
  for (let step = 1; step <= facts.steps + (facts.escalates_to ? 1 : 0); step += 1) {
    steps.push({ step, at_s: step * facts.escalate_s, isTaken: step <= facts.steps });
  }
  const words = facts.has_lapsed ? t("inbox.clock-lapsed") : t("inbox.clock-words", { minutes: Math.floor(waited_s / 60), all: Math.round(total_s / 60) });
  return html`<div class="ladder-clock" role="img" aria-label=${words}>
    <div class="ladder-track"><div class=${`ladder-fill ${facts.has_lapsed || waited_s > total_s ? "ladder-fill-over" : ""}`} style=${{ width: at(waited_s) }}></div>
      <span class="ladder-mark ladder-mark-on" style=${{ left: "0%" }}></span>
      ${steps.map((one) => html`<span key=${one.step} class=${`ladder-mark ${one.isTaken ? "ladder-mark-on" : ""}`} style=${{ left: at(one.at_s) }}></span>`)}
      <span class=${`ladder-mark ladder-mark-end ${facts.has_lapsed ? "ladder-mark-failed" : ""}`} style=${{ left: "100%" }}></span>
    </div>
    <div class="ladder-names" aria-hidden="true">
      <span>${t("inbox.clock-recorded")}</span>
      ${steps.map((one) => html`<span key=${one.step} style=${{ left: at(one.at_s) }}>${one.isTaken ? t("inbox.clock-turned") : t("inbox.clock-turns", { to: clean(facts.escalates_to, 24) })}</span>`)}
      <span class="ladder-name-end">${facts.has_lapsed ? t("inbox.clock-has-lapsed") : t("inbox.clock-lapses")}</span>
    </div>
  </div>`;
}

/** @param {{ message: string, item?: import("./items.js").Item, from_ms?: number }} props */
export function LadderView({ message, item, from_ms = 0 }) {
  const ladder = useLook(message ? "ladder" : null, { message });
  if (!message) return null;
  const own = session.get()?.party;
  return html`<section class="panel ladder" aria-label=${t("inbox.ladder")}>
    <h3>${t("inbox.ladder")}</h3>
    ${item ? html`<${LadderClock} item=${item} from_ms=${from_ms} />` : null}
    ${ladder.error?.code === "not-found" ? html`<p class="muted">${t("inbox.no-ladder")}</p>` : html`<${Looked} of=${ladder} />`}
    ${ladder.data
      ? html`<ol class="rungs">${ladder.data.rungs.map((/** @type {any} */ rung, /** @type {number} */ n) => html`<${RungLine} key=${n} rung=${rung} />`)}</ol>
        ${[...ladder.data.parties]
          .sort((one, other) => Number(other.party === own) - Number(one.party === own))
          .map(
            (/** @type {any} */ side) => html`<div key=${side.party} class="ladder-party">
              <h4><${Party} id=${side.party} /> <${Badge} kind=${{ waiting: "warn", lapsed: "bad" }[/** @type {string} */ (side.state)] ?? "ok"}>${t(`inbox.receipt-${side.state}`)}</${Badge}></h4>
              <ol class="rungs">${side.rungs.map((/** @type {any} */ rung, /** @type {number} */ n) => html`<${RungLine} key=${n} rung=${rung} />`)}</ol>
            </div>`,
          )}`
      : null}
  </section>`;
}
