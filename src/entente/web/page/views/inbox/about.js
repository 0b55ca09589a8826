// What an item is about: the words that were signed, where and when, what it meets, what stands against it.
//
// Invariants: what a partner wrote is shown as signed, in its own language, with that language's name; times and
// heights are those of the message; a site is never shown without the notice that notification protects nothing.
//
//     html`<${About} item=${item} />`
import { useLook } from "../../core/api.js";
import { html } from "../../core/dom.js";
import { linkTo } from "../../core/route.js";
import { formatNumber, hasWords, t } from "../../core/words.js";
import { Badge, Looked } from "../../parts/notice.js";
import { Parties, Party } from "../../parts/party.js";
import { Time } from "../../parts/time.js";
import { Words } from "../../parts/words.js";
import { PlaceMap } from "./place.js";

/** @param {number | null} cm */
const metres = (cm) => (cm === null ? t("inbox.unbounded") : t("inbox.metres", { n: formatNumber(cm / 100) }));

/** @param {{ volumes: readonly any[] }} props */
function Volumes({ volumes }) {
  return html`<ol class="volumes">
    ${volumes.slice(0, 10).map(
      (one, n) => html`<li key=${n}>
        <${Time} iso=${one.start} short=${true} local=${false} /> – <${Time} iso=${one.end} short=${true} local=${false} />${", "}
        ${one.floor_cm === null && one.ceiling_cm === null ? t("inbox.all-heights") : t("inbox.heights", { low: metres(one.floor_cm), high: metres(one.ceiling_cm) })}
      </li>`,
    )}
    ${volumes.length > 10 ? html`<li class="muted">${t("inbox.more-volumes", { n: volumes.length - 10 })}</li>` : null}
  </ol>`;
}

/** @param {{ conflict: string }} props */
function Meets({ conflict }) {
  const found = useLook("conflict", { key: conflict });
  const one = found.data?.conflict;
  return html`<div class="meets">
    <p><${Badge} kind="bad">${t("inbox.meets")}</${Badge}> <a href=${linkTo("conflicts", { item: conflict })}>${t("inbox.meets-why")}</a></p>
    ${one ? html`<p><${Words} text=${one.words} most=${600} language="en" /></p>` : html`<${Looked} of=${found} />`}
  </div>`;
}

/** @param {{ item: import("./items.js").Item }} props */
function Sides({ item }) {
  const found = useLook(item.kind === "confrontation" ? "confrontations" : null);
  const one = found.data?.find((/** @type {any} */ each) => each.alarm === item.subject);
  if (!one) return item.kind === "confrontation" ? html`<${Looked} of=${found} />` : null;
  return html`<table class="sides"><caption class="hidden-text">${t("inbox.who-has-seen")}</caption>
    <thead><tr><th scope="col">${t("shell.party")}</th><th scope="col">${t("inbox.seen")}</th><th scope="col">${t("inbox.call")}</th></tr></thead>
    <tbody>${one.sides.map(
      (/** @type {any} */ side) => html`<tr key=${side.party}>
        <th scope="row"><${Party} id=${side.party} /></th>
        <td>${side.seen.length
          ? side.seen.map((/** @type {any} */ seen) => html`<div key=${seen.index}><${Badge} kind="ok"><${Words} text=${seen.officer} /></${Badge}> <${Time} iso=${seen.at} local=${false} /></div>`)
          : html`<${Badge} kind="bad">${t("inbox.seen-by-nobody")}</${Badge}>`}</td>
        <td>${side.contacts.map((/** @type {string} */ contact, /** @type {number} */ n) => html`${n ? ", " : ""}<${Words} text=${contact} />`)}</td>
      </tr>`,
    )}</tbody></table>`;
}

/** @param {{ item: import("./items.js").Item }} props */
export function About({ item }) {
  const { facts } = item;
  const readable = /^[0-9a-f]{64}$/.test(facts.message);
  const message = useLook(readable ? "message" : null, { message: facts.message });
  const body = message.data?.body ?? null;
  const volumes = body?.volumes ?? (body?.volume ? [body.volume] : []);
  const kind = message.data?.kind ?? facts.message_kind;
  const isSite = facts.object_type === "site" || kind?.startsWith("site.");
  const language = facts.language || body?.language || body?.readout?.language;
  const quoted = facts.text || body?.text || body?.reason || body?.observed || "";
  return html`<section class="panel about" aria-label=${t("inbox.about")}>
    <dl class="facts">
      ${item.author ? html`<dt>${t("inbox.by")}</dt><dd><${Party} id=${item.author} name=${true} />${message.data?.officers?.length ? html` · <${Words} text=${message.data.officers.join(", ")} />` : null}</dd>` : null}
      ${kind ? html`<dt>${t("inbox.what")}</dt><dd>${hasWords(`inbox.kind-${kind.replace(/\./g, "-")}`) ? t(`inbox.kind-${kind.replace(/\./g, "-")}`) : html`<code>${kind}</code>`}${body?.armed ? html` <${Badge} kind="warn">${t("inbox.armed")}</${Badge}>` : null}</dd>` : null}
      ${facts.title ? html`<dt>${t("inbox.title-of")}</dt><dd><strong><${Words} text=${facts.title} /></strong> <code><${Words} text=${facts.id} most=${80} /></code></dd>` : null}
      ${message.data ? html`<dt>${t("inbox.told")}</dt><dd><${Parties} ids=${message.data.to} />${message.data.is_sealed ? html` <${Badge} kind="info">${t("inbox.sealed")}</${Badge}>` : null}</dd>` : null}
      ${facts.index !== null ? html`<dt>${t("inbox.in-record")}</dt><dd><a href=${linkTo("record", { entry: String(facts.index) })}>${t("inbox.entry", { index: facts.index })}</a>${message.data ? html` · ${t(`inbox.standing-${message.data.standing}`)} · <${Time} iso=${message.data.at} />` : null}</dd>` : null}
      ${volumes.length ? html`<dt>${t("inbox.when-where")}</dt><dd><${Volumes} volumes=${volumes} /></dd>` : null}
    </dl>
    ${quoted ? html`<figure class="quote"><${Words} text=${quoted} as="block" most=${1200} language=${language} />
      <figcaption class="muted">${language ? t("inbox.original-in", { language: languageName(language) }) : t("inbox.original")}</figcaption></figure>` : null}
    <${Looked} of=${message} />
    ${volumes.length && item.kind !== "read-back" ? html`<${PlaceMap} volumes=${volumes} label=${t("inbox.place")} />` : null}
    <${Sides} item=${item} />
    ${facts.conflicts.slice(0, 3).map((key) => html`<${Meets} key=${key} conflict=${key} />`)}
    ${facts.conflicts.length > 3 ? html`<p class="muted">${t("inbox.more-conflicts", { n: facts.conflicts.length - 3 })}</p>` : null}
    ${isSite ? html`<p class="notice-protection">${t("inbox.protection")}</p>` : null}
  </section>`;
}

/** @param {string} code @returns {string} The name of a language, as the reader's language calls it; else the code. */
export function languageName(code) {
  try {
    return new Intl.DisplayNames([document.documentElement.lang || "en"], { type: "language" }).of(code) ?? code;
  } catch {
    return code.slice(0, 20);
  }
}
