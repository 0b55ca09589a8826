// The Merkle tree of RFC 6962 over SHA-256: the page's own check of what stands in the record.
//
// Invariants:
//   * A hash is 32 bytes, everywhere; a wrong length is refused before it is hashed.
//   * Sizes are whole numbers below 2^53, halved by division: JavaScript's shifts know 32 bits only.
//   * A proof is taken with exactly the steps that the RFC defines: one more or less is refused.
//
// It makes no proofs and knows no signatures. The same algorithms as src/entente/record/tree.py, held against
// it by tests/browser/test_page_record.py.
//
//     await verifyInclusion(leaf, 1, 3, proof, root)         // returns, or throws a RecordError

import { cannot, failed, joinBytes, sameBytes, toHex } from "./bytes.js";

export const HASH_BYTES = 32;
const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

/** @typedef {Uint8Array<ArrayBuffer>} Hash */

/** @param {Uint8Array<ArrayBuffer>} data @returns {Promise<Hash>} */
export async function sha256(data) {
  // Browsers keep their cryptography for pages that came over TLS or from this machine.
  if (!globalThis.crypto?.subtle) {
    throw cannot("no-hash", "this browser", "SHA-256 (WebCrypto, over https or localhost)", "none");
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", data));
}

/** The hash that stands for an entry. @param {Uint8Array} data @returns {Promise<Hash>} */
export const hashLeaf = (data) => sha256(joinBytes(LEAF, data));

/** @param {Uint8Array} left @param {Uint8Array} right @returns {Promise<Hash>} */
export const hashNode = (left, right) => sha256(joinBytes(NODE, left, right));

/** @param {string} what @param {Uint8Array[]} hashes */
function checkHashes(what, hashes) {
  for (const hash of hashes) {
    // SECURITY: an empty "hash" against an empty root would pass every comparison below
    // (tests/browser/test_page_record.py, empty-hash).
    if (!(hash instanceof Uint8Array) || hash.length !== HASH_BYTES) {
      throw failed("bad-hash", what, "hashes of 32 bytes", `${hash?.length ?? "none"}`);
    }
  }
}

/** @param {number} value */
const isCount = (value) => Number.isSafeInteger(value) && value >= 0;
/** @param {number} value */
const half = (value) => Math.floor(value / 2);
/** @param {number} value */
const isOdd = (value) => value % 2 === 1;

/**
 * One step of an audit path, from the leaf upwards: for the picture, and for whoever wants to follow it.
 * @typedef {{side: 'left' | 'right', sibling: Hash, hash: Hash}} PathStep
 */

/**
 * Return the steps by which `leaf` at `index` leads to `root`; throw if it does not.
 * @param {Hash} leaf @param {number} index @param {number} size @param {Hash[]} proof @param {Hash} root
 * @returns {Promise<PathStep[]>}
 */
export async function verifyInclusion(leaf, index, size, proof, root) {
  const what = "inclusion proof";
  checkHashes(what, [leaf, root, ...proof]);
  if (!isCount(index) || !isCount(size) || index >= size) {
    throw failed("bad-inclusion", what, "0 <= index < size", `${index} of ${size}`);
  }
  let [place, last, found] = [index, size - 1, leaf];
  /** @type {PathStep[]} */
  const path = [];
  for (const sibling of proof) {
    if (last === 0) throw failed("bad-inclusion", what, "fewer steps", `${proof.length}`);
    if (isOdd(place) || place === last) {
      found = await hashNode(sibling, found);
      path.push({ side: "left", sibling, hash: found });
      while (!isOdd(place) && place !== 0) [place, last] = [half(place), half(last)];
    } else {
      found = await hashNode(found, sibling);
      path.push({ side: "right", sibling, hash: found });
    }
    [place, last] = [half(place), half(last)];
  }
  if (last !== 0) throw failed("bad-inclusion", what, "more steps", `${proof.length}`);
  if (!sameBytes(found, root)) {
    throw failed("bad-inclusion", `${what} of ${index} of ${size}`, `root ${toHex(root)}`, toHex(found));
  }
  return path;
}

/**
 * Return if the tree of size `old` is a prefix of the tree of size `size`; throw otherwise, and at size 0.
 * @param {number} old @param {number} size @param {Hash} oldRoot @param {Hash} root @param {Hash[]} proof
 */
export async function verifyConsistency(old, size, oldRoot, root, proof) {
  const what = "consistency proof";
  checkHashes(what, [oldRoot, root, ...proof]);
  if (!isCount(old) || !isCount(size) || old === 0 || old > size) {
    throw failed("bad-consistency", what, "0 < old <= new", `${old} and ${size}`);
  }
  if (old === size) {
    if (proof.length) throw failed("bad-consistency", what, "no steps", `${proof.length}`);
    if (!sameBytes(oldRoot, root)) {
      throw failed("bad-consistency", `root of size ${old}`, toHex(oldRoot), toHex(root));
    }
    return;
  }
  // A power of two is a subtree of its own: its root is known to whoever asks and is left out.
  const path = isPowerOfTwo(old) ? [oldRoot, ...proof] : [...proof];
  const [first, ...rest] = path;
  if (first === undefined) throw failed("bad-consistency", what, "more steps", "0");
  let [place, last] = [old - 1, size - 1];
  while (isOdd(place)) [place, last] = [half(place), half(last)];
  let [foundOld, found] = [first, first];
  for (const step of rest) {
    if (last === 0) throw failed("bad-consistency", what, "fewer steps", `${proof.length}`);
    if (isOdd(place) || place === last) {
      foundOld = await hashNode(step, foundOld);
      found = await hashNode(step, found);
      while (!isOdd(place) && place !== 0) [place, last] = [half(place), half(last)];
    } else {
      found = await hashNode(found, step);
    }
    [place, last] = [half(place), half(last)];
  }
  if (last !== 0) throw failed("bad-consistency", what, "more steps", `${proof.length}`);
  if (!sameBytes(foundOld, oldRoot)) {
    const subject = `${what} from ${old} to ${size}: root of ${old}`;
    throw failed("bad-consistency", subject, toHex(oldRoot), toHex(foundOld));
  }
  if (!sameBytes(found, root)) {
    const subject = `${what} from ${old} to ${size}: root of ${size}`;
    throw failed("bad-consistency", subject, toHex(root), toHex(found));
  }
}

/** @param {number} value */
function isPowerOfTwo(value) {
  let rest = value;
  while (rest > 1 && !isOdd(rest)) rest = half(rest);
  return rest === 1;
}

/** @param {Hash[]} row an even number @returns {Promise<Hash[]>} */
function hashPairs(row) {
  const above = [];
  for (let at = 0; at + 1 < row.length; at += 2) {
    above.push(hashNode(/** @type {Hash} */ (row[at]), /** @type {Hash} */ (row[at + 1])));
  }
  return Promise.all(above);
}

/**
 * The roots of the complete subtrees of a growing tree, largest first: 32 bytes a bit of its size.
 *
 * Leaves go in, the root comes out: whoever has every leaf hash needs no proof.
 */
export class Frontier {
  constructor() {
    this.size = 0;
    /** @type {{height: number, hash: Hash}[]} */
    this.peaks = [];
  }

  /** Add leaf hashes that lie one after the other. @param {Uint8Array} flat */
  async extend(flat) {
    if (flat.length % HASH_BYTES) {
      throw failed("bad-hash", "leaves", "whole 32-byte hashes", `${flat.length} bytes`);
    }
    /** @type {Hash[]} */
    let row = [];
    for (let at = 0; at < flat.length; at += HASH_BYTES) row.push(flat.slice(at, at + HASH_BYTES));
    const edge = [];
    // A level at a time, so that the browser hashes many pairs at once.
    for (let height = 0; row.length; height += 1) {
      const peak = this.peaks[this.peaks.length - 1];
      if (peak && peak.height === height) {
        this.peaks.pop();
        row.unshift(peak.hash);
      }
      const last = isOdd(row.length) ? row.pop() : undefined;
      if (last) edge.unshift({ height, hash: last });
      row = await hashPairs(row);
    }
    this.peaks.push(...edge);
    this.size += flat.length / HASH_BYTES;
  }

  /** @returns {Promise<Hash>} the root, RFC 6962 section 2.1 */
  async root() {
    if (!this.peaks.length) return sha256(new Uint8Array());
    let [found, ...rest] = [...this.peaks].reverse().map((peak) => peak.hash);
    for (const hash of rest) found = await hashNode(hash, /** @type {Hash} */ (found));
    return /** @type {Hash} */ (found);
  }
}
