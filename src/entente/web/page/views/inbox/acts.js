// What an officer can do about an item: one list of acts a kind, each with its verb, its key and what it must be told.
//
// Invariants: an answer names the version that was on the screen and the audience it was told to, so that what has
// changed meanwhile is refused and never answered unseen; a movement must be stated and is not filled in; a reason is
// asked for where one is owed. It sends nothing: `act.js` does.
//
//     listActs(item).find((one) => one.keys === "a")
import { linkTo, VIEWS } from "../../core/route.js";
import { encodeUtc, deskNowMs } from "../../core/time.js";

/**
 * @typedef {{ name: string, label: string, hint?: string, type: "text" | "long" | "metres" | "time" | "choice",
 *   required?: boolean, initial?: string, options?: readonly string[], most?: number }} FieldOf `label`, `hint`:
 *   names of sentences.
 * @typedef {{ id: string, keys: string, label: string, verb?: string, body?: (values: Record<string, string>) => object,
 *   fields?: readonly FieldOf[], href?: string, weight?: "primary" | "danger" | "", hint?: string }} Act
 * @typedef {import("./items.js").Item} Item
 */

/** @type {FieldOf} */
const REASON = { name: "reason", label: "field-reason", type: "long", required: true, most: 4000 };
/** @type {FieldOf} */
const NOTE = { name: "reason", label: "field-note", type: "long", most: 4000 };

/** @param {string} text @returns {number} centimetres */
const toCm = (text) => Math.round(Number(text) * 100);

/** @param {Item} item @returns {Act[]} */
function links(item) {
  const { facts } = item;
  /** @type {Act[]} */
  const found = [];
  const key = facts.conflicts[0];
  if (key) found.push({ id: "why", keys: "w", label: "act-why", href: linkTo("conflicts", { item: key }) });
  if (facts.object && ["activity", "zone", "site"].includes(facts.object_type)) {
    found.push({ id: "map", keys: "l", label: "act-map", href: linkTo("map", { item: `${facts.object_type}.${facts.object}` }) });
  }
  if (facts.thread) found.push({ id: "talk", keys: "t", label: "act-talk", href: linkTo("talk", { thread: facts.thread }) });
  else if (facts.id && ["activity", "zone", "site", "incident"].includes(facts.object_type)) {
    found.push({ id: "talk", keys: "t", label: "act-talk", href: linkTo("talk", { new: "1", about: `${facts.object_type}.${facts.id}` }) });
  }
  // A way that leads nowhere on this page is not shown.
  return found.filter((one) => VIEWS.some((view) => one.href?.startsWith(`/${view}`)));
}

