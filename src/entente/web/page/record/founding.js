// Whose keys count: the charter and the rosters, out of the record's own entries.
//
// Nothing is believed because a server says so. One thing is taken on first use and compared by hand: the
// charter's fingerprint. From the charter follow the log's key, the parties' root keys and the hash of their
// first rosters; each later roster is signed by a threshold of the root keys before it and of its own. So a
// witness's key may change, and the page follows, and asks nobody.
//
// Invariants: every signature on charter and rosters is checked; versions grow by one; a key's id belongs to
// its bytes; the log's key is named as the record; that these bytes are in the record is for `watch.js` to
// prove.
//
//     const founding = await readFounding(charterBytes, [{ index: 1, raw }, ...]);
//     founding.fingerprint, founding.log, founding.witnesses, founding.dishonest

import { failed, joinBytes, malformed, parseBase64, sameBytes, toHex, toUtf8 } from "./bytes.js";
import { encodeCanonical, parseEnvelope, parsePayload, verifyEnvelope } from "./entry.js";
import { COSIGNATURE, ED25519, makeKeyHash, parseNoteKey } from "./note.js";
import { sha256 } from "./tree.js";

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */
/** @typedef {{keys: Map<string, Bytes>, threshold: number}} Roots */
/** @typedef {{roots: Roots, spelling: string, roster: string}} Founder */
/**
 * A party as its newest roster says, which its root keys signed.
 * @typedef {object} Roster
 * @property {string} party @property {number} version @property {number} index @property {Roots} roots
 * @property {import('./note.js').NoteKey} witness
 * @property {string} name its own words @property {string[]} contacts ids of officers, whom to call first
 */
/**
 * @typedef {object} Founding
 * @property {string} origin @property {string} fingerprint @property {import('./note.js').NoteKey} log
 * @property {string[]} parties @property {number | null} dishonest @property {Map<string, Roster>} rosters
 * @property {import('./quorum.js').Witness[]} witnesses
 */

/** What people compare by voice: 8 groups of 4 hex digits. @param {Bytes} payload */
export async function makeFingerprint(payload) {
  const hash = toHex(await sha256(joinBytes(toUtf8("entente charter v1\n"), payload)));
  return (hash.slice(0, 32).match(/.{4}/g) ?? []).join(" ");
}

/** The same for a key of log or witness. @param {import('./note.js').NoteKey} key */
export async function makeKeyFingerprint(key) {
  const hash = toHex(await sha256(joinBytes(toUtf8(`entente key fingerprint v1\n${key.name}\n`), key.raw)));
  return (hash.slice(0, 32).match(/.{4}/g) ?? []).join(" ");
}

/** @param {any} wire @param {string} what @returns {Promise<{id: string, raw: Bytes}>} */
async function parseKey(wire, what) {
  const raw = parseBase64(wire?.ed25519, what, 32);
  const id = String(wire.id);
  const name = id.slice(0, Math.max(0, id.lastIndexOf("+")));
  const wanted = `${name}+${await makeKeyHash(name, ED25519, raw)}`;
  if (id !== wanted) throw failed("bad-key-id", what, wanted, id);
  return { id, raw };
}

/** @param {any} wire @param {string} what @returns {Promise<Roots>} */
async function parseRoots(wire, what) {
  const keys = new Map();
  for (const one of Array.isArray(wire?.keys) ? wire.keys : []) {
    const key = await parseKey(one, what);
    if (keys.has(key.id)) throw malformed("duplicate-key", what, "each root key once", key.id);
    keys.set(key.id, key.raw);
  }
  const threshold = wire?.threshold;
  if (!Number.isSafeInteger(threshold) || threshold < 1 || threshold > keys.size) {
    throw malformed("bad-threshold", what, `1 to ${keys.size} root keys`, String(threshold));
  }
  return { keys, threshold };
}

/** @param {ReadonlySet<string>} signers @param {Roots} roots @param {string} what */
function checkThreshold(signers, roots, what) {
  const have = [...roots.keys.keys()].filter((id) => signers.has(id)).length;
  if (have < roots.threshold) {
    throw failed("root-threshold", what, `${roots.threshold} signatures by root keys`, `${have}`);
  }
}

/**
 * Return whose keys count, out of entry 0 and every roster statement in the record's order.
 * @param {Bytes} charter @param {{index: number, raw: Bytes}[]} statements @returns {Promise<Founding>}
 */
