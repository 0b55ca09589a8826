// Talk: threads of the hotline, readouts to sign, and incidents: a list, and beside it what was chosen.
//
// Invariants: all state is in the address (thread, readout, incident, with, new, about, tab, q, owed); what is chosen
// does not move by itself; nothing is called said before it is in the record; what is shown is what is known now,
// wherever the time cursor stands, and that is said.
//
//     /talk?thread=aleppo      /talk?new=1&about=activity:sortie-7      /talk?readout=call-3      /talk?incident=shell-1
import { useLook } from "../../core/api.js";
import { useCursor } from "../../core/cursor.js";
import { html, useEffect, useMemo } from "../../core/dom.js";
import { useKeys } from "../../core/keys.js";
import { linkTo, route, setParams, useParam } from "../../core/route.js";
import { useSession } from "../../core/session.js";
import { t } from "../../core/words.js";
import { Choice } from "../../parts/form.js";
import { Badge, Empty, Looked } from "../../parts/notice.js";
import { parseAbout } from "./about.js";
import { listEntries, NAMES, Row, TABS } from "./entries.js";
import { Incident } from "./incident.js";
import { Propose } from "./propose.js";
import { Readout } from "./readout.js";
import { Report } from "./report.js";
import { SAID } from "./standing.js";
import { Back, NewThread, Thread } from "./thread.js";

/** What leads away from what is chosen. */
export const NOTHING = /** @type {const} */ ({ thread: null, readout: null, incident: null, new: null, about: null, with: null });
/** What can be begun here, by the verb that it needs. */
const BEGIN = /** @type {const} */ ([
  ["1", "say", "new-thread", "+"],
  ["readout", "propose-readout", "new-readout", "x r"],
  ["incident", "incident-report", "new-incident", "x i"],
]);

/** Put the focus where the answer is written, or else on what is shown. */
function goInto() {
  const pane = document.querySelector(".talk-pane");
  const first = pane?.querySelector(".talk-first") ?? pane?.querySelector("a, button, textarea");
  if (first instanceof HTMLElement) first.focus();
}

/** @param {{ name: string, asked: string, all: any }} props What the address names, or why it cannot be shown. */
function Chosen({ name, asked: key, all }) {
  const [about, isNew] = [parseAbout(useParam("about")), useParam("new")];
  const session = useSession();
  const beside = useParam("with");
  const [readouts, incidents] = [all.readouts, all.incidents];
  if (isNew === "readout" && session.may("propose-readout"))
    return readouts && html`<${Propose} key=${`propose-${beside}`} of=${readouts.find((/** @type {any} */ one) => one.id === beside)} all=${readouts} />`;
  if (isNew === "incident" && session.may("incident-report")) return incidents && html`<${Report} key="report" all=${incidents} />`;
  if (isNew === "1" && session.may("say")) return html`<${NewThread} key="new" name="" about=${about} threads=${all.threads ?? []} />`;
  if (!key) return html`<div class="talk-pane"><${Empty}>${t("talk.choose")}</${Empty}></div>`;
  if (name === "thread") {
    if (all.threads === null) return null;
    const row = all.threads.find((/** @type {any} */ one) => one.thread === key) ?? all.threads.find((/** @type {any} */ one) => one.id === key);
    if (row) return html`<${Thread} key=${row.thread} row=${row} about=${about} />`;
    return session.may("say")
      ? html`<${NewThread} key=${`new-${key}`} name=${key} about=${about} threads=${all.threads} />`
      : html`<div class="talk-pane"><${Empty}>${t("talk.no-such-thread")}</${Empty}></div>`;
  }
  const rows = name === "readout" ? readouts : incidents;
  if (rows === null) return null;
  const row = name === "readout"
    ? rows.find((/** @type {any} */ one) => one.id === key)
    : (rows.find((/** @type {any} */ one) => one.incident === key) ?? rows.find((/** @type {any} */ one) => one.id === key));
  if (!row) return html`<div class="talk-pane"><${Back} /><${Empty}>${t(`talk.no-such-${name}`)}</${Empty}></div>`;
  return name === "readout" ? html`<${Readout} key=${row.id} row=${row} all=${rows} />` : html`<${Incident} key=${row.incident} row=${row} />`;
}

/** @param {{ count: number }} props */
function Filters({ count }) {
  const [tab, q, owed] = [useParam("tab"), useParam("q"), useParam("owed")];
  return html`<div class="talk-filters no-print">
    <${Choice} label=${t("talk.which")} value=${tab} options=${["", ...TABS].map((value) => ({ value, label: t(`talk.${value || "all"}`) }))}
      onChange=${(/** @type {string} */ value) => setParams({ tab: value }, { replace: true })} />
    <label class="inline-check"><input type="checkbox" checked=${owed !== ""} onChange=${(/** @type {any} */ event) => setParams({ owed: event.currentTarget.checked ? "1" : null }, { replace: true })} /> ${t("talk.only-owed")}</label>
    <input type="search" class="talk-search" value=${q} aria-label=${t("talk.search")} placeholder=${t("talk.search")} maxlength="80"
      onInput=${(/** @type {any} */ event) => setParams({ q: event.currentTarget.value }, { replace: true })} />
    <span class="muted" role="status">${t("talk.count", { n: count })}</span>
  </div>`;
}

