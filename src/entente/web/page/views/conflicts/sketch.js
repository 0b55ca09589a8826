// A conflict in four small pictures: where, when, how high, by how much.
//
// Invariants: each has its numbers and units beside it in words, so that nothing is told by the drawing alone; what
// has no bound is drawn to the edge and said to have none; the two sides differ in their lines, not only in colour.
//
// They are sketches, not maps: plane, north up, with a scale of length.
import { html } from "../../core/dom.js";
import { clean } from "../../core/safe.js";
import { formatSpan, formatUtc } from "../../core/time.js";
import { formatNumber, t } from "../../core/words.js";
import { Party, partyLook } from "../../parts/party.js";

const DEGREE_M = 111_195;

/** @param {number | null} metres @returns {string} Cut off, never rounded up. */
export function sayLength(metres) {
  if (metres === null) return "?";
  if (Math.abs(metres) >= 10_000) return `${formatNumber(Math.floor(metres / 100) / 10, 1)} km`;
  return `${formatNumber(Math.floor(metres))} m`;
}

/** @param {number | null} metres @param {boolean} isTop */
export function sayHeight(metres, isTop) {
  return metres === null ? t(isTop ? "conflicts.no-top" : "conflicts.no-floor") : sayLength(metres);
}

/** @param {any} detail @returns {any[]} The two volumes that meet first, with whose they are. */
export function meetingVolumes(detail) {
  return detail.conflict.sides.map((/** @type {any} */ side, /** @type {number} */ place) => {
    const thing = detail.things[place];
    const volume = thing.volumes.find((/** @type {any} */ one) => one.n === side.volume) ?? thing.volumes[0] ?? null;
    return { thing, volume, look: partyLook(side.author), place };
  });
}

/** @param {any} one Of `meetingVolumes`. The first side has a whole outline, the second a broken one. */
const paint = (one) => ({ class: `outline outline-${one.place}`, style: { fill: one.look.colour, stroke: one.look.colour } });

/** @param {{ detail: any }} props Which outline is whose. */
export function Legend({ detail }) {
  return html`<ul class="legend">${meetingVolumes(detail).map((one) => html`<li key=${one.place}>
    <svg viewBox="0 0 36 12" aria-hidden="true"><rect ...${paint(one)} x="1" y="1" width="34" height="10" /></svg>
    ${t(one.place ? "conflicts.broken-line" : "conflicts.whole-line")}: <bdi>${clean(one.thing.title ?? one.thing.id, 60)}</bdi> <${Party} id=${one.thing.author} /></li>`)}</ul>`;
}

/** @param {{ detail: any }} props */
export function WhereSketch({ detail }) {
  const sides = meetingVolumes(detail).filter((one) => one.volume?.rings);
  const at = detail.conflict.at;
  if (!sides.length) return html`<p class="muted">${t("conflicts.no-place")}</p>`;
  const points = sides.flatMap((one) => one.volume.rings.flat(2));
  const first = points[0];
  // Rings are unwrapped each for itself: all are brought to the same turn of the Earth.
  const turn = (/** @type {number} */ lon) => lon - 360 * Math.round((lon - first[0]) / 360);
  const [lons, lats] = [points.map((one) => turn(one[0])), points.map((one) => one[1])];
  const bound = (/** @type {number[]} */ all) => all.reduce(([low, high], one) => [Math.min(low ?? one, one), Math.max(high ?? one, one)], /** @type {number[]} */ ([]));
  const [[west = 0, east = 0], [south = 0, north = 0]] = [bound(lons), bound(lats)];
  const narrow = Math.max(0.05, Math.cos((((south + north) / 2) * Math.PI) / 180));
  const size = Math.max((east - west) * narrow, north - south, 1e-5) * 1.15;
  const [middleX, middleY] = [(west + east) / 2, (south + north) / 2];
  const place = (/** @type {number[]} */ [lon, lat]) =>
    `${(100 + ((turn(lon ?? 0) - middleX) * narrow * 200) / size).toFixed(1)},${(100 - (((lat ?? 0) - middleY) * 200) / size).toFixed(1)}`;
  const size_m = size * DEGREE_M;
  const scale_m = 10 ** Math.floor(Math.log10(size_m / 3));
  const bar_m = scale_m * (size_m / 3 / scale_m >= 5 ? 5 : size_m / 3 / scale_m >= 2 ? 2 : 1);
  const [x, y] = at ? place(at).split(",") : [];
  return html`<figure class="sketch">
    <svg viewBox="0 0 200 200" role="img" aria-label=${t("conflicts.where-drawn")}>
      ${sides.map((one) => html`<path key=${one.place} ...${paint(one)} fill-rule="evenodd"
        d=${one.volume.rings.flat(1).map((/** @type {number[][]} */ ring) => `M${ring.map(place).join("L")}Z`).join("")} />`)}
      ${at ? html`<g class="meeting"><circle cx=${x} cy=${y} r="5" /><path d=${`M${x} ${Number(y) - 11}v22M${Number(x) - 11} ${y}h22`} /></g>` : null}
      <path class="scale" d=${`M8 190v4h${((bar_m * 200) / size_m).toFixed(1)}v-4`} /><text x="8" y="184">${sayLength(bar_m)}</text>
      <text x="186" y="14">N</text>
    </svg>
  </figure>`;
}

