// Cosignatures (C2SP tlog-cosignature v1, Ed25519): a witness's timestamped word on a checkpoint.
//
// Invariants: one is returned only when it was verified over the exact text of a verified checkpoint; unknown
// keys are ignored; one bad line of a known key refuses the note; of several good lines of one key the latest
// counts. As src/entente/record/cosignature.py, without ML-DSA, which no browser has and no roster names.
//
// It does not decide how many are enough (`quorum.js`), nor whether a time is plausible (`watch.js`).
//
//     const found = await verifyCosignatures(note, checkpoint, keys)        // [{key, timeS}]

import { cannot, failed, joinBytes, sameBytes, toUtf8 } from "./bytes.js";
import { SIGNATURE_BYTES, verifySignature } from "./ed25519.js";
import { COSIGNATURE, isBy, parseNote } from "./note.js";

const TIME_BYTES = 8;

/** @typedef {import('./note.js').NoteKey} NoteKey */
/** @typedef {{key: NoteKey, timeS: number}} Cosignature what the witness claims, in POSIX seconds */

/**
 * @param {Uint8Array} raw the note that holds the lines
 * @param {import('./note.js').Checkpoint} checkpoint what they must be about, byte for byte
 * @param {NoteKey[]} keys
 * @returns {Promise<Cosignature[]>}
 */
export async function verifyCosignatures(raw, checkpoint, keys) {
  const note = parseNote(raw);
  if (!sameBytes(note.text, checkpoint.text)) {
    throw failed("other-checkpoint", "note", `the text of checkpoint ${checkpoint.size}`, "another");
  }
  const found = [];
  for (const key of keys) {
    if (key.kind !== COSIGNATURE) {
      throw cannot("bad-key-type", `key ${key.id}`, "type 4 (Ed25519)", `${key.kind}`);
    }
    let latest = -1n;
    for (const line of note.signatures) {
      if (isBy(line, key)) {
        const timeS = await verifyLine(line.signature, checkpoint, key);
        latest = timeS > latest ? timeS : latest;
      }
    }
    if (latest >= 0n) found.push({ key, timeS: Number(latest) });
  }
  return found;
}

/**
 * @param {Uint8Array<ArrayBuffer>} blob time and signature
 * @param {import('./note.js').Checkpoint} checkpoint @param {NoteKey} key
 */
async function verifyLine(blob, checkpoint, key) {
  const what = `cosignature of ${key.id}`;
  if (blob.length !== TIME_BYTES + SIGNATURE_BYTES) {
    throw failed("bad-signature", what, `${TIME_BYTES + SIGNATURE_BYTES} bytes`, `${blob.length}`);
  }
  const timeS = new DataView(blob.buffer, blob.byteOffset).getBigUint64(0);
  if (timeS >= 2n ** 63n) throw failed("bad-signature", what, "a time < 2^63 s", `${timeS}`);
  const message = joinBytes(toUtf8(`cosignature/v1\ntime ${timeS}\n`), checkpoint.text);
  await verifySignature(key.raw, blob.slice(TIME_BYTES), message, key.id);
  return timeS;
}
