// What has been given away: by secret and pool, charge by charge; and what is on the shelves.
//
// Invariants: a charge is never given back and never hidden; what is saved as a file holds every charge, not the newest
// page, or is not saved; the shelves are shown by name only.
//
//     /release?tab=ledger&who=ru&secret=post-site&pool=ru
import { look, useLook } from "../../core/api.js";
import { html, useState } from "../../core/dom.js";
import { setParams, useParam } from "../../core/route.js";
import { clean } from "../../core/safe.js";
import { useSession } from "../../core/session.js";
import { formatNumber, t } from "../../core/words.js";
import { ExportMenu, saveFile, toCsv } from "../../parts/export.js";
import { Choice } from "../../parts/form.js";
import { Badge, Empty, Looked } from "../../parts/notice.js";
import { Party } from "../../parts/party.js";
import { Table } from "../../parts/table.js";
import { Time } from "../../parts/time.js";
import { Words } from "../../parts/words.js";
import { BeliefSteps, percent } from "./belief.js";

/** @param {{ one: any }} props */
function Learned({ one }) {
  return html`<li class="panel">
    <h3><${Words} text=${one.secret} most=${60} /> · <${Words} text=${one.pool} most=${60} /></h3>
    <p><${Words} text=${one.words} most=${500} /></p>
    <svg class="release-meter" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
      <rect class="release-meter-all" width="100" height="4" /><rect class="release-bar-after" width=${Math.min(100, one.chance_percent)} height="4" />
      <line class="release-budget release-budget-thin" x1=${one.budget_percent} x2=${one.budget_percent} y1="0" y2="4" />
    </svg>
    <p>
      ${t("release.learned", {
        n: one.releases, releases: formatNumber(one.releases), prior: percent(one.prior_percent), chance: percent(one.chance_percent),
        budget: percent(one.budget_percent),
      })}
      ${" "}<button type="button" class="link-button"
        onClick=${() => setParams({ tab: "ledger", secret: one.secret, pool: one.pool })}>${t("release.step-by-step")}</button>
    </p>
  </li>`;
}

/** @param {{ secret: string, pool: string }} props */
function Belief({ secret, pool }) {
  const found = useLook("release-belief", { secret, pool });
  return html`<section class="panel">
    <div class="row">
      <h2><${Words} text=${secret} most=${60} /> · <${Words} text=${pool} most=${60} /></h2>
      <button type="button" onClick=${() => setParams({ secret: null, pool: null })}>${t("shell.close")}</button>
    </div>
    <${Looked} of=${found} />
    ${found.data ? html`<${BeliefSteps} belief=${found.data} />` : null}
  </section>`;
}

function Check() {
  const found = useLook("release-check");
  if (!found.data) return html`<${Looked} of=${found} />`;
  const { is_sound, charges, faults } = found.data;
  return html`<div class="stack">
    <p>${is_sound
      ? html`<${Badge} kind="ok">${t("release.sound", { n: charges, charges: formatNumber(charges) })}</${Badge}>`
      : html`<${Badge} kind="bad">${t("release.unsound")}</${Badge}>`}</p>
    ${faults.map((/** @type {string} */ one, /** @type {number} */ at) => html`<p key=${at}><${Words} text=${one} most=${400} /></p>`)}
  </div>`;
}

