// The head of every paper that is printed from the page: who printed what, when, and how it can be checked.
//
// Invariants: a paper says of which moment it is and how much was known; the record's size and root are those that
// this page summed up itself, and where it could not, that is said; an exercise is called one.
import { useCursor } from "../../core/cursor.js";
import { html } from "../../core/dom.js";
import { route } from "../../core/route.js";
import { clean } from "../../core/safe.js";
import { useSession } from "../../core/session.js";
import { useStore } from "../../core/store.js";
import { deskNowMs } from "../../core/time.js";
import { verification } from "../../core/verification.js";
import { formatNumber, t, tx } from "../../core/words.js";
import { paper } from "../../parts/paper.js";
import { Time } from "../../parts/time.js";

/** @param {import("../../core/cursor.js").Cursor} cursor */
function sayKnown(cursor) {
  const time = html`<${Time} ms=${cursor.at_ms} seconds=${true} />`;
  if (cursor.isNow) return t("shell.paper-now");
  if (cursor.isThen) {
    return tx("shell.paper-then", { time, entries: cursor.at_size === null ? "?" : formatNumber(cursor.at_size) });
  }
  return tx(cursor.at_ms > deskNowMs() ? "shell.paper-ahead" : "shell.paper-moment", { time });
}

/** @param {{ found: import("../../core/verification.js").Verification }} props */
function RecordHead({ found }) {
  // SECURITY: tests/browser/test_page_paper.py: a head that was not checked is not printed as one that was.
  if (found.state === "failed") return html`<strong>■ ${t("shell.check-failed")}</strong>`;
  if (found.state !== "checked" || !found.root) return html`▲ ${t("shell.paper-unchecked")}`;
  return html`${t("shell.paper-record", { n: found.size, count: formatNumber(found.size) })} <code>${found.root}</code>
    <div>${t("shell.paper-check")}</div>
    <div>${t("shell.paper-charter")} <code>${clean(found.fingerprint, 60)}</code></div>`;
}

/** @param {{ view: string }} props */
export function PaperHead({ view }) {
  const session = useSession();
  const printing = useStore(paper);
  const found = useStore(verification);
  const { params } = useStore(route);
  const cursor = useCursor();
  if (printing === null) return null;
  const asked = Object.entries(params).filter(([name]) => !["t", "known", "from", "until", "lanes", "theme"].includes(name));
  return html`<section class="paper-head" aria-label=${t("shell.paper")}>
    <p class="paper-title"><strong>entente · ${t(`shell.view-${view}`)}</strong>
      ${session.exercise ? html` <span class="paper-exercise">${t("shell.exercise")}</span>` : null}
      ${session.demo ? html` <span class="paper-exercise">${t("shell.demo")}</span>` : null}</p>
    <dl class="facts">
      <dt>${t("shell.paper-desk")}</dt>
      <dd><bdi>${clean(session.party_name || session.party, 60)}</bdi> (${clean(session.party, 30)}), <bdi>${clean(session.center_name, 60)}</bdi></dd>
      <dt>${t("shell.paper-printed")}</dt>
      <dd><${Time} ms=${printing.at_ms} seconds=${true} /> · <bdi>${clean(session.name || session.officer, 60)}</bdi> (<bdi>${clean(session.officer, 40)}</bdi>)</dd>
      <dt>${t("shell.paper-shows")}</dt>
      <dd>${sayKnown(cursor)}</dd>
      ${asked.length
        ? html`<dt>${t("shell.paper-asked")}</dt><dd><bdi>${clean(asked.map(([name, value]) => `${name}: ${value}`).join(" · "), 400)}</bdi></dd>`
        : null}
      <dt>${t("shell.view-record")}</dt>
      <dd><${RecordHead} found=${found} /></dd>
    </dl>
    <p>${t("shell.paper-stays")}</p>
  </section>`;
}
