// Signing in: by a one-time link (its secret is in the address's fragment), a passkey, a client certificate, or, on a
// page of a demo, as any officer.
//
// Invariants: the fragment is taken out of the address and the history before anything is sent; nothing of the desk
// but its party's name is shown before somebody is signed in; where to go back to is a path of this page and nothing
// else.
import { html, render, useEffect, useState } from "./core/dom.js";
import { clean } from "./core/safe.js";
import { loadWords, t } from "./core/words.js";

/** @typedef {{ party: string, name: string, demo: boolean, exercise: boolean, passkey: boolean, certificate: boolean,
 *   named: string, officers: { officer: string, name: string }[] }} Ways */

const secret = takeSecret();

/** @returns {string} The secret of the link that led here, or nothing. */
function takeSecret() {
  const found = /^#([0-9a-f]{64})$/.exec(window.location.hash)?.[1] ?? "";
  if (window.location.hash) window.history.replaceState(null, "", window.location.pathname + window.location.search);
  return found;
}

/** @returns {string} Where to go then: a path of this page. */
function backPath() {
  const asked = new URLSearchParams(window.location.search).get("back") ?? "/";
  // SECURITY: a link must not lead to another site by way of us: "//evil.example" and "/\evil.example" are hosts to a
  // browser (tests/browser/test_page_signin.py, test_back_leads_nowhere_else).
  const url = new URL(asked, window.location.origin);
  return url.origin === window.location.origin && /^\/[a-z]*$/.test(url.pathname) ? url.pathname + url.search : "/";
}

/** @param {string} path @param {object} body @returns {Promise<any>} */
async function post(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    cache: "no-store",
  });
  const found = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(typeof found.code === "string" ? found.code : "fault");
  return found;
}

/** @param {string} text @returns {Uint8Array<ArrayBuffer>} */
function fromBase64(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (one) => one.charCodeAt(0));
}

/** @param {ArrayBuffer | null} data @returns {string} */
function toBase64(data) {
  const text = String.fromCharCode(...new Uint8Array(data ?? new ArrayBuffer(0)));
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

async function enterByPasskey() {
  const { publicKey } = await post("/session/passkey/start", {});
  const options = { ...publicKey, challenge: fromBase64(publicKey.challenge), allowCredentials: [] };
  const found = /** @type {any} */ (await navigator.credentials.get({ publicKey: options }));
  const response = {
    clientDataJSON: toBase64(found.response.clientDataJSON),
    authenticatorData: toBase64(found.response.authenticatorData),
    signature: toBase64(found.response.signature),
    userHandle: toBase64(found.response.userHandle),
  };
  const credential = { id: found.id, rawId: toBase64(found.rawId), type: found.type, response };
  await post("/session/passkey/finish", { credential: { ...credential, clientExtensionResults: {} } });
}

/** @param {string} label */
async function addPasskey(label) {
  const { publicKey } = await post("/session/passkey/new", {});
  const options = {
    ...publicKey,
    challenge: fromBase64(publicKey.challenge),
    user: { ...publicKey.user, id: fromBase64(publicKey.user.id) },
    excludeCredentials: (publicKey.excludeCredentials ?? []).map((/** @type {any} */ one) => ({
      ...one,
      id: fromBase64(one.id),
    })),
  };
  const found = /** @type {any} */ (await navigator.credentials.create({ publicKey: options }));
  const response = {
    clientDataJSON: toBase64(found.response.clientDataJSON),
    attestationObject: toBase64(found.response.attestationObject),
  };
  const credential = { id: found.id, rawId: toBase64(found.rawId), type: found.type, response };
  await post("/session/passkey/keep", { credential: { ...credential, clientExtensionResults: {} }, label });
}

const KNOWN = new Set(["no-link", "no-entry", "too-often", "no-more-keys", "not-fresh"]);

/** @param {unknown} error @returns {string} */
function explain(error) {
  const code = error instanceof Error ? error.message : "";
  if (KNOWN.has(code)) return t(`signin.${code}`);
  if (error instanceof DOMException) return t("signin.given-up");
  return t("signin.failed");
}

/** @param {{ ways: Ways }} props */
function SignIn({ ways }) {
  const [state, setState] = useState({ isBusy: false, error: "", isIn: false });
  const [officer, setOfficer] = useState(ways.officers[0]?.officer ?? "");
  const leave = () => window.location.replace(backPath());
  /** @param {() => Promise<any>} act @param {() => void} then */
  const run = async (act, then) => {
    setState({ ...state, isBusy: true, error: "" });
    try {
      await act();
      then();
    } catch (error) {
      setState((old) => ({ ...old, isBusy: false, error: explain(error) }));
    }
  };
  const offerKey = () => (ways.passkey ? setState({ isBusy: false, error: "", isIn: true }) : leave());
  useEffect(() => {
    if (secret) run(() => post("/session/link", { secret }), offerKey);
  }, []);
  const party = clean(ways.name);
  return html`
    <h1>entente</h1>
    <p class="signin-party">${t("signin.desk", { party })}</p>
    ${ways.exercise && html`<p class="signin-mark">${t("signin.exercise")}</p>`}
    ${state.error && html`<p class="signin-error" role="alert">${state.error}</p>`}
    ${state.isIn
      ? html`<p>${t("signin.in")}</p>
          <p class="signin-hint">${t("signin.why-passkey")}</p>
          <button class="primary" disabled=${state.isBusy} onClick=${() => run(() => addPasskey("passkey"), leave)}>
            ${t("signin.add-passkey")}
          </button>
          <button disabled=${state.isBusy} onClick=${leave}>${t("signin.later")}</button>`
      : html`
          ${ways.demo &&
          html`<p class="signin-mark">${t("signin.demo")}</p>
            <label>${t("signin.officer")}
              <select value=${officer} onChange=${(/** @type {any} */ e) => setOfficer(e.currentTarget.value)}>
                ${ways.officers.map((one) => html`<option value=${one.officer}>${clean(one.name)} (${one.officer})</option>`)}
              </select>
            </label>
            <button class="primary" disabled=${state.isBusy}
              onClick=${() => run(() => post("/session/demo", { officer }), leave)}>${t("signin.go")}</button>`}
          ${ways.passkey &&
          html`<button class="primary" disabled=${state.isBusy} onClick=${() => run(enterByPasskey, leave)}>
            ${t("signin.passkey")}
          </button>`}
          ${ways.certificate &&
          html`<button disabled=${state.isBusy} onClick=${() => run(() => post("/session/certificate", {}), leave)}>
            ${t("signin.certificate")}
          </button>`}
          ${!ways.passkey && html`<p><a href=${`${ways.named}/signin`}>${t("signin.by-name")}</a></p>`}
          <p class="signin-hint">${t("signin.first-time")}</p>
        `}
  `;
}

async function start() {
  const box = document.getElementById("signin");
  if (box === null) return;
  await loadWords("signin");
  try {
    const answer = await fetch("/session/ways", { cache: "no-store" });
    if (!answer.ok) throw new Error("ways");
    box.replaceChildren();
    render(html`<${SignIn} ways=${await answer.json()} />`, box);
  } catch {
    box.textContent = t("signin.no-desk");
  }
}

start();