const chargeColumns = () => [
  { key: "id", label: t("release.number"), isNumber: true, width: "4rem", get: (/** @type {any} */ row) => row.id },
  {
    key: "at", label: t("release.made"), get: (/** @type {any} */ row) => row.at,
    render: (/** @type {any} */ row) => html`<${Time} iso=${row.at} local=${false} />`,
  },
  {
    key: "secret", label: t("release.secret"), get: (/** @type {any} */ row) => row.secret,
    render: (/** @type {any} */ row) => html`<${Words} text=${row.secret} most=${40} />`,
  },
  {
    key: "pool", label: t("release.pool"), get: (/** @type {any} */ row) => row.pool,
    render: (/** @type {any} */ row) => html`<${Words} text=${row.pool} most=${40} />`,
  },
  {
    key: "report", label: t("release.report"), get: (/** @type {any} */ row) => row.report,
    render: (/** @type {any} */ row) => html`<${Words} text=${row.report} most=${40} />`,
  },
  {
    key: "before", label: t("release.bar-before"), isNumber: true, get: (/** @type {any} */ row) => row.before_percent,
    render: (/** @type {any} */ row) => percent(row.before_percent),
  },
  {
    key: "after", label: t("release.bar-after"), isNumber: true, get: (/** @type {any} */ row) => row.after_percent,
    render: (/** @type {any} */ row) => percent(row.after_percent),
  },
  {
    key: "worst", label: t("release.bar-worst"), isNumber: true, get: (/** @type {any} */ row) => row.worst_percent,
    render: (/** @type {any} */ row) => percent(row.worst_percent),
  },
];

/** Of one page, and of how many pages at most: a file of half a million charges is no spreadsheet any more. */
const [PAGE, MOST_PAGES] = [500, 1000];

const exportColumns = () =>
  ["id", "at", "secret", "pool", "recipient", "theatre", "report", "plan", "leaf", "before_percent", "after_percent", "worst_percent", "bits"].map(
    (key) => ({ key, label: key, get: (/** @type {any} */ row) => row[key] ?? "" }),
  );
const learnedColumns = () =>
  ["secret", "pool", "members", "releases", "prior_percent", "chance_percent", "budget_percent", "bits", "last_at", "words"].map(
    (key) => ({ key, label: key, get: (/** @type {any} */ row) => (Array.isArray(row[key]) ? row[key].join(" ") : row[key]) }),
  );

/** @param {string} recipient @returns {Promise<any[]>} Every charge, the newest first. */
async function fetchCharges(recipient) {
  const all = [];
  let before = 0;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const found = await look("release-ledger", { recipient, limit: PAGE, before });
    all.push(...found.charges);
    before = found.before;
    if (!before) return all;
  }
  throw new Error(t("release.too-many-charges", { n: formatNumber(all.length) }));
}

/** @param {{ who: string, learned: readonly any[] }} props */
function Save({ who, learned }) {
  const [fault, setFault] = useState("");
  const name = who || "all";
  const saveCharges = async () => {
    setFault("");
    try {
      saveFile(`release-charges-${name}.csv`, "text/csv", toCsv(exportColumns(), await fetchCharges(who)));
    } catch (error) {
      setFault(error instanceof Error ? error.message : String(error));
    }
  };
  return html`<div>
    <${ExportMenu} items=${[
      { label: t("release.charges-csv"), run: saveCharges },
      { label: t("release.learned-csv"), run: () => saveFile(`release-learned-${name}.csv`, "text/csv", toCsv(learnedColumns(), learned)) },
    ]} />
    ${fault ? html`<p role="alert"><${Badge} kind="bad">${t("release.not-saved")}</${Badge}> <bdi>${clean(fault, 400)}</bdi></p>` : null}
  </div>`;
}