export default function TalkView() {
  const session = useSession();
  const cursor = useCursor();
  const [tab, q, owed] = [useParam("tab"), useParam("q"), useParam("owed")];
  const [thread, readout, incident, isNew] = [useParam("thread"), useParam("readout"), useParam("incident"), useParam("new")];
  const looks = [useLook("threads", {}, { on: SAID }), useLook("readouts", {}, { on: SAID }), useLook("incidents", {}, { on: SAID })];
  const all = { threads: looks[0].data, readouts: looks[1].data, incidents: looks[2].data };
  const groups = useMemo(
    () => listEntries(all, session.party, { tab, q, owed: owed !== "", party: "" }),
    [...looks.map((one) => one.data), tab, q, owed],
  );
  const entries = groups.flatMap((group) => group.entries);
  const name = thread ? "thread" : readout ? "readout" : incident ? "incident" : "";
  const chosen = thread || readout || incident;
  const isChosen = (/** @type {import("./entries.js").Entry} */ one) =>
    NAMES[one.tab] === name && (one.key === chosen || (one.row.id === chosen && !entries.some((other) => other.tab === one.tab && other.key === chosen)));
  const filters = { ...(tab ? { tab } : {}), ...(q ? { q } : {}), ...(owed ? { owed } : {}) };
  // Keys may come quicker than the screen is drawn: where the choice is, is asked of the address.
  const step = (/** @type {number} */ by) => {
    const { params } = route.get();
    const at = entries.findIndex((one) => params[NAMES[one.tab]] === one.key || params[NAMES[one.tab]] === one.row.id);
    const next = entries[at < 0 ? 0 : Math.min(entries.length - 1, Math.max(0, at + by))];
    if (next) setParams({ ...NOTHING, [NAMES[next.tab]]: next.key }, { replace: chosen !== "" });
  };
  const begin = BEGIN.filter(([, verb]) => session.may(verb));
  useEffect(() => {
    document.querySelector(".talk-row[aria-current]")?.scrollIntoView({ block: "nearest" });
  }, [chosen, entries.some(isChosen)]);
  useKeys(
    [
      { keys: "j / arrowdown", label: t("talk.next"), run: () => step(1), group: "talk" },
      { keys: "k / arrowup", label: t("talk.before"), run: () => step(-1), group: "talk" },
      { keys: "enter", label: t("talk.into"), run: () => (route.get().params["new"] || chosen ? goInto() : step(0)), group: "talk" },
      {
        keys: "escape", label: t("talk.back"), group: "talk",
        // The first Esc only leaves the field.
        run: (event) => event.target instanceof HTMLTextAreaElement || event.target instanceof HTMLInputElement || setParams(NOTHING),
      },
      ...begin.map(([value, , label, keys]) => ({ keys, label: t(`talk.${label}`), run: () => setParams({ ...NOTHING, new: value }), group: "talk" })),
    ],
    [entries.map((one) => one.key).join("\n"), chosen, begin.length],
  );
  return html`<div class="view talk">
    <header class="view-head"><h1>${t("shell.view-talk")}</h1>
      ${begin.map(([value, , label, keys]) => html`<button key=${value} type="button" class="no-print" onClick=${() => setParams({ ...NOTHING, new: value })}>${t(`talk.${label}`)} <kbd>${keys}</kbd></button>`)}
      <button type="button" class="quiet no-print" onClick=${() => window.print()}>${t("shell.print")}</button></header>
    ${cursor.isNow ? null : html`<p><${Badge} kind="info">${t("talk.as-now")}</${Badge}></p>`}
    <div class=${chosen || isNew ? "split split-chosen" : "split"}>
      <section class="talk-side" aria-label=${t("talk.list")}>
        <${Filters} count=${entries.length} />
        ${looks.map((one, at) => html`<${Looked} key=${at} of=${one} />`)}
        ${looks.every((one) => one.data !== null) && !entries.length ? html`<${Empty}>${t(tab || q || owed ? "talk.none-so" : "talk.none")}</${Empty}>` : null}
        ${groups.map((group) => html`<div key=${group.name} class="talk-group"><h2>${t(`talk.${group.name}`)} · ${group.entries.length}</h2>
          <ul class="talk-list">${group.entries.map((one) => html`<li key=${`${one.tab} ${one.key}`}>
            <a class=${`talk-row ${one.isUrgent && one.isOwed ? "talk-loud" : one.isOwed ? "talk-owed" : ""}`} aria-current=${isChosen(one) ? "true" : undefined}
              href=${linkTo("talk", { ...filters, [NAMES[one.tab]]: one.key })}><${Row} entry=${one} /></a></li>`)}</ul></div>`)}
      </section>
      <${Chosen} name=${name || "thread"} asked=${chosen} all=${all} />
    </div>
  </div>`;
}
