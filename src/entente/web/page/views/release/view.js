// Release: who may know what, in which form, and what it teaches them.
//
// Invariants: all state is in the address (tab, item, made, why, sort, as, who, secret, pool, propose; new with report, to,
// purpose, line); nothing leaves by looking or by planning; an officer who may not look is told so and asks for nothing.
//
//     /release?tab=plans&item=3      /release?tab=as&as=ru
import { html } from "../../core/dom.js";
import { useKeys } from "../../core/keys.js";
import { linkTo, setParams, useParam } from "../../core/route.js";
import { useSession } from "../../core/session.js";
import { t } from "../../core/words.js";
import { Empty } from "../../parts/notice.js";
import { AsPartner } from "./as.js";
import { Compose } from "./compose.js";
import { Items } from "./items.js";
import { Ledger, Shelves } from "./ledger.js";
import { Plans } from "./plans.js";
import { Rules } from "./rules.js";

const TABS = /** @type {Record<string, any>} */ ({
  plans: Plans,
  items: Items,
  ledger: Ledger,
  as: AsPartner,
  rules: Rules,
  shelves: Shelves,
});
/** What is asked for without the role for releases. */
const OPEN_TABS = new Set(["items", "rules"]);

/** @param {string} item What a link from elsewhere names: a plan by number, a message by its hash, rules by name. */
function findTab(item) {
  if (/^[0-9a-f]{64}$/.test(item)) return "items";
  return item && !/^[0-9]+$/.test(item) ? "rules" : "plans";
}

export default function ReleaseView() {
  const session = useSession();
  const [tabAsked, item] = [useParam("tab"), useParam("item")];
  const asked = tabAsked || findTab(item);
  const isNew = useParam("new") !== "";
  const isGate = session.may("release-plans");
  const names = Object.keys(TABS).filter((name) => isGate || OPEN_TABS.has(name));
  const tab = names.includes(asked) ? asked : (names[0] ?? "items");
  const canPlan = session.may("release-plan");
  useKeys(
    [
      ...names.map((name, at) => ({
        keys: String(at + 1),
        label: t(`release.${name}`),
        run: () => setParams({ tab: name, item: null, made: null, sort: null }),
        group: "release",
      })),
      ...(canPlan ? [{ keys: "+", label: t("release.compose"), run: () => setParams({ new: "1" }), group: "release" }] : []),
    ],
    [names.join(), canPlan],
  );
  const Shown = TABS[tab];
  return html`<div class="view release">
    <header class="row">
      <h1>${t("release.title")}</h1>
      <nav class="release-tabs" aria-label=${t("release.title")}>
        ${names.map((name) => html`<a key=${name} href=${linkTo("release", { tab: name })} aria-current=${name === tab ? "page" : undefined}>
          ${t(`release.${name}`)}</a>`)}
      </nav>
      ${canPlan
        ? html`<button type="button" class="primary" onClick=${() => setParams({ new: "1" })}>${t("release.compose")} <kbd>+</kbd></button>`
        : null}
    </header>
    ${session.may("release-items") ? html`<div class="release-body"><${Shown} key=${tab} /></div>` : html`<${Empty}>${t("release.not-yours")}</${Empty}>`}
    ${isNew && canPlan ? html`<${Compose} />` : null}
  </div>`;
}
