// Signed notes and checkpoints (C2SP signed-note, tlog-checkpoint), read and verified by the page itself.
//
// Invariants:
//   * Strict as src/entente/record/note.py and checkpoint.py: what the one refuses, the other refuses.
//   * A signature is looked at only when name and key id are those of a key that we were given; one bad
//     signature of such a key refuses the whole note, and so does no good one.
//   * A `Checkpoint` that `verifyCheckpoint` returned was signed by that log; the text is kept byte by byte.
//
// Cosignatures are `cosignature.js`. Sizes beyond 2^53 are in the format and not in JavaScript: refused.
//
//     const checkpoint = await verifyCheckpoint(note, parseNoteKey(vkey))     // .size, .root, .text

import {
  cannot,
  failed,
  joinBytes,
  malformed,
  parseBase64,
  parseUtf8,
  sameBytes,
  toHex,
  toUtf8,
} from "./bytes.js";
import { PUBLIC_BYTES, verifySignature } from "./ed25519.js";
import { HASH_BYTES, sha256 } from "./tree.js";

export const MAX_NOTE_BYTES = 262_144;
export const MAX_SIGNATURES = 100;
const MAX_NAME_BYTES = 255;
const MLDSA44_KEY_BYTES = 1312;

/** What a key's signatures mean: the byte before it. */
export const ED25519 = 1;
export const COSIGNATURE = 4;
const MLDSA = 6;

const DASH = "\u2014 ";
const SIZE = /^(?:0|[1-9][0-9]{0,18})$/;
// What Python's str.isspace says; JavaScript's \s has one more (U+FEFF) and three fewer.
const SPACE = /[\s\u0085\u001c-\u001f]/u;
const BOM = "\ufeff";

/** @param {string} text */
const hasControls = (text) => /[\u0000-\u001f]/u.test(text);

/** @param {string} name */
export function isKeyName(name) {
  const size = toUtf8(name).length;
  const bare = name.replaceAll(BOM, "");
  return size > 0 && size <= MAX_NAME_BYTES && !SPACE.test(bare) && !name.includes("+") && !hasControls(name);
}

/** @typedef {import('./tree.js').Hash} Hash */
/** @typedef {Uint8Array<ArrayBuffer>} Bytes */
/** @typedef {{name: string, kind: number, raw: Bytes, id: string, vkey: string}} NoteKey */
/** @typedef {{name: string, keyHash: string, signature: Bytes}} SignatureLine */
/** @typedef {{text: Bytes, signatures: SignatureLine[]}} SignedNote */
/**
 * @typedef {object} Checkpoint
 * @property {string} origin
 * @property {number} size
 * @property {Hash} root
 * @property {Uint8Array<ArrayBuffer>} text what is signed
 * @property {Uint8Array<ArrayBuffer>} note the whole note it came in
 */

/** The 8 hex digits of a key id. @param {string} name @param {number} kind @param {Uint8Array} raw */
export async function makeKeyHash(name, kind, raw) {
  const hash = await sha256(joinBytes(toUtf8(`${name}\n`), Uint8Array.of(kind), raw));
  return toHex(hash.subarray(0, 4));
}

/**
 * Return the key that a vkey spells: `name+hex8(id)+base64(type || key)`.
 * @param {string} vkey @returns {Promise<NoteKey>}
 */
export async function parseNoteKey(vkey) {
  const [name = "", digits = ""] = vkey.split("+", 2);
  const encoded = vkey.slice(name.length + digits.length + 2);
  if (!isKeyName(name) || !encoded || vkey.length > MAX_NOTE_BYTES) {
    throw malformed("bad-vkey", "verifier key", "'name+id+base64'", vkey);
  }
  const material = parseBase64(encoded, `verifier key ${name}`);
  const kind = material[0];
  if (kind !== ED25519 && kind !== COSIGNATURE && kind !== MLDSA) {
    throw malformed("bad-vkey", `verifier key ${name}`, "type 1, 4 or 6", String(kind));
  }
  const raw = material.slice(1);
  const wanted = kind === MLDSA ? MLDSA44_KEY_BYTES : PUBLIC_BYTES;
  if (raw.length !== wanted) {
    throw malformed("bad-vkey", `verifier key ${name}`, `${wanted} bytes`, `${raw.length}`);
  }
  const hash = await makeKeyHash(name, kind, raw);
  if (digits !== hash) throw malformed("bad-vkey", `verifier key ${name}`, `id ${hash}`, digits);
  return { name, kind, raw, id: `${name}+${hash}`, vkey };
}

/** @param {SignatureLine} line @param {NoteKey} key says nothing about the signature */
export const isBy = (line, key) => line.name === key.name && `${key.name}+${line.keyHash}` === key.id;

