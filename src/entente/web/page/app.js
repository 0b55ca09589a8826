// The page begins here: session, language, live line; then the frame, and in it the view that the address names.
//
// Invariants: nothing is drawn before it is known who sits here; a view is loaded when it is first wanted and, being
// asked for together with its words, drawn whole; the map, once drawn, is kept while other views are looked at; a
// fault in one view leaves the frame and the other views standing, and is told.
import "./core/trusted.js";
import { useLook } from "./core/api.js";
import { setCursor } from "./core/cursor.js";
import { Component, html, render, useEffect, useMemo, useState } from "./core/dom.js";
import { startKeys, useKeys } from "./core/keys.js";
import { startLive } from "./core/live.js";
import { go, route, startRouting } from "./core/route.js";
import { loadSession } from "./core/session.js";
import { useStore } from "./core/store.js";
import { language, loadWords, t } from "./core/words.js";
import { Dialog } from "./parts/dialog.js";
import { ErrorBox } from "./parts/notice.js";
import { startAlarm } from "./views/inbox/alarm.js";
import { nameTab } from "./views/inbox/tab.js";
import { Account } from "./views/shell/account.js";
import { Banners } from "./views/shell/banners.js";
import { PaperHead } from "./views/shell/paper.js";
import { Rail } from "./views/shell/rail.js";
import { startTheme } from "./views/shell/theme.js";
import { Top } from "./views/shell/top.js";
import { TimeBar } from "./views/time/bar.js";
import { KeyList } from "./views/help/view.js";

/** Where each view lies, and the words that it needs. */
const VIEWS = /** @type {Record<string, { load: () => Promise<any>, words: string[] }>} */ ({
  map: { load: () => import("./views/map/view.js"), words: ["map", "conflicts"] },
  inbox: { load: () => import("./views/inbox/view.js"), words: ["inbox"] },
  talk: { load: () => import("./views/talk/view.js"), words: ["talk"] },
  conflicts: { load: () => import("./views/conflicts/view.js"), words: ["conflicts"] },
  release: { load: () => import("./views/release/view.js"), words: ["release"] },
  blind: { load: () => import("./views/blind/view.js"), words: ["blind", "conflicts"] },
  terms: { load: () => import("./views/terms/view.js"), words: ["terms"] },
  record: { load: () => import("./views/record/view.js"), words: ["record"] },
  help: { load: () => import("./views/help/view.js"), words: ["help"] },
});
/** Views that are kept in the document once they were drawn: a map is dear to make. */
const KEPT = new Set(["map"]);

/** @extends {Component<{ name: string, children?: any }, { error: Error | null }>} */
class Guard extends Component {
  state = { error: /** @type {Error | null} */ (null) };

  /** @param {Error} error */
  static getDerivedStateFromError(error) {
    return { error };
  }

  /** @param {Error} error */
  componentDidCatch(error) {
    console.error(error);
  }

  render() {
    if (this.state.error === null) return this.props.children;
    const told = { message: `${this.props.name}: ${this.state.error.message}`, code: "page-fault", path: "" };
    return html`<div class="view"><${ErrorBox} error=${told} onAgain=${() => this.setState({ error: null })} /></div>`;
  }
}

/** @param {{ name: string, isShown: boolean }} props */
function ViewSlot({ name, isShown }) {
  const [loaded, setLoaded] = useState(/** @type {{ View: any, error: any }} */ ({ View: null, error: null }));
  const [tries, setTries] = useState(0);
  useEffect(() => {
    const view = VIEWS[name];
    if (view === undefined) return;
    Promise.all([view.load(), loadWords(...view.words)]).then(
      ([found]) => setLoaded({ View: found.default, error: null }),
      (error) => setLoaded({ View: null, error: { message: String(error?.message ?? error), code: "no-view", path: "" } }),
    );
  }, [name, tries]);
  if (loaded.error) {
    return html`<div class="view"><${ErrorBox} error=${loaded.error} onAgain=${() => setTries(tries + 1)} /></div>`;
  }
  if (loaded.View === null) return html`<p class="loading" role="status">${t("shell.loading")}</p>`;
  return html`<${Guard} name=${name}><${loaded.View} isShown=${isShown} /></${Guard}>`;
}

