// What lies at one place on the map, where several things lie over each other: a list to choose from.
//
//     html`<${Choose} choices=${properties} open=${open} close=${close} />`
import { html, useEffect, useRef } from "../../core/dom.js";
import { clean } from "../../core/safe.js";
import { t } from "../../core/words.js";
import { Party, listPartyIds } from "../../parts/party.js";
import { Time } from "../../parts/time.js";
import { PanelHead } from "./panel.js";
import { formatBand } from "./units.js";

/** @param {number} height_m */
const bound = (height_m) => (Math.abs(height_m) > 999_999 ? null : height_m);

/**
 * @param {{ choices: any[], open: (key: string) => void, close: () => void, at_ms: number, areFeet: boolean }} props
 *   `choices`: flat properties of features.
 */
export function Choose({ choices, open, close, at_ms, areFeet }) {
  const first = useRef(/** @type {HTMLButtonElement | null} */ (null));
  useEffect(() => first.current?.focus(), [choices]);
  const ids = listPartyIds();
  const sorted = [...choices].sort((one, other) => (bound(one.low_m) ?? -1e9) - (bound(other.low_m) ?? -1e9)).reverse();
  return html`<${PanelHead} title=${t("map.choose", { n: choices.length })} close=${close} />
    <ul class="map-choices">
      ${sorted.map(
        (one, at) => html`<li key=${one.object}>
          <button type="button" ref=${at === 0 ? first : undefined} onClick=${() => open(one.object)}>
            <span class="map-choice-name"><${Party} id=${ids[one.party] ?? "?"} /> <bdi>${clean(one.label ?? "", 80)}</bdi></span>
            <span class="muted">
              ${t(`map.type-${one.role.replace(/-at$/, "")}`)} · ${formatBand(bound(one.low_m), bound(one.high_m), areFeet)} ·
              ${one.from_ms > at_ms ? t("map.phase-ahead") : one.until_ms <= at_ms ? t("map.phase-past") : t("map.phase-now")}
              <${Time} ms=${one.from_ms} short=${true} local=${false} />
            </span>
          </button>
        </li>`,
      )}
    </ul>`;
}
