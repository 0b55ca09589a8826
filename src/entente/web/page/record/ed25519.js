// Ed25519 by the browser, made as strict as the desk's own check.
//
// Invariants:
//   * What is taken here, libsodium takes as well: small-order and non-canonical points are refused before
//     WebCrypto is asked, which lets some of them pass (tests/browser/test_page_record.py, the published
//     vectors of tests/vectors/test_ed25519.py).
//   * A browser without Ed25519 throws `cannot`: nothing is ever shown as checked that was not.
//
//     await verifySignature(key, signature, data, 'us/witness')    // returns, or throws a RecordError

import { cannot, failed } from "./bytes.js";

export const PUBLIC_BYTES = 32;
export const SIGNATURE_BYTES = 64;

const P = 2n ** 255n - 19n;
/** y of the points of order 1, 2, 4 and 8: both signs of x, and spellings of y beyond p, are among them. */
const SMALL_ORDER = new Set([
  0n,
  1n,
  P - 1n,
  2707385501144840649318225287225658788936804267575313519463743609750303402022n,
  55188659117513257062467267217118295137698188065244968500265048394206261417927n,
]);

/** @param {Uint8Array} point */
function readY(point) {
  let y = 0n;
  for (let at = 31; at >= 0; at -= 1) y = y * 256n + BigInt(point[at] ?? 0);
  return y % 2n ** 255n; // the highest bit is the sign of x
}

/** @param {Uint8Array} point @param {string} who */
function checkPoint(point, who) {
  const y = readY(point);
  // SECURITY: with a key of small order one signature is good for many texts.
  if (y >= P || SMALL_ORDER.has(y)) {
    throw failed("bad-signature", `signature of ${who}`, "points of full order in one spelling", "another");
  }
}

/** @type {Promise<boolean> | undefined} */
let known;

/** Tell whether this browser can check Ed25519 at all. @returns {Promise<boolean>} */
export function canCheck() {
  known ??= (async () => {
    try {
      // RFC 8032 section 7.1, TEST 1: a browser that says yes to the name must also say yes to the vector.
      const key = fromHex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
      const signature = fromHex(
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155" +
          "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
      );
      return await ask(key, signature, new Uint8Array());
    } catch {
      return false;
    }
  })();
  return known;
}

/** @param {string} text */
const fromHex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */

/** @param {Bytes} key @param {Bytes} signature @param {Bytes} data */
async function ask(key, signature, data) {
  const imported = await crypto.subtle.importKey("raw", key, { name: "Ed25519" }, false, ["verify"]);
  return crypto.subtle.verify({ name: "Ed25519" }, imported, signature, data);
}

/**
 * Return if `signature` is the key's over `data`; throw otherwise.
 * @param {Bytes} key @param {Bytes} signature @param {Bytes} data @param {string} who
 */
export async function verifySignature(key, signature, data, who) {
  if (!(await canCheck())) {
    throw cannot("no-ed25519", "this browser", "Ed25519 in WebCrypto", "none: it cannot check signatures");
  }
  const what = `signature of ${who}`;
  if (key.length !== PUBLIC_BYTES || signature.length !== SIGNATURE_BYTES) {
    throw failed("bad-signature", what, "64 bytes by a key of 32", `${signature.length} by ${key.length}`);
  }
  checkPoint(key, who);
  checkPoint(signature.subarray(0, 32), who);
  let isGood = false;
  try {
    isGood = await ask(key, signature, data);
  } catch {
    isGood = false; // a key that the browser does not even take
  }
  if (!isGood) {
    throw failed("bad-signature", what, `one that verifies over ${data.length} bytes`, "another");
  }
}
