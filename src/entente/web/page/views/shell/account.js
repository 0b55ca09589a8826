// Who is signed in, in which language and light, and the way out.
import { html } from "../../core/dom.js";
import { clean } from "../../core/safe.js";
import { setParams } from "../../core/route.js";
import { endSession, useSession } from "../../core/session.js";
import { useStore } from "../../core/store.js";
import { LANGUAGES, language, setLanguage, t } from "../../core/words.js";
import { Dialog } from "../../parts/dialog.js";
import { Choice } from "../../parts/form.js";
import { Time } from "../../parts/time.js";
import { setTheme, theme } from "./theme.js";

/** @param {{ onClose: () => void }} props */
export function Account({ onClose }) {
  const session = useSession();
  const code = useStore(language);
  const light = useStore(theme);
  return html`<${Dialog} title=${t("shell.account")} onClose=${onClose}>
    <dl class="facts">
      <dt>${t("shell.officer")}</dt><dd><bdi>${clean(session.officer, 80)}</bdi></dd>
      <dt>${t("shell.party")}</dt><dd><bdi>${clean(session.party_name || session.party, 80)}</bdi></dd>
      <dt>${t("shell.roles")}</dt><dd>${session.roles.map((one) => t(`shell.role-${one}`)).join(", ") || "—"}</dd>
      ${session.expires ? html`<dt>${t("shell.signed-in-until")}</dt><dd><${Time} iso=${session.expires} /></dd>` : null}
    </dl>
    <${Choice} label=${t("shell.language")} value=${code}
      options=${Object.entries(LANGUAGES).map(([value, label]) => ({ value, label }))}
      onChange=${(/** @type {string} */ value) => { setLanguage(value); setParams({ lang: null }, { replace: true }); }} />
    <${Choice} label=${t("shell.light")} value=${light}
      options=${["auto", "light", "dark"].map((value) => ({ value, label: t(`shell.light-${value}`) }))}
      onChange=${setTheme} />
    <div class="row"><button type="button" onClick=${endSession}>${t("shell.sign-out")}</button></div>
  </${Dialog}>`;
}
