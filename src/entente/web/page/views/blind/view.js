// Blind checks: rules with each partner, what each side may ask and has asked, the plan, and how each run ended.
//
// Invariants: CLEAR, CONFLICT and INVALID differ in word, shape and colour, and INVALID never looks like CLEAR; an
// answer that has not ended has no verdict; CLEAR is said of what both had committed to, in its epoch, and of one
// that is past it is said that it is past; nothing is checked, agreed or opened without a button that says so.
import { useLook } from "../../core/api.js";
import { html, useState } from "../../core/dom.js";
import { linkTo, setParams, useParam } from "../../core/route.js";
import { useSession } from "../../core/session.js";
import { deskNowMs } from "../../core/time.js";
import { formatNumber, t, tx } from "../../core/words.js";
import { ActButton } from "../../parts/dialog.js";
import { saveFile } from "../../parts/export.js";
import { Badge, Empty, Looked } from "../../parts/notice.js";
import { Party } from "../../parts/party.js";
import { Time } from "../../parts/time.js";
import { Words } from "../../parts/words.js";
import { Addition } from "./addition.js";
import { Propose } from "./propose.js";

const SHAPES = /** @type {Record<string, string>} */ ({ CLEAR: "✓", CONFLICT: "■", INVALID: "⊘" });

/** @param {{ run: any, isPast: boolean }} props */
function Verdict({ run, isPast }) {
  if (!SHAPES[run.verdict]) return html`<span class="verdict verdict-open">… ${t("blind.not-ended")}</span>`;
  const isStale = isPast && run.verdict === "CLEAR";
  return html`<span class=${`verdict verdict-${run.verdict.toLowerCase()} ${isStale ? "verdict-stale" : ""}`}
    ><span aria-hidden="true">${SHAPES[run.verdict]}</span> ${run.verdict}${isStale ? ` · ${t("blind.past")}` : ""}</span>`;
}

/** @param {{ label: string, used: number, allowed: number }} props */
function Bar({ label, used, allowed }) {
  const words = t("blind.used-of", { used: formatNumber(used), allowed: formatNumber(allowed) });
  return html`<div class="budget"><span>${label}</span>
    <progress max=${Math.max(1, allowed)} value=${Math.min(used, allowed)} aria-label=${`${label}: ${words}`}></progress><span>${words}</span></div>`;
}

/** @param {{ usage: any }} props What one side has asked for: the most that it can have learnt. */
function Usage({ usage }) {
  const { allowed } = usage;
  return html`<div class="stack"><p>${tx("blind.asks", { party: html`<${Party} id=${usage.asker} />`, epoch: usage.epoch })}</p>
    <${Bar} label=${t("blind.whole-cells")} used=${usage.whole_cells} allowed=${allowed.whole_cells} />
    <${Bar} label=${t("blind.whole-runs")} used=${usage.whole_runs} allowed=${allowed.whole_runs} />
    <${Bar} label=${t("blind.delta-cells")} used=${usage.delta_cells} allowed=${allowed.delta_cells} />
    <${Bar} label=${t("blind.matches")} used=${usage.matches} allowed=${allowed.matches} />
  </div>`;
}

/** @param {{ id: string }} props */
function Explain({ id }) {
  const looked = useLook("blind-explain", { rules: id }, { on: [] });
  if (looked.data === null) return html`<${Looked} of=${looked} />`;
  return html`<div class="stack">${looked.data.modes.map((/** @type {any} */ mode) => html`<section key=${mode.mode}><h4>${t(`blind.mode-${mode.mode}`)}</h4>
      <dl class="facts"><dt><${Party} id=${looked.data.partner} /></dt><dd><${Words} text=${mode.partner} most=${1500} /></dd>
        <dt>${t("blind.center")}</dt><dd><${Words} text=${mode.center} most=${1500} /></dd>
        <dt>${t("blind.others")}</dt><dd><${Words} text=${mode.others} most=${1500} /></dd>
        <dt>${t("blind.auditor")}</dt><dd><${Words} text=${mode.auditor} most=${1500} /></dd></dl></section>`)}
    <h4>${t("blind.cannot")}</h4><ul class="plain-list">${looked.data.cannot.map((/** @type {string} */ words) => html`<li key=${words}>▲ <${Words} text=${words} most=${600} /></li>`)}</ul>
  </div>`;
}