/** @param {string} line @returns {SignatureLine} */
function parseSignatureLine(line) {
  const rest = line.startsWith(DASH) ? line.slice(DASH.length) : "";
  const border = rest.indexOf(" ");
  const name = border < 0 ? "" : rest.slice(0, border);
  const encoded = border < 0 ? "" : rest.slice(border + 1);
  if (!isKeyName(name) || !encoded) {
    throw malformed("bad-signature-line", "signature line", "'\u2014 name base64'", line.slice(0, 80));
  }
  const blob = parseBase64(encoded, `signature of ${name}`);
  if (blob.length <= 4) {
    throw malformed("bad-signature-line", `signature of ${name}`, "> 4 bytes", `${blob.length}`);
  }
  return { name, keyHash: toHex(blob.subarray(0, 4)), signature: blob.slice(4) };
}

/** @param {Uint8Array} raw @returns {{text: Uint8Array<ArrayBuffer>, rest: string}} */
function splitNote(raw) {
  if (raw.length > MAX_NOTE_BYTES) {
    throw malformed("too-large", "note", `<= ${MAX_NOTE_BYTES} bytes`, `${raw.length}`);
  }
  const whole = parseUtf8(raw, "note");
  if (hasControls(whole.replaceAll("\n", ""))) {
    throw malformed("control-character", "note", "no control character but newline", "one");
  }
  // The text may hold empty lines: the last one is the border.
  const border = whole.lastIndexOf("\n\n");
  if (border < 0 || !whole.endsWith("\n") || border + 2 === whole.length) {
    throw malformed("not-a-note", "note", "text, an empty line and signature lines", "something else");
  }
  return { text: toUtf8(`${whole.slice(0, border)}\n`), rest: whole.slice(border + 2) };
}

/** @param {Uint8Array} raw @returns {SignedNote} well-formed; nothing is verified */
export function parseNote(raw) {
  const { text, rest } = splitNote(raw);
  const lines = rest.split("\n").slice(0, -1);
  if (lines.length > MAX_SIGNATURES) {
    throw malformed("too-many-signatures", "note", `<= ${MAX_SIGNATURES} signatures`, `${lines.length}`);
  }
  return { text, signatures: lines.map(parseSignatureLine) };
}

/** @param {string} text @param {string} what @returns {number} a size or an index */
export function parseSize(text, what) {
  if (!SIZE.test(text) || BigInt(text) > 2n ** 63n - 1n) {
    throw malformed("bad-size", what, "a decimal number < 2^63", text.slice(0, 40));
  }
  const size = Number(text);
  if (!Number.isSafeInteger(size)) throw cannot("size-too-large", what, "below 2^53 in a browser", text);
  return size;
}

/** @param {Uint8Array} text @returns {{origin: string, size: number, root: Hash}} what it claims */
export function parseCheckpoint(text) {
  const lines = parseUtf8(text, "checkpoint").split("\n");
  if (lines.length < 4 || lines.pop() !== "") {
    throw malformed("bad-checkpoint", "checkpoint", ">= 3 lines, each with its newline", `${lines.length}`);
  }
  const [origin = "", digits = "", encoded = "", ...extensions] = lines;
  const root = parseBase64(encoded, "checkpoint root", HASH_BYTES);
  const size = parseSize(digits, "checkpoint size");
  const isBroken = [origin, ...extensions].some((line) => !line || hasControls(line));
  if (isBroken || toUtf8(origin).length > MAX_NAME_BYTES) {
    throw malformed("bad-checkpoint", "checkpoint", "an origin and extensions that are lines", origin);
  }
  return { origin, size, root };
}

/** @param {Uint8Array} raw @returns what a checkpoint note claims: to show it, never to rely on it */
export const parseCheckpointNote = (raw) => parseCheckpoint(splitNote(raw).text);

/**
 * Return the checkpoint that the log signed; throw if it did not.
 * @param {Uint8Array<ArrayBuffer>} raw the whole note @param {NoteKey} log @returns {Promise<Checkpoint>}
 */
export async function verifyCheckpoint(raw, log) {
  if (log.kind !== ED25519) throw failed("bad-key-type", `log key ${log.id}`, "type 1", `${log.kind}`);
  const note = parseNote(raw);
  let isSigned = false;
  for (const line of note.signatures) {
    if (isBy(line, log)) {
      // SECURITY: a bad signature of a known key is never skipped in favour of a good one beside it: two
      // readers could take one note differently (tests/browser/test_page_record.py, bad-beside-good).
      await verifySignature(log.raw, line.signature, note.text, log.id);
      isSigned = true;
    }
  }
  if (!isSigned) {
    const names = note.signatures.map((line) => `${line.name}+${line.keyHash}`).join(", ");
    throw failed("no-known-signature", "checkpoint", `a signature by ${log.id}`, `signatures by ${names}`);
  }
  const { origin, size, root } = parseCheckpoint(note.text);
  if (origin !== log.name) throw failed("wrong-origin", "checkpoint", `origin ${log.name}`, origin);
  if (size === 0 && !sameBytes(root, await sha256(new Uint8Array()))) {
    throw failed("bad-empty-root", "checkpoint of size 0", "the root of the empty tree", toHex(root));
  }
  return { origin, size, root, text: note.text, note: raw };
}
