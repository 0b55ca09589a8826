// Entries as they stand in the record: canonical JSON, a signed envelope (DSSE), a message's header.
//
// Invariants:
//   * One spelling: what is not the canonical JSON (RFC 8785) of its value is refused, as at the desk.
//   * `verifyEnvelope` looks at every signature; one by an unknown key refuses the envelope.
//   * What a message *says* is its author's word: nothing here makes it true, or fit to be shown unescaped.
//
// It knows no kind of message and no rule.
//
//     const { payload, signatures } = parseEnvelope(raw);
//     const header = parsePayload(payload);                  // {kind, author, at, officers, to, body, ...}

import { failed, joinBytes, malformed, parseBase64, parseUtf8, toUtf8 } from "./bytes.js";
import { verifySignature } from "./ed25519.js";

export const MESSAGE_TYPE = "application/vnd.entente.message+json";
const MAX_ENVELOPE_BYTES = 65_535;
const MAX_DEPTH = 32;
const MAX_SIGNATURES = 128;
const KEY_ID = /^[a-z0-9][a-z0-9./-]{0,118}\+[0-9a-f]{8}$/;

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */
/** @typedef {{keyId: string, signature: Bytes}} Signature */
/** @typedef {{raw: Bytes, payload: Bytes, type: string, signatures: Signature[]}} Envelope */

/**
 * Return the one JCS spelling of a plain value.
 * @param {unknown} value @param {number} [depth] @returns {string}
 */
export function encodeCanonical(value, depth = 0) {
  if (depth > MAX_DEPTH) throw malformed("too-deep", "JSON", `nesting <= ${MAX_DEPTH}`, "more");
  if (Array.isArray(value)) return `[${value.map((one) => encodeCanonical(one, depth + 1)).join(",")}]`;
  if (value !== null && typeof value === "object") {
    const members = /** @type {Record<string, unknown>} */ (value);
    // JavaScript sorts by UTF-16 unit, which is what RFC 8785 section 3.2.3 asks for.
    const names = Object.keys(members).sort();
    const spelt = names.map((name) => `${spell(name)}:${encodeCanonical(members[name], depth + 1)}`);
    return `{${spelt.join(",")}}`;
  }
  if (typeof value === "number" && !Number.isSafeInteger(value)) {
    throw malformed("bad-number", "JSON", "whole numbers within 2^53", String(value));
  }
  return typeof value === "string" ? spell(value) : JSON.stringify(value);
}

/** @param {string} text */
function spell(text) {
  // Half of a pair is no character: JSON would escape it, RFC 8785 refuses it.
  if (/[\ud800-\udfff]/u.test(text)) throw malformed("bad-text", "JSON", "valid Unicode", "a lone surrogate");
  return JSON.stringify(text);
}

/** @param {Uint8Array} data @param {string} what @returns {any} of a shape that the caller must check */
export function parseCanonical(data, what) {
  const text = parseUtf8(data, what);
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw malformed("not-json", what, "JSON", text.slice(0, 80));
  }
  // Duplicate names, white space, order, escapes: all of it shows when the value is spelt again.
  if (encodeCanonical(value) !== text) {
    throw malformed("not-canonical", what, "the canonical spelling", "another");
  }
  return value;
}

/** @param {Bytes} raw @returns {Envelope} well-formed; nothing is verified */
export function parseEnvelope(raw) {
  if (raw.length > MAX_ENVELOPE_BYTES) {
    throw malformed("too-large", "envelope", `<= ${MAX_ENVELOPE_BYTES} bytes`, `${raw.length}`);
  }
  const wire = parseCanonical(raw, "envelope");
  const isShaped =
    hasMembers(wire, ["payload", "payloadType", "signatures"]) &&
    typeof wire.payload === "string" &&
    typeof wire.payloadType === "string" &&
    Array.isArray(wire.signatures) &&
    wire.signatures.length > 0 &&
    wire.signatures.length <= MAX_SIGNATURES;
  if (!isShaped) {
    throw malformed("wrong-type", "envelope", "payload, payloadType and signatures", "something else");
  }
  const signatures = [];
  let last = "";
  for (const one of wire.signatures) {
    if (!hasMembers(one, ["keyid", "sig"]) || !KEY_ID.test(one.keyid) || one.keyid <= last) {
      throw malformed("signature-order", "signatures", "each key once, sorted by key id", String(one?.keyid));
    }
    last = one.keyid;
    signatures.push({ keyId: one.keyid, signature: parseBase64(one.sig, "signature", 64) });
  }
  return { raw, payload: parseBase64(wire.payload, "payload"), type: wire.payloadType, signatures };
}

/** @param {any} value @param {string[]} names @returns {boolean} an object with these members and no other */
function hasMembers(value, names) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return false;
  const have = Object.keys(value).sort();
  return have.length === names.length && have.every((name, at) => name === names[at]);
}

/**
 * Check every signature; return the ids of the keys that signed.
 * @param {Envelope} envelope @param {ReadonlyMap<string, Bytes>} keys public keys by id
 * @returns {Promise<Set<string>>}
 */
export async function verifyEnvelope(envelope, keys) {
  if (envelope.type !== MESSAGE_TYPE) throw failed("wrong-type", "payload type", MESSAGE_TYPE, envelope.type);
  const head = `DSSEv1 ${toUtf8(envelope.type).length} ${envelope.type} ${envelope.payload.length} `;
  const signed = joinBytes(toUtf8(head), envelope.payload);
  for (const { keyId, signature } of envelope.signatures) {
    const key = keys.get(keyId);
    // SECURITY: a stranger's signature is refused, not ignored: whoever may append one could give one message
    // a second hash (tests/browser/test_page_record.py, a stranger signs too).
    if (!key) throw failed("unknown-key", "signature", "a key of the charter or the roster", keyId);
    await verifySignature(key, signature, signed, keyId);
  }
  return new Set(envelope.signatures.map((one) => one.keyId));
}

/**
 * A message's header and body, as its author signed them.
 * @typedef {object} Header
 * @property {number} v @property {string} kind @property {string} center @property {string} author
 * @property {string[]} officers @property {number} seq @property {string} prev
 * @property {{size: number, root: string}} seen @property {string} at
 * @property {{party: string, key: string, ciphertext: string}[]} to
 * @property {Record<string, any> | null} body @property {string | null} sealed
 */
const HEADER = "at author body center kind officers prev sealed seen seq to v".split(" ");

/** @param {Bytes} payload @returns {Header} */
export function parsePayload(payload) {
  const plain = parseCanonical(payload, "payload");
  const isShaped =
    hasMembers(plain, HEADER) &&
    plain.v === 1 &&
    ["at", "author", "center", "kind", "prev"].every((name) => typeof plain[name] === "string") &&
    Number.isSafeInteger(plain.seq) &&
    Array.isArray(plain.officers) &&
    Array.isArray(plain.to);
  if (!isShaped) throw malformed("wrong-type", "payload", "a message of version 1", "something else");
  return plain;
}
