// The report itself, as this desk keeps it: what an officer compares the variants with.
//
// Invariants: it is shown to officers with the role for releases alone, and marked as staying here; where it has been
// replaced by a later version, that is said. Its tear lines are shown with what they claim to tell, since that is what
// decides with which shape they may go.
//
//     html`<${Original} report=${plan.report} version=${plan.version} />`
import { useLook } from "../../core/api.js";
import { html } from "../../core/dom.js";
import { formatNumber, t } from "../../core/words.js";
import { Badge, Looked } from "../../parts/notice.js";
import { Time } from "../../parts/time.js";
import { Words } from "../../parts/words.js";

/** @param {{ report: string, version: number }} props */
export function Original({ report, version }) {
  const looked = useLook(report ? "release-report" : null, { report, version: version || undefined }, { on: ["own", "awake"] });
  const found = looked.data;
  return html`<section class="panel release-original">
    <h3>${t("release.original")}</h3>
    <p><${Badge} kind="info">${t("release.stays")}</${Badge}> <${Words} text=${report} most=${60} /> · ${t("release.version", { version })}</p>
    <${Looked} of=${looked} />
    ${found === null ? null : html`<${Content} found=${found} />`}
  </section>`;
}

/** @param {{ found: any }} props */
function Content({ found }) {
  const one = found.report;
  const place = `${formatNumber(one.lat_e7 / 1e7, 5)}° N, ${formatNumber(one.lon_e7 / 1e7, 5)}° E`;
  return html`<div class="stack">
    ${found.is_newest ? null : html`<p><${Badge} kind="warn">${t("release.not-newest")}</${Badge}></p>`}
    <p>${t("release.marked")} <strong><${Words} text=${found.marking} /></strong></p>
    <dl class="facts release-facts">
      <dt>${t("release.place")}</dt><dd>${place} (${t("release.known-to", { metres: formatNumber(one.accuracy_m) })})</dd>
      <dt>${t("release.window")}</dt><dd><${Time} us=${one.moment_us} seconds=${true} /></dd>
      <dt>${t("release.height")}</dt><dd>${one.height_cm === null ? "—" : `${formatNumber(one.height_cm / 100)} m`}</dd>
      <dt>${t("release.what")}</dt><dd><${Words} text=${one.path.join(" › ")} /></dd>
      <dt>${t("release.from-source")}</dt><dd><${Words} text=${one.source} most=${60} /></dd>
      <dt>${t("release.theatre")}</dt><dd><${Words} text=${one.theatre} most=${60} /></dd>
      <dt>${t("release.text")}</dt>
      <dd>${one.tear_lines.map((/** @type {any} */ line) => html`<div key=${line.id}><strong><${Words} text=${line.id} most=${60} /></strong>
        <${Words} text=${line.text} as="block" /></div>`)}</dd>
      <dt>${t("release.fields")}</dt>
      <dd>${one.fields.map((/** @type {any} */ field) => html`<div key=${field.name}><${Words} text=${field.name} />: <${Words} text=${field.value} />
        ${field.claims === null ? html` <${Badge} kind="off">${t("release.private")}</${Badge}>` : null}</div>`)}</dd>
    </dl>
  </div>`;
}