export function Ledger() {
  const session = useSession();
  const [secret, pool, sort, who] = [useParam("secret"), useParam("pool"), useParam("sort"), useParam("who")];
  const found = useLook("release-ledger", { recipient: who, limit: PAGE });
  const { learned = [], charges = [], traffic = [], before = 0 } = found.data ?? {};
  const others = session.parties.filter((one) => one.party !== session.party);
  return html`<div class="stack release-scroll">
    <div class="row">
      <${Choice} label=${t("release.whose")} value=${who} onChange=${(/** @type {string} */ next) => setParams({ who: next || null, secret: null, pool: null })}
        options=${[{ value: "", label: t("release.everybody") }, ...others.map((one) => ({ value: one.party, label: one.party }))]} />
      <${Save} who=${who} learned=${learned} />
    </div>
    <p>${t("release.ledger-hint")}</p>
    <${Check} />
    <${Looked} of=${found} />
    ${secret && pool ? html`<${Belief} key=${`${secret}/${pool}`} secret=${secret} pool=${pool} />` : null}
    ${found.data && !learned.length ? html`<${Empty}>${t("release.no-ledger")}</${Empty}>` : null}
    <ul class="release-cards">${learned.map((/** @type {any} */ one, /** @type {number} */ at) => html`<${Learned} key=${at} one=${one} />`)}</ul>
    ${charges.length
      ? html`<h2>${t("release.charges")}</h2>
          ${before ? html`<p><${Badge} kind="warn">${t("release.only-newest", { n: charges.length })}</${Badge}></p>` : null}
          <div class="release-charges"><${Table} label=${t("release.charges")} rows=${charges} columns=${chargeColumns()} sort=${sort}
            onSort=${(/** @type {string} */ next) => setParams({ sort: next }, { replace: true })}
            rowKey=${(/** @type {any} */ row) => String(row.id)}
            card=${(/** @type {any} */ row) => html`<div><strong>${row.id}</strong> <${Words} text=${row.secret} most=${30} /> ·
              ${" "}<${Words} text=${row.pool} most=${30} /><div>${percent(row.before_percent)} → ${percent(row.after_percent)}</div></div>`} /></div>`
      : null}
    ${traffic.length
      ? html`<h2>${t("release.traffic")}</h2><p class="muted">${t("release.traffic-hint")}</p>
          <ul class="release-list">${traffic.map(
            (/** @type {any} */ one, /** @type {number} */ at) => html`<li key=${at}><${Party} id=${one.recipient} /> ·
              ${" "}<${Words} text=${one.kind} most=${60} />: ${formatNumber(one.messages)} · ${formatNumber(one.size_bytes)} B</li>`,
          )}</ul>`
      : null}
  </div>`;
}

const shelfColumns = () => [
  { key: "shelf", label: t("release.shelf"), get: (/** @type {any} */ row) => t(`release.shelf-${row.shelf}`) },
  {
    key: "name", label: t("release.name"), get: (/** @type {any} */ row) => row.name,
    render: (/** @type {any} */ row) => html`<${Words} text=${row.name} most=${60} />`,
  },
  { key: "version", label: t("release.version-short"), isNumber: true, get: (/** @type {any} */ row) => row.version },
  {
    key: "officer", label: t("release.officer"), get: (/** @type {any} */ row) => row.officer,
    render: (/** @type {any} */ row) => html`<${Words} text=${row.officer} most=${40} />`,
  },
  {
    key: "at", label: t("release.made"), get: (/** @type {any} */ row) => row.at,
    render: (/** @type {any} */ row) => html`<${Time} iso=${row.at} local=${false} />`,
  },
  {
    key: "plan", label: "",
    render: (/** @type {any} */ row) => row.shelf === "report"
      ? html`<button type="button" class="link-button" onClick=${() => setParams({ new: "1", report: row.name })}>${t("release.compose")}</button>`
      : null,
  },
];

export function Shelves() {
  const sort = useParam("sort");
  const found = useLook("release-shelf");
  const rows = found.data ?? [];
  return html`<div class="stack release-scroll">
    <p>${t("release.shelves-hint")}</p>
    <${Looked} of=${found} />
    ${found.data && !rows.length
      ? html`<${Empty}>${t("release.no-shelves")}</${Empty}>`
      : html`<div class="release-charges"><${Table} label=${t("release.shelves")} rows=${rows} columns=${shelfColumns()} sort=${sort}
          onSort=${(/** @type {string} */ next) => setParams({ sort: next }, { replace: true })}
          rowKey=${(/** @type {any} */ row) => `${row.shelf}/${row.name}`}
          card=${(/** @type {any} */ row) => html`<div>${t(`release.shelf-${row.shelf}`)} · <${Words} text=${row.name} most=${50} />
            <div>${shelfColumns()[5]?.render?.(row)}</div></div>`} /></div>`}
  </div>`;
}