/** @param {{ detail: any }} props */
export function WhenSketch({ detail }) {
  const sides = meetingVolumes(detail).filter((one) => one.volume);
  const { start_us, end_us, time_gap_s } = detail.conflict;
  if (!sides.length) return null;
  const from = Math.min(...sides.map((one) => one.volume.start_us));
  const until = Math.max(...sides.map((one) => one.volume.end_us), from + 1);
  const x = (/** @type {number} */ us) => 2 + ((us - from) / (until - from)) * 296;
  return html`<figure class="sketch sketch-flat">
    <svg viewBox="0 0 300 58" role="img" aria-label=${t("conflicts.when-drawn")}>
      ${sides.map((one) => html`<rect key=${one.place} ...${paint(one)} x=${x(one.volume.start_us)}
        y=${4 + one.place * 26} height="20" width=${Math.max(2, x(one.volume.end_us) - x(one.volume.start_us))} />`)}
      ${start_us === null ? null : html`<rect class="overlap" x=${x(start_us)} y="1" height="56" width=${Math.max(2, x(end_us) - x(start_us))} />`}
    </svg>
    <figcaption>${start_us === null ? t("conflicts.time-apart", { span: formatSpan(time_gap_s) })
      : t("conflicts.both-from", { from: formatUtc(start_us / 1000), until: formatUtc(end_us / 1000) })}</figcaption>
  </figure>`;
}

/** @param {{ detail: any }} props */
export function HeightSketch({ detail }) {
  const sides = meetingVolumes(detail).filter((one) => one.volume);
  const { has_band, floor_m, ceiling_m, vertical_gap_m } = detail.conflict;
  const known = sides.flatMap((one) => [one.volume.floor_m, one.volume.ceiling_m]).filter((one) => one !== null);
  const low = Math.min(...known, known.length ? Number.POSITIVE_INFINITY : 0);
  const high = Math.max(...known, low + 100);
  const room = (high - low) * 0.15;
  const y = (/** @type {number | null} */ metres, /** @type {boolean} */ isTop) =>
    metres === null ? (isTop ? 0 : 120) : 120 - ((metres - low + room) / (high - low + 2 * room)) * 120;
  return html`<figure class="sketch">
    <svg viewBox="0 0 160 120" role="img" aria-label=${t("conflicts.heights-drawn")}>
      ${sides.map((one) => html`<rect key=${one.place} ...${paint(one)} x=${20 + one.place * 64} width="56"
        y=${y(one.volume.ceiling_m, true)} height=${Math.max(2, y(one.volume.floor_m, false) - y(one.volume.ceiling_m, true))} />`)}
      ${has_band ? html`<rect class="overlap" x="4" width="152" y=${y(ceiling_m, true)} height=${Math.max(2, y(floor_m, false) - y(ceiling_m, true))} />` : null}
    </svg>
    <figcaption>${has_band ? t("conflicts.both-between", { floor: sayHeight(floor_m, false), ceiling: sayHeight(ceiling_m, true) })
      : t("conflicts.apart-in-height", { gap: sayLength(vertical_gap_m) })}</figcaption>
  </figure>`;
}

/** @param {{ label: string, got: number | null, need: number, say: (value: number) => string }} props */
function Gauge({ label, got, need, say }) {
  const share = got === null ? 0 : Math.min(1, got / need);
  const words = got === null ? t("conflicts.not-measured", { need: say(need) }) : t("conflicts.gap-of", { got: say(got), need: say(need) });
  return html`<div class="gauge">
    <span>${label}</span>
    <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect class="gauge-need" width="100" height="10" />
      <rect class="gauge-got" width=${share * 100} height="10" /></svg>
    <span class="gauge-words">${words}</span>
  </div>`;
}

/** @param {{ conflict: any }} props Only what the rule asks to be kept. */
export function Gauges({ conflict }) {
  const { gap_m, lateral_m, vertical_gap_m, vertical_m, time_gap_s, time_s } = conflict;
  return html`<div class="gauges">
    ${lateral_m > 0 ? html`<${Gauge} label=${t("conflicts.on-the-ground")} got=${gap_m} need=${lateral_m} say=${sayLength} />` : null}
    ${vertical_m > 0 ? html`<${Gauge} label=${t("conflicts.in-height")} got=${vertical_gap_m} need=${vertical_m} say=${sayLength} />` : null}
    ${time_s > 0 ? html`<${Gauge} label=${t("conflicts.in-time")} got=${time_gap_s} need=${time_s} say=${formatSpan} />` : null}
    ${lateral_m + vertical_m + time_s > 0 ? null : html`<p>${t("conflicts.meeting-is-enough")}</p>`}
  </div>`;
}