/** @type {Record<string, (item: Item) => Act[]>} */
const OF = {
  confrontation: (item) =>
    item.facts.message
      ? [{ id: "see", keys: "s", label: "act-see", verb: "see", weight: "primary", body: () => ({ alarm: item.subject }) }]
      : [],
  alarm: (item) => [
    {
      id: "dismiss", keys: "d", label: "act-dismiss", verb: "dismiss", hint: "hint-dismiss",
      fields: [REASON], body: (values) => ({ alarm: Number(item.subject), why: values["reason"] }),
    },
  ],
  acknowledge: (item) => [
    {
      id: "acknowledge", keys: "a", label: item.facts.has_lapsed ? "act-acknowledge-late" : "act-acknowledge",
      verb: "acknowledge", weight: "primary", body: () => ({ messages: [item.subject] }),
    },
  ],
  dispute: () => [],
  confirm: (item) => [
    {
      id: "confirm", keys: "c", label: "act-confirm", verb: "confirm", weight: "primary", hint: "hint-confirm",
      fields: [{ name: "moved", label: "field-moved", type: "metres", required: true }],
      body: (values) => ({ message: item.subject, moved_cm: toCm(values["moved"] ?? "") }),
    },
    makeDispute(item),
  ],
  blocked: (item) => [
    { id: "change", keys: "u", label: "act-change", href: linkTo("map", { draw: "update", object: item.facts.object }) },
    makeDispute(item),
  ],
  concur: (item) => {
    const { id, version, to } = item.facts;
    // What our answer was on the screen: if a colleague answered meanwhile, the desk refuses and names him.
    const name = { activity: id, version, to, seen: item.facts.state };
    return [
      { id: "concur", keys: "c", label: "act-concur", verb: "concur", weight: "primary", hint: "hint-concur", body: () => name },
      { id: "reconsider", keys: "v", label: "act-reconsider", verb: "reconsider", hint: "hint-reconsider", body: () => name },
      {
        id: "object", keys: "o", label: "act-object", verb: "object", weight: "danger", fields: [REASON],
        body: (values) => ({ ...name, reason: values["reason"] }),
      },
      { id: "counter", keys: "p", label: "act-counter", href: linkTo("map", { draw: "counter", object: item.facts.object, version }) },
    ];
  },
  counter: (item) => [
    {
      id: "take-up", keys: "u", label: "act-take-up", verb: "update", weight: "primary", hint: "hint-take-up",
      fields: [{ ...NOTE, label: "field-why-changed" }],
      body: (values) => ({ id: item.facts.id, to: item.facts.to, take_up: item.subject, replaces: item.facts.version, reason: values["reason"] ?? "" }),
    },
    {
      id: "decline", keys: "d", label: "act-decline", verb: "decline", fields: [NOTE],
      body: (values) => ({ proposal: item.subject, reason: values["reason"] ?? "" }),
    },
  ],
  incident: (item) => [
    {
      id: "account", keys: "a", label: "act-account", verb: "incident-answer", weight: "primary", hint: "hint-account",
      fields: [{ name: "text", label: "field-account", type: "long", required: true, most: 4000 }],
      body: (values) => ({ id: item.facts.id, to: item.facts.to, answer: "account", text: values["text"] }),
    },
    {
      id: "nothing", keys: "n", label: "act-nothing-yet", verb: "incident-answer", hint: "hint-nothing-yet",
      body: () => ({ id: item.facts.id, to: item.facts.to, answer: "nothing-yet" }),
    },
    { id: "incident", keys: "i", label: "act-incident", href: linkTo("talk", { tab: "incidents", incident: item.subject }) },
  ],
  vouch: (item) => {
    const name = { id: item.facts.id, to: item.facts.to, obligation: item.part };
    return [
      { id: "yes", keys: "y", label: "act-vouch-yes", verb: "vouch", weight: "primary", hint: "hint-vouch", body: () => ({ ...name, word: "yes" }) },
      { id: "no", keys: "n", label: "act-vouch-no", verb: "vouch", fields: [NOTE], body: (values) => ({ ...name, word: "no", reason: values["reason"] ?? "" }) },
    ];
  },
  site: (item) => {
    const name = { id: item.facts.id, to: item.facts.to };
    return [
      {
        id: "reconfirm", keys: "c", label: "act-reconfirm", verb: "reconfirm-site", weight: "primary", hint: "hint-reconfirm",
        fields: [
          { name: "expires", label: "field-expires", type: "time", required: true, initial: encodeUtc(deskNowMs() + 30 * 86_400_000).slice(0, 16) },
          { ...NOTE, name: "note" },
        ],
        body: (values) => ({ ...name, expires: `${values["expires"]}:00Z`, note: values["note"] ?? "" }),
      },
      {
        id: "withdraw", keys: "d", label: "act-withdraw-site", verb: "withdraw-site", weight: "danger", hint: "hint-withdraw-site",
        fields: [
          { name: "reason", label: "field-withdrawal", type: "choice", required: true, options: ["consent-withdrawn", "closed", "mistaken", "other"] },
          { ...NOTE, name: "note" },
        ],
        body: (values) => ({ ...name, reason: values["reason"], note: values["note"] ?? "" }),
      },
    ];
  },
  readout: (item) => [
    {
      id: "sign", keys: "s", label: "act-sign", verb: "sign-readout", weight: "primary", hint: "hint-sign",
      body: () => ({ id: item.subject, sha256: item.facts.version }),
    },
    {
      id: "dissent", keys: "d", label: "act-dissent", verb: "dissent-readout", weight: "danger", hint: "hint-dissent",
      fields: [REASON], body: (values) => ({ id: item.subject, reason: values["reason"] }),
    },
  ],
  agreement: (item) => [{ id: "open", keys: "o", label: "act-open-terms", href: linkTo("terms", { agreement: item.subject }), weight: "primary" }],
  blind: (item) => [{ id: "open", keys: "o", label: "act-open-blind", href: linkTo("blind", { item: item.subject }), weight: "primary" }],
  release: (item) => [{ id: "open", keys: "o", label: "act-open-release", href: linkTo("release", { item: item.subject }), weight: "primary" }],
  conflict: (item) => {
    const own = item.facts.conflicts[0]?.split("|").find((one) => one !== item.facts.object) ?? "";
    return [{ id: "change", keys: "u", label: "act-change", href: linkTo("map", { draw: "update", object: own }) }];
  },
  waiting: (item) =>
    item.facts.state === "queued"
      ? [{ id: "withdraw", keys: "d", label: "act-withdraw-message", verb: "withdraw-message", body: () => ({ number: Number(item.subject) }) }]
      : [],
};

/** @param {Item} item @returns {Act} */
function makeDispute(item) {
  return {
    id: "dispute", keys: "o", label: "act-dispute", verb: "dispute", weight: "danger", hint: "hint-dispute",
    fields: [{ name: "difference", label: "field-difference", type: "metres", required: true }, REASON],
    body: (values) => ({ message: item.subject, difference_cm: toCm(values["difference"] ?? ""), reason: values["reason"] }),
  };
}

/** @param {Item} item @returns {Act[]} Those of its kind first, then the ways to where more is told. */
export function listActs(item) {
  const acts = OF[item.kind]?.(item) ?? [];
  const taken = new Set(acts.map((one) => one.keys));
  return [...acts.filter((one) => !one.href || VIEWS.some((view) => one.href?.startsWith(`/${view}`))), ...links(item).filter((one) => !taken.has(one.keys))];
}