function useShellKeys(/** @type {(name: string) => void} */ open) {
  const code = useStore(language);
  const list = useMemo(
    () => [
      ...Object.keys(VIEWS).map((view) => ({
        keys: `g ${{ record: "d", terms: "e", inbox: "i" }[view] ?? view[0]}`,
        label: t(`shell.view-${view}`),
        run: () => go(view),
        group: "shell",
      })),
      { keys: "?", label: t("shell.keys"), run: () => open("keys"), group: "shell" },
      { keys: "n", label: t("shell.back-to-now"), run: () => setCursor(null), group: "shell" },
      { keys: "u", label: t("shell.account"), run: () => open("account"), group: "shell" },
    ],
    [code],
  );
  useKeys(list, [list]);
}

function Page() {
  const view = useStore(route, (one) => one.view);
  const code = useStore(language);
  const [dialog, setDialog] = useState("");
  const [kept, setKept] = useState(/** @type {readonly string[]} */ ([]));
  const pulse = useLook("pulse", {}, { every_s: 30 });
  useShellKeys(setDialog);
  useEffect(() => {
    if (KEPT.has(view) && !kept.includes(view)) setKept([...kept, view]);
  }, [view]);
  useEffect(() => {
    nameTab(t(`shell.view-${view}`));
  }, [view, code]);
  const shown = KEPT.has(view) && !kept.includes(view) ? [...kept, view] : kept;
  return html`<div class="shell">
    <a class="skip" href="#main">${t("shell.skip")}</a>
    <${PaperHead} view=${view} />
    <${Top} pulse=${pulse.data} onAccount=${() => setDialog("account")} icon=${new URL("icon.svg", import.meta.url).pathname} />
    <${Guard} name="alarm"><${Banners} pulse=${pulse.data} pulse_ms=${pulse.at_ms} /></${Guard}>
    <${Rail} pulse=${pulse.data} view=${view} />
    <main class="main" id="main" tabindex="0" aria-label=${t(`shell.view-${view}`)}>
      ${shown.map(
        (name) => html`<div key=${name} class=${name === view ? "kept kept-on" : "kept"} hidden=${name !== view}>
          <${ViewSlot} name=${name} isShown=${name === view} />
        </div>`,
      )}
      ${KEPT.has(view) ? null : html`<${ViewSlot} key=${`view-${view}`} name=${view} isShown=${true} />`}
    </main>
    <div class="time-slot"><${Guard} name="time"><${TimeBar} /></${Guard}></div>
    ${dialog === "account" ? html`<${Account} onClose=${() => setDialog("")} />` : null}
    ${dialog === "keys"
      ? html`<${Dialog} title=${t("shell.keys")} onClose=${() => setDialog("")} wide=${true}><${KeyList} /></${Dialog}>`
      : null}
  </div>`;
}

const RETRY_MS = 3_000;

async function start() {
  startTheme();
  const [session] = await Promise.all([loadSession(), loadWords("shell", "time", "inbox", "help")]);
  if (session === null) return; // the browser is on its way to the sign-in
  document.documentElement.lang = language.get();
  startRouting();
  startKeys();
  startLive();
  const root = document.getElementById("page");
  if (root === null) throw new Error("page: expected an element #page, found none");
  root.replaceChildren();
  render(html`<${Page} />`, root);
  startAlarm();
  window.setTimeout(startChecking, 0);
}

/** The page's own check of the record; after the first picture, since it may have much to add up. */
function startChecking() {
  import("./record/watch.js").then(
    (one) => one.startVerification(),
    // The line was cut before it came: until it comes nothing is called checked.
    () => window.setTimeout(startChecking, RETRY_MS),
  );
}

start().catch((error) => {
  console.error(error);
  const root = document.getElementById("page");
  if (root) root.textContent = `entente: the page could not start: ${error?.message ?? error}. Load it again; if it stays so, use the command line: entente --help`;
});