/** @param {{ rules: any }} props What an auditor needs of our part, as a file; asked twice, since it is our plan. */
function Opening({ rules }) {
  const [isSure, setSure] = useState(false);
  const [epoch, setEpoch] = useState(String(Math.max(0, rules.epoch)));
  return html`<details class="no-print"><summary>${t("blind.open")}</summary><div class="stack">
    <p>${tx("blind.open-what", { auditor: html`<${Party} id=${rules.rules.auditor} />` })}</p>
    <label class="inline-field"><span>${t("blind.open-epoch")}</span><input type="number" min="0" max=${Math.max(0, rules.epoch)} value=${epoch}
      onInput=${(/** @type {any} */ event) => setEpoch(event.currentTarget.value)} /></label>
    <label><input type="checkbox" checked=${isSure} onChange=${(/** @type {any} */ event) => setSure(event.currentTarget.checked)} /> ${t("blind.open-sure")}</label>
    <${ActButton} verb="blind-open" kind="danger" disabled=${!isSure || !/^\d{1,4}$/.test(epoch)} body=${{ rules: rules.id, epoch: Number(epoch) }} label=${t("blind.open-make")}
      onDone=${(/** @type {any} */ answer) => saveFile(`opening-${rules.id}-${answer.epoch}.json`, "application/json", answer.opening)} />
  </div></details>`;
}

/** @param {{ rules: any, usages: any[], holdings: any[], names: readonly string[] }} props */
function Rules({ rules, usages, holdings, names }) {
  const session = useSession();
  const [isOpen, setOpen] = useState(false);
  const [reason, setReason] = useState("");
  const isTheirs = rules.state === "proposed" && rules.proposed_by !== session.party;
  const isCommitted = holdings.length === 2 && holdings.every((one) => one.state === "committed");
  return html`<section class="panel">
    <header class="row"><h2><bdi>${rules.id}</bdi></h2> <${Party} id=${rules.partner} name=${true} />
      <${Badge} kind=${rules.state === "agreed" ? "ok" : rules.state === "proposed" ? "warn" : "quiet"}>${t(`blind.rules-${rules.state}`)}</${Badge}>
      ${rules.epoch >= 0 ? html`<span class="muted">${t("blind.epoch", { n: rules.epoch, hours: rules.rules.epoch_h })}</span>` : null}</header>
    ${rules.reason ? html`<p><${Words} text=${rules.reason} /></p>` : null}
    ${rules.in_default.length ? html`<p>▲ ${t("blind.in-default")} <${Words} text=${rules.in_default.join(", ")} /></p>` : null}
    ${isTheirs ? html`<div class="stack">
        <${ActButton} verb="blind-agree" kind="primary" body=${{ id: rules.id, sha256: rules.sha256 }} label=${t("blind.agree")} />
        <label class="field"><span>${t("blind.reason")}</span><input value=${reason} onInput=${(/** @type {any} */ event) => setReason(event.currentTarget.value)} /></label>
        <${ActButton} verb="blind-refuse" disabled=${!reason.trim()} body=${{ id: rules.id, reason }} label=${t("blind.refuse")} />
      </div>` : null}
    ${holdings.map((one) => html`<p key=${one.party}><${Party} id=${one.party} />: ${t(`blind.holding-${one.state}`, { n: formatNumber(one.size) })} ${one.words ? html`<${Words} text=${one.words} />` : null}</p>`)}
    ${rules.state === "agreed" ? html`<div class="row no-print">
        <${ActButton} verb="blind-prepare" body=${{ rules: rules.id, wait_s: 1 }} label=${t("blind.prepare")} />
        ${rules.rules.modes.map((/** @type {string} */ mode) => html`<${ActButton} key=${mode} verb="blind-check" disabled=${!isCommitted}
          body=${{ rules: rules.id, kind: mode === "exact" ? "whole" : mode, wait_s: 1 }} label=${t(`blind.check-${mode}`)} />`)}
        ${session.may("blind-end") ? html`<${ActButton} verb="blind-end" kind="danger" body=${{ id: rules.id }} label=${t("blind.end")} />` : null}
      </div>${!isCommitted ? html`<p class="muted">${t("blind.first-prepare")}</p>`
        : rules.rules.modes.includes("exact") && session.may("blind-check") ? html`<${Addition} rules=${rules.id} names=${names} />` : null}` : null}
    ${usages.map((one) => html`<${Usage} key=${one.asker} usage=${one} />`)}
    <details onToggle=${(/** @type {any} */ event) => setOpen(event.currentTarget.open)}><summary>${t("blind.learns")}</summary>${isOpen ? html`<${Explain} id=${rules.id} />` : null}</details>
    ${rules.rules.auditor && rules.epoch >= 0 && session.may("blind-open") ? html`<${Opening} rules=${rules} />` : null}
  </section>`;
}