export async function readFounding(charter, statements) {
  const envelope = parseEnvelope(charter);
  const header = parsePayload(envelope.payload);
  const body = header.body;
  const isCharter = header.kind === "charter" && header.author === "center";
  if (!isCharter || body === null || !Array.isArray(body.parties)) {
    throw failed("no-charter", "entry 0", "a charter", `${header.kind} of ${header.author}`);
  }
  const log = await parseNoteKey(String(body.log));
  if (log.kind !== ED25519 || log.name !== header.center) {
    throw failed("bad-origin", "charter", `a log key named ${header.center}`, log.id);
  }
  const center = await parseKey(body.center, "the center's key");
  const keys = new Map([[center.id, center.raw]]);
  /** @type {Map<string, Founder>} */
  const founders = new Map();
  for (const one of body.parties) {
    const roots = await parseRoots(one.roots, `charter, roots of ${one.party}`);
    const spelling = encodeCanonical(one.roots);
    founders.set(String(one.party), { roots, spelling, roster: String(one.roster) });
    for (const [id, raw] of roots.keys) {
      if (!id.startsWith(`${one.party}/root+`) || keys.has(id)) {
        throw failed("bad-key-name", "charter", `a key of its own named ${one.party}/root`, id);
      }
      keys.set(id, raw);
    }
  }
  const signers = await verifyEnvelope(envelope, keys);
  if (!signers.has(center.id)) throw failed("unsigned", "charter", "the center's signature", "none");
  for (const [party, founder] of founders) checkThreshold(signers, founder.roots, `charter, ${party}`);

  /** @type {Map<string, Roster>} */
  const rosters = new Map();
  for (const { index, raw } of statements) await takeRoster(index, raw, header.center, founders, rosters);
  const witnesses = [...rosters.values()].map((roster) => ({ party: roster.party, key: roster.witness }));
  return {
    origin: header.center,
    fingerprint: await makeFingerprint(envelope.payload),
    log,
    parties: [...founders.keys()],
    dishonest: body.rules?.dishonest_witnesses ?? null,
    rosters,
    witnesses,
  };
}

/**
 * @param {number} index @param {Bytes} raw @param {string} origin
 * @param {ReadonlyMap<string, Founder>} founders
 * @param {Map<string, Roster>} rosters
 */
async function takeRoster(index, raw, origin, founders, rosters) {
  const envelope = parseEnvelope(raw);
  const header = parsePayload(envelope.payload);
  const [what, body] = [`roster at entry ${index}`, header.body];
  const founder = founders.get(header.author);
  if (header.kind !== "roster.statement" || body === null || header.center !== origin || !founder) {
    const got = `${header.kind} of ${header.author}`;
    throw failed("no-roster", what, "a roster statement of a founding party", got);
  }
  const roots = await parseRoots(body.roots, what);
  const now = rosters.get(header.author);
  if (body.version !== (now?.version ?? 0) + 1 || index <= (now?.index ?? 0)) {
    throw failed("roster-version", what, `version ${(now?.version ?? 0) + 1}`, String(body.version));
  }
  if (!now) {
    const hash = toHex(await sha256(toUtf8(encodeCanonical(body))));
    if (hash !== founder.roster || encodeCanonical(body.roots) !== founder.spelling) {
      throw failed("other-roster", what, `the first one that the charter names, ${founder.roster}`, hash);
    }
  }
  const before = now?.roots ?? founder.roots;
  for (const [id, raw] of before.keys) {
    // SECURITY: an id has 32 bits, so that a stranger can find a key of his own with the id of a root in
    // force and would sign as it. One id stands for one key, as in kernel/roster.py.
    const again = roots.keys.get(id);
    if (again && !sameBytes(again, raw))
      throw failed("key-collision", what, `${id} to stay that key`, "another");
  }
  const signers = await verifyEnvelope(envelope, new Map([...before.keys, ...roots.keys]));
  checkThreshold(signers, before, `${what}, by the root keys before it`);
  checkThreshold(signers, roots, `${what}, by its own root keys`);
  const witness = await parseNoteKey(String(body.witness));
  if (witness.kind !== COSIGNATURE || witness.name !== `${header.author}/witness`) {
    throw failed("bad-key-name", what, `a witness key named ${header.author}/witness`, witness.id);
  }
  rosters.set(header.author, {
    party: header.author,
    version: body.version,
    index,
    roots,
    witness,
    name: String(body.name),
    contacts: Array.isArray(body.contacts) ? body.contacts.map(String) : [],
  });
}
