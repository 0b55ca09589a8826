// Everything of one entry: as its author signed it, what names it, how far it came, and the proof that it stands
// where it stands, made by this page.
//
// Invariants: the header shown is read by this page from the entry's own bytes; the proof is of the hash of those
// bytes; "proven" is said only after the path led to a root that this page verified.
import { look, lookPath, useLook } from "../../core/api.js";
import { html, useEffect, useState } from "../../core/dom.js";
import { useKeys } from "../../core/keys.js";
import { linkTo, setParams } from "../../core/route.js";
import { useStore } from "../../core/store.js";
import { t } from "../../core/words.js";
import { saveFile } from "../../parts/export.js";
import { Badge, Looked } from "../../parts/notice.js";
import { Party } from "../../parts/party.js";
import { Time } from "../../parts/time.js";
import { Words } from "../../parts/words.js";
import { toHex } from "../../record/bytes.js";
import { readEntryBytes } from "../../record/check.js";
import { check, checked, publishCheck } from "../../record/watch.js";

/** @param {{ path: readonly import("../../record/tree.js").PathStep[], leaf: string, root: string }} props */
function PathPicture({ path, leaf, root }) {
  const steps = [
    { name: t("record.leaf"), hash: leaf, side: "" },
    ...path.map((step, at) => ({
      name: t(step.side === "left" ? "record.joined-left" : "record.joined-right", { n: at + 1 }),
      hash: toHex(step.hash),
      side: step.side,
    })),
  ];
  const height = 34 * steps.length + 8;
  return html`<svg
    class="record-path"
    viewBox=${`0 0 460 ${height}`}
    role="img"
    aria-label=${t("record.path-label", { n: path.length, root: root.slice(0, 16) })}
  >
    ${steps.map((step, at) => {
      const y = height - 20 - 34 * at;
      return html`<g key=${at}>
        ${
          at
            ? html`<path d=${`M60 ${y + 34}V${y}`} stroke="currentColor" fill="none" />
                <path
                  d=${step.side === "left" ? `M22 ${y + 34}L60 ${y}` : `M98 ${y + 34}L60 ${y}`}
                  stroke="currentColor"
                  stroke-dasharray="3 3"
                />
                <rect
                  x=${step.side === "left" ? 16 : 92}
                  y=${y + 28}
                  width="12"
                  height="12"
                  fill="none"
                  stroke="currentColor"
                />`
            : null
        }
        <circle cx="60" cy=${y} r="6" fill="currentColor" />
        <text x="116" y=${y + 4} font-size="12" fill="currentColor"
          >${step.name} ${step.hash.slice(0, 12)}…</text
        >
      </g>`;
    })}
  </svg>`;
}

/** @param {{ index: number, envelope: string }} props */
function Proof({ index, envelope }) {
  const found = useStore(checked);
  const [proof, setProof] = useState(/** @type {any} */ (null));
  const isUp = found.state === "checked" && (found.head?.size ?? 0) > index;
  const run = async () => {
    const { leaf } = await readEntryBytes(envelope);
    const made = await check.prove(index, leaf).catch(() => null);
    publishCheck();
    setProof(made ?? { isMissing: true });
  };
  useEffect(() => {
    if (isUp) run();
  }, [isUp, index, envelope]);
  useKeys([{ keys: "p", label: t("record.key-prove"), run, group: "record" }], [index, envelope, isUp]);
  const save = async (/** @type {readonly ("proof" | "policy")[]} */ parts) => {
    const made = await look("record-bundle", { index }).catch((error) =>
      setProof({ isMissing: true, why: error.message }),
    );
    if (!made) return;
    for (const part of parts) saveFile(`${made.name}.${part}`, "text/plain", made[part]);
  };
  return html`<section class="stack">
    <h3>${t("record.proof")}</h3>
    ${
      found.state === "failed"
        ? html`<${Badge} kind="bad">${t("record.proof-failed")}</${Badge}>`
        : found.state === "unable"
          ? html`<${Badge} kind="warn">${t("record.unable")}</${Badge}>`
          : proof?.path
            ? html`<p><${Badge} kind="ok">${t("record.proven", { index, size: proof.size })}</${Badge}></p>
          <${PathPicture} path=${proof.path} leaf=${proof.leaf} root=${proof.root} />`
            : html`<${Badge} kind="quiet">${t(proof ? "record.proof-missing" : "record.proof-waiting")}</${Badge}>`
    }
    ${proof?.why ? html`<p><${Words} text=${proof.why} /></p>` : null}
    <div class="row">
      <button type="button" onClick=${run}>${t("record.prove")} <kbd>p</kbd></button>
      <button type="button" onClick=${() => save(["proof", "policy"])}>${t("record.export-proof")}</button>
      ${/* Some browsers let one click save one file. */ ""}
      <button type="button" class="quiet" onClick=${() => save(["policy"])}>${t("record.export-policy")}</button>
    </div>
  </section>`;
}

