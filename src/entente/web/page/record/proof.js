// Proof files (C2SP tlog-proof@v1): one entry, shown to be in the record, in the form of `entente prove`.
//
// Invariants: `encodeProof` of what `parseProof` accepts is the identical bytes; `verifyProof` believes
// nothing but the entry's own bytes, the keys that it is given and RFC 6962; `extra` is not authenticated.
// As src/entente/record/proof.py; docs/formats says the format.
//
//     const {index, path} = await verifyProof(data, entry, log, witnesses, null)

import { encodeBase64, joinBytes, malformed, parseBase64, parseUtf8, toUtf8 } from "./bytes.js";
import { verifyCosignatures } from "./cosignature.js";
import { MAX_NOTE_BYTES, parseCheckpointNote, parseSize, verifyCheckpoint } from "./note.js";
import { decideStanding } from "./quorum.js";
import { HASH_BYTES, hashLeaf, verifyInclusion } from "./tree.js";

const HEADER = "c2sp.org/tlog-proof@v1";
const MAX_HASHES = 63;
const MAX_EXTRA_BYTES = 65_536;
const MAX_BYTES = MAX_NOTE_BYTES + 2 * MAX_EXTRA_BYTES;

/** @typedef {import('./tree.js').Hash} Hash */
/** @typedef {Uint8Array<ArrayBuffer>} Bytes */
/** @typedef {{index: number, hashes: Hash[], note: Bytes, extra: Bytes}} Proof */

/** @param {Uint8Array} data @returns {Proof} as it stands in the file; nothing is verified */
export function parseProof(data) {
  if (data.length > MAX_BYTES) {
    throw malformed("too-large", "proof", `<= ${MAX_BYTES} bytes`, `${data.length}`);
  }
  const border = data.findIndex((byte, at) => byte === 10 && data[at + 1] === 10);
  const head = data.subarray(0, border < 0 ? data.length : border);
  const lines = parseUtf8(head, "proof").split("\n");
  if (border < 0 || lines[0] !== HEADER || head.some((byte) => byte > 127)) {
    throw malformed("bad-proof", "proof", HEADER, lines[0]?.slice(0, 80) ?? "");
  }
  let at = 1;
  let extra = new Uint8Array();
  if (lines[at]?.startsWith("extra ")) {
    extra = parseBase64(lines[at]?.slice(6) ?? "", "proof extra");
    at += 1;
    if (extra.length < 1 || extra.length > MAX_EXTRA_BYTES) {
      throw malformed("bad-proof", "proof extra", `1 to ${MAX_EXTRA_BYTES} bytes`, `${extra.length}`);
    }
  }
  if (!lines[at]?.startsWith("index ")) {
    throw malformed("bad-proof", "proof", "'index <n>'", lines[at] ?? "nothing");
  }
  const index = parseSize(lines[at]?.slice(6) ?? "", "proof index");
  const spelt = lines.slice(at + 1);
  if (spelt.length > MAX_HASHES) {
    throw malformed("bad-proof", "proof", `<= ${MAX_HASHES} hashes`, `${spelt.length}`);
  }
  const hashes = spelt.map((line) => parseBase64(line, "proof hash", HASH_BYTES));
  const note = data.slice(border + 2);
  parseCheckpointNote(note);
  return { index, hashes, note, extra };
}

/** @param {Proof} proof @returns {Uint8Array<ArrayBuffer>} */
export function encodeProof(proof) {
  const lines = [HEADER];
  if (proof.extra.length) lines.push(`extra ${encodeBase64(proof.extra)}`);
  lines.push(`index ${proof.index}`, ...proof.hashes.map(encodeBase64), "", "");
  return joinBytes(toUtf8(lines.join("\n")), proof.note);
}

/**
 * Return where an entry stands, how it leads to the root, and how far witnesses carried that root.
 * @param {Uint8Array} data the file
 * @param {Uint8Array} entry the entry's exact bytes
 * @param {import('./note.js').NoteKey} log
 * @param {{party: string, key: import('./note.js').NoteKey}[]} witnesses
 * @param {number | null} dishonest
 */
export async function verifyProof(data, entry, log, witnesses, dishonest) {
  const proof = parseProof(data);
  const checkpoint = await verifyCheckpoint(proof.note, log);
  const cosigned = await verifyCosignatures(
    proof.note,
    checkpoint,
    witnesses.map((one) => one.key),
  );
  const keys = new Set(cosigned.map((one) => one.key));
  const decision = decideStanding(witnesses, keys, dishonest);
  const leaf = await hashLeaf(entry);
  const path = await verifyInclusion(leaf, proof.index, checkpoint.size, proof.hashes, checkpoint.root);
  return { index: proof.index, checkpoint, decision, leaf, path };
}