/** @param {any} box @returns {string} Where the map shows a cell: its middle, near enough. */
function placeBox(box) {
  const wide = box.west_deg > box.east_deg ? box.east_deg + 360 - box.west_deg : box.east_deg - box.west_deg;
  const lon = box.west_deg + wide / 2;
  const zoom = Math.max(2, Math.min(11, Math.log2(180 / Math.max(wide, box.north_deg - box.south_deg, 0.01))));
  return `${((box.south_deg + box.north_deg) / 2).toFixed(4)},${(lon > 180 ? lon - 360 : lon).toFixed(4)},${zoom.toFixed(1)}`;
}

/** @param {{ number: string, epochs: ReadonlyMap<string, number> }} props One run, with every cell that met. */
function Run({ number, epochs }) {
  const looked = useLook("blind-run", { run: number });
  const zoom = useLook(looked.data?.verdict === "CONFLICT" && looked.data.kind === "whole" ? "blind-zoomed" : null, { run: number });
  if (looked.data === null) return html`<section class="panel"><${Looked} of=${looked} /></section>`;
  const run = looked.data;
  return html`<section class="panel" aria-label=${t("blind.run", { n: run.run })}>
    <header class="row"><h2>${t("blind.run", { n: run.run })}</h2><button type="button" class="quiet" onClick=${() => setParams({ run: null })}>✕ ${t("shell.close")}</button></header>
    <p><${Verdict} run=${run} isPast=${epochs.get(run.rules) !== run.epoch} /></p>
    ${run.verdict ? html`<p>${t(`blind.means-${run.verdict}`)}</p>` : null}
    ${run.words ? html`<p>${run.code ? html`<code>${run.code}</code> ` : null}<${Words} text=${run.words} most=${600} /></p>` : null}
    <p>${t("blind.learnt", { n: formatNumber(run.bucket) })}</p>
    ${run.conflicts.map((/** @type {any} */ one) => html`<section key=${one.item}><h3><bdi>${one.item}</bdi> · ${t("blind.cells", { n: one.cells })}</h3>
      ${one.added_later ? html`<p>▲ ${t("blind.added-later")}</p>` : null}
      <ul class="plain-list">${one.boxes.slice(0, 20).map((/** @type {any} */ box, /** @type {number} */ at) => html`<li key=${at}>
        <a href=${linkTo("map", { at: placeBox(box) })}>${box.south_deg.toFixed(3)}°…${box.north_deg.toFixed(3)}°, ${box.west_deg.toFixed(3)}°…${box.east_deg.toFixed(3)}°</a> ·
        ${box.floor_m === null ? "−∞" : formatNumber(box.floor_m)}…${box.ceiling_m === null ? "∞" : formatNumber(box.ceiling_m)} m ·
        <${Time} iso=${box.start} short=${true} local=${false} />…<${Time} iso=${box.end} short=${true} local=${false} /></li>`)}</ul>
      ${one.cells > 20 ? html`<p class="muted">${t("blind.more-cells", { n: one.cells - Math.min(20, one.boxes.length) })}</p>` : null}</section>`)}
    ${zoom.data ? html`<section><h3>${t("blind.zoom")}</h3><p>${t(`blind.zoom-${zoom.data.state}`)} <${Words} text=${zoom.data.words} most=${600} /></p>
      <p class="muted">${t("blind.zoom-binds")}</p>
      ${/^(none|asked)$/.test(zoom.data.state) ? html`<${ActButton} verb="blind-zoom" body=${{ run: run.run, wait_s: 1 }} label=${t("blind.zoom-offer")} />` : null}</section>` : null}
  </section>`;
}

