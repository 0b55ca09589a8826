// What the map's colours, patterns and dashes mean: small, and always there.
//
// Invariants: all that is told by colour on the map has its pattern, dash or word here; the heights' datum and unit
// are said.
//
//     html`<${Legend} state=${state} data=${picture.data} />`
import { html, useState } from "../../core/dom.js";
import { setParams } from "../../core/route.js";
import { t } from "../../core/words.js";
import { Choice } from "../../parts/form.js";
import { Party, listPartyIds } from "../../parts/party.js";
import { HEIGHT_STEPS_M } from "./colours.js";
import { DASHES, STATES } from "./layers.js";
import { formatHeight } from "./units.js";

/** @param {{ dash: readonly number[] }} props */
function Dash({ dash }) {
  return html`<svg class="map-dash" viewBox="0 0 40 8" aria-hidden="true"><line x1="1" y1="4" x2="39" y2="4" stroke="currentColor"
    stroke-width="2.4" stroke-dasharray=${dash[1] === 0 ? undefined : dash.map((one) => one * 2.2).join(" ")} /></svg>`;
}

/** @param {{ areFeet: boolean }} props */
function Ramp({ areFeet }) {
  return html`<ol class="map-ramp">
    ${HEIGHT_STEPS_M.map((step, at) => {
      const next = HEIGHT_STEPS_M[at + 1];
      const words = at === 0 ? t("map.below", { height: formatHeight(next ?? 0, areFeet) }) : t("map.above", { height: formatHeight(step, areFeet) });
      return html`<li key=${at}><span class=${`map-step map-step-${at}`} aria-hidden="true"></span>${words}</li>`;
    })}
  </ol>`;
}

/** @param {{ state: import("./state.js").MapState, data: any, isNarrow: boolean }} props */
export function Legend({ state, data, isNarrow }) {
  const [isOpen, setOpen] = useState(!isNarrow);
  const has = (/** @type {string} */ name) => (data?.counts?.[name]?.total ?? 0) > 0;
  return html`<section class=${`map-legend ${isOpen ? "" : "map-legend-small"}`} aria-label=${t("map.legend")}>
    <button type="button" class="quiet map-legend-head" aria-expanded=${isOpen} onClick=${() => setOpen(!isOpen)}>
      ${t("map.legend")} <span aria-hidden="true">${isOpen ? "▾" : "▸"}</span>
    </button>
    ${isOpen
      ? html`<${Choice} label=${t("map.colour-is")} value=${state.byHeight ? "height" : ""}
          options=${[{ value: "", label: t("map.colour-party") }, { value: "height", label: t("map.colour-height-short") }]}
          onChange=${(/** @type {string} */ one) => setParams({ colour: one || null })} />
        ${state.byHeight ? html`<${Ramp} areFeet=${state.areFeet} />` : null}
        <ul class="map-keys">
          ${listPartyIds().slice(0, 10).map((id) => html`<li key=${id}><${Party} id=${id} /></li>`)}
        </ul>
        <ul class="map-keys">
          ${STATES.slice(0, 5).map((one) => html`<li key=${one}><${Dash} dash=${DASHES[one] ?? [1, 0]} /> ${t(`map.state-${one}`)}</li>`)}
          <li><span class="map-outline" aria-hidden="true"></span> ${t("map.outline-alone")}</li>
          ${has("zones") ? ["denied", "restricted", "safe"].map((one) => html`<li key=${one}><span class=${`map-hatch map-hatch-${one}`} aria-hidden="true"></span> ${t(`map.zone-${one}`)}</li>`) : null}
          ${has("sites") ? html`<li><span class="map-site" aria-hidden="true"></span> ${t("map.site-buffer")}</li>` : null}
          ${has("conflicts") ? html`<li><span class="map-meet" aria-hidden="true">▲</span> ${t("map.type-conflict")}</li>` : null}
          <li><span aria-hidden="true">★</span> ${t("map.armed")}</li>
        </ul>
        <p class="map-datum">${t(state.areFeet ? "map.datum-feet" : "map.datum")}</p>`
      : null}
  </section>`;
}