/** @param {{ name: string }} props index, or the beginning of its hash */
export function EntryPanel({ name }) {
  const found = useLook("record-entry", { entry: name });
  const one = found.data;
  if (one === null) return html`<aside class="record-entry"><${Looked} of=${found} /></aside>`;
  return html`<aside class="record-entry stack" aria-label=${t("record.entry", { index: one.index })}>
    <header class="row">
      <h2>${t("record.entry", { index: one.index })}</h2>
      <a href=${lookPath("record-entry", { entry: name })} target="_blank" rel="noreferrer">JSON</a>
      <button
        type="button"
        class="quiet"
        onClick=${() => setParams({ item: null, entry: null })}
        aria-label=${t("shell.close")}
      >
        ✕
      </button>
    </header>
    <${Looked} of=${found} />
    <dl class="facts">
      <dt>${t("record.kind")}</dt>
      <dd><${Words} text=${one.kind} /></dd>
      <dt>${t("record.author")}</dt>
      <dd>
        ${one.author === "center" ? t("record.center") : one.author ? html`<${Party} id=${one.author} name=${true} />` : "—"}
        <${Words} text=${one.officers.join(", ")} />
      </dd>
      <dt>${t("record.claimed")}</dt>
      <dd><${Time} iso=${one.at} seconds=${true} /></dd>
      <dt>${t("record.recorded")}</dt>
      <dd>${one.recorded ? html`<${Time} iso=${one.recorded} seconds=${true} />` : t("record.not-known")}</dd>
      <dt>${t("record.standing")}</dt>
      <dd>
        ${t(`record.is-${one.standing}`)}
        ${one.firm ? html`<${Time} iso=${one.firm} seconds=${true} />` : null}
      </dd>
      <dt>${t("record.state")}</dt>
      <dd>${t(`record.state-${one.state}`)} <${Words} text=${one.why} most=${400} /></dd>
      <dt>${t("record.leaf")}</dt>
      <dd><code>${one.leaf}</code></dd>
      <dt>${t("record.signed-by")}</dt>
      <dd><${Words} text=${one.signatures.join(", ")} most=${600} /></dd>
    </dl>
    <${Proof} index=${one.index} envelope=${one.envelope} />
    ${
      one.mentions.length
        ? html`<section>
            <h3>${t("record.names")}</h3>
            <ul>
              ${one.mentions.map(
                (/** @type {any} */ each) =>
                  html`<li key=${each.path}>
                    ${each.index < 0 ? html`<code>${each.leaf.slice(0, 16)}…</code>` : html`<a href=${linkTo("record", { item: String(each.index) })}>${t("record.entry", { index: each.index })}</a>`}
                    <${Words} text=${`${each.kind} · ${each.path}`} />
                  </li>`,
              )}
            </ul>
          </section>`
        : null
    }
    ${
      one.answers.length
        ? html`<section>
            <h3>${t("record.named-by", { n: one.answers_total })}</h3>
            <ul>
              ${one.answers.map(
                (/** @type {any} */ each) =>
                  html`<li key=${each.index}>
                    <a href=${linkTo("record", { item: String(each.index) })}
                      >${t("record.entry", { index: each.index })}</a
                    >
                    <${Words} text=${`${each.kind} · ${each.author} · ${each.words}`} most=${120} />
                  </li>`,
              )}
            </ul>
          </section>`
        : null
    }
    <section>
      <h3>${t("record.body")}</h3>
      ${
        one.body === null
          ? html`<p>${t("record.no-body")}</p>`
          : html`<${Words} as="block" most=${4000} text=${JSON.stringify(one.body, null, 2)} />`
      }
    </section>
  </aside>`;
}