export default function BlindView() {
  const { may } = useSession();
  const rules = useLook("blind-rules");
  const runs = useLook("blind-runs");
  const budget = useLook("blind-budget");
  const items = useLook("blind-items", { limit: 200 });
  const chosen = useParam("run");
  const epochs = new Map((rules.data ?? []).map((/** @type {any} */ one) => [one.id, one.epoch]));
  const work = runs.data?.work;
  return html`<div class="view">
    <header class="view-head"><h1>${t("blind.title")}</h1></header>
    <p>${t("blind.what")}</p>
    ${work ? html`<p role="status"><${Badge} kind="info">${t("blind.working")}</${Badge}> <${Words} text=${work.what} />
      <progress max=${work.all || undefined} value=${work.all ? work.done : undefined} aria-label=${t("blind.working")}></progress></p>` : null}
    <${Looked} of=${rules} />
    ${rules.data !== null && !rules.data.length ? html`<${Empty}>${t("blind.no-rules")}</${Empty}>` : null}
    ${(rules.data ?? []).map((/** @type {any} */ one) => html`<${Rules} key=${one.id} rules=${one}
      usages=${(budget.data?.usages ?? []).filter((/** @type {any} */ usage) => usage.rules === one.id)}
      holdings=${(runs.data?.holdings ?? []).filter((/** @type {any} */ holding) => holding.rules === one.id)}
      names=${(items.data?.items ?? []).map((/** @type {any} */ item) => item.name)} />`)}
    ${rules.data !== null && may("blind-propose") ? html`<${Propose} taken=${rules.data.map((/** @type {any} */ one) => one.id)} />` : null}
    <section class="panel"><h2>${t("blind.plan")}</h2><${Looked} of=${items} />
      ${items.data ? html`<p>${t("blind.items", { n: items.data.count })}</p><p>${items.data.items.map((/** @type {any} */ one) => html`<bdi key=${one.name} class="item-name">${one.name}</bdi> `)}</p>` : null}
      <${ActButton} verb="blind-plan" body=${{ from_plans: ["*"] }} label=${t("blind.take-plans")} /></section>
    ${chosen ? html`<${Run} key=${chosen} number=${chosen} epochs=${epochs} />` : null}
    <section class="panel"><h2>${t("blind.runs")}</h2><${Looked} of=${runs} />
      ${runs.data && !runs.data.runs.length ? html`<${Empty}>${t("blind.no-runs")}</${Empty}>` : null}
      <ul class="plain-list">${(runs.data?.runs ?? []).map((/** @type {any} */ run) => html`<li key=${run.run} class="row">
        <a href=${linkTo("blind", { run: String(run.run) })}>${t("blind.run", { n: run.run })}</a>
        <${Verdict} run=${run} isPast=${epochs.get(run.rules) !== run.epoch} />
        <${Party} id=${run.partner} /> <span>${t(`blind.kind-${run.kind}`)}</span> <bdi>${run.rules}</bdi>
        <${Time} iso=${run.since} short=${true} local=${false} />
        ${run.is_ours ? null : html`<span class="muted">${t("blind.theirs")}</span>`}</li>`)}</ul>
      ${budget.data ? html`<${Bar} label=${t("blind.theatre")} used=${budget.data.theatre_cells} allowed=${budget.data.theatre_allowed} />` : null}
      <p class="muted">${tx("blind.as-of", { time: html`<${Time} ms=${runs.at_ms || deskNowMs()} seconds=${true} />` })}</p></section>
    <p class="no-print"><a class="button" href=${linkTo("map", { draw: "notify" })}>${t("blind.notify")}</a></p>
  </div>`;
}
