// The way to the views, with how much waits in each.
import { html } from "../../core/dom.js";
import { linkTo, VIEWS } from "../../core/route.js";
import { t } from "../../core/words.js";
import { Icon } from "../../parts/icons.js";
import { useDueCount, useUrgentCount } from "../inbox/banner.js";

const DUE = /** @type {Record<string, readonly string[]>} */ ({
  conflicts: ["conflict", "confrontation"],
  release: ["release"],
  blind: ["blind"],
  terms: ["agreement"],
  talk: ["readout", "incident"],
});

/** @param {{ pulse: any, view: string }} props */
export function Rail({ pulse, view }) {
  const due = /** @type {Record<string, number>} */ (pulse?.due ?? {});
  // The same count as the list's, where a reminder stands with its thing.
  const listed = useDueCount();
  const urgent = useUrgentCount();
  const count = (/** @type {string} */ name) =>
    name === "inbox"
      ? (listed ?? Object.values(due).reduce((sum, one) => sum + one, 0))
      : (DUE[name] ?? []).reduce((sum, kind) => sum + (due[kind] ?? 0), 0);
  return html`<nav class="rail" aria-label=${t("shell.views")}>
    ${VIEWS.map((name) => {
      const n = count(name);
      const isBad = name === "inbox" ? urgent > 0 : name === "conflicts" && n > 0;
      return html`${name === "help" ? html`<span class="rail-gap"></span>` : null}
        <a key=${name} href=${linkTo(name)} aria-current=${name === view ? "page" : undefined}>
          <${Icon} name=${name} />
          <span>${t(`shell.view-${name}`)}</span>
          ${n ? html`<span class=${`count ${isBad ? "count-bad" : ""}`} title=${t("shell.due", { n })}>${n > 999 ? "999+" : n}</span>` : null}
        </a>`;
    })}
  </nav>`;
}
