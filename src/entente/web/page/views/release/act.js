// A button of the gate: what the desk said of a plan is no "done", and is shown in the desk's own sentence.
//
// Invariants: one press, one act; a plan's state is never made to look further along than the desk says; only the
// verbs that end in a message take a token, so plans are sent without one (the plan's own digest guards them).
//
// It decides nothing.
//
//     html`<${GateButton} verb="release-send" body=${{ plan: 3, sha256 }} label=${t("release.approve")} />`
import { useAct } from "../../core/api.js";
import { html } from "../../core/dom.js";
import { tellOwn } from "../../core/live.js";
import { useSession } from "../../core/session.js";
import { t } from "../../core/words.js";
import { Badge, ErrorBox } from "../../parts/notice.js";
import { Party } from "../../parts/party.js";
import { Words } from "../../parts/words.js";

/** @typedef {"ok" | "warn" | "bad" | "info" | "quiet" | "off"} BadgeKind */

/** @type {Record<string, BadgeKind>} by the state of a plan, a question, a recall, a message */
const KINDS = {
  denied: "bad",
  planned: "warn",
  held: "info",
  stale: "warn",
  sending: "warn",
  recorded: "ok",
  refused: "bad",
  withdrawn: "off",
  open: "warn",
  granted: "ok",
  over: "off",
  recalled: "bad",
  delivered: "info",
  acknowledged: "ok",
  lapsed: "bad",
  unreadable: "bad",
};

/** @param {{ state: string }} props */
export function StateBadge({ state }) {
  return html`<${Badge} kind=${KINDS[state] ?? "warn"}>${t(`release.state-${state}`)}</${Badge}>`;
}

/**
 * @param {{ verb: string, body: object | (() => object | null), label: string, kind?: string, disabled?: boolean,
 *   hasToken?: boolean, onDone?: (answer: any) => void }} props `hasToken`: the verb ends in a message.
 */
export function GateButton({ verb, body, label, kind = "", disabled = false, hasToken = false, onDone }) {
  const act = useAct(verb);
  const session = useSession();
  const run = async () => {
    const made = typeof body === "function" ? body() : body;
    if (made === null) return;
    const answer = await act.run(hasToken ? made : { token: undefined, ...made });
    if (answer === null) return;
    tellOwn();
    onDone?.(answer);
  };
  const isAllowed = session.may(verb);
  const told = act.answer === null ? [] : Array.isArray(act.answer) ? act.answer : [act.answer];
  return html`<div class="release-act">
    <button
      type="button"
      class=${kind}
      disabled=${disabled || act.isBusy || !isAllowed}
      aria-busy=${act.isBusy}
      onClick=${run}
    >
      ${label}
    </button>
    ${isAllowed ? null : html`<span class="muted">${t("release.not-yours")}</span>`}
    ${act.isBusy ? html`<span role="status">${t("shell.on-its-way")}</span>` : null}
    <${ErrorBox} error=${act.error} />
    ${told.map(
      (one, at) =>
        html`<p key=${at} role="status">
          ${one.of && one.party ? html`<${Party} id=${one.party} /> ` : null}${one.state ? html`<${StateBadge} state=${one.state} /> ` : null}<${Words} text=${one.words} most=${400} />
        </p>`,
    )}
  </div>`;
}
