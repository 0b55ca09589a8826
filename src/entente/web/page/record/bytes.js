// Bytes, and the texts that spell them, as strictly as the record's formats want it.
//
// Invariants:
//   * Base64 has one spelling: what `parseBase64` accepts, `encodeBase64` turns back into the same text.
//   * UTF-8 is decoded or refused, never repaired; a byte order mark is a character like any other.
//   * A fault is a `RecordError` with a code, what was expected and what was there.
//
// It hashes nothing and knows no format.
//
//     parseBase64('AAEC', 'root')          // Uint8Array [0, 1, 2]
//     toHex(Uint8Array.of(1, 255))         // '01ff'

/**
 * What went wrong. `malformed`: not of the agreed form. `failed`: a signature, proof or hash that does not
 * check. `cannot`: this browser is not able to check it, which says nothing about the thing itself.
 * @typedef {'malformed' | 'failed' | 'cannot'} ErrorKind
 */

/** A check that did not pass, or could not be made. */
export class RecordError extends Error {
  /**
   * @param {ErrorKind} kind
   * @param {string} code the same words as the Python's: `bad-signature`, `bad-inclusion`
   * @param {string} subject
   * @param {string} expected
   * @param {string} got
   */
  constructor(kind, code, subject, expected, got) {
    super(`${subject}: expected ${expected}, got ${got}`);
    this.name = "RecordError";
    this.kind = kind;
    this.code = code;
    this.subject = subject;
    this.expected = expected;
    this.got = got;
  }
}

/** @param {string} code @param {string} subject @param {string} expected @param {string} got */
export const malformed = (code, subject, expected, got) =>
  new RecordError("malformed", code, subject, expected, shorten(got));

/** @param {string} code @param {string} subject @param {string} expected @param {string} got */
export const failed = (code, subject, expected, got) =>
  new RecordError("failed", code, subject, expected, shorten(got));

/** @param {string} code @param {string} subject @param {string} expected @param {string} got */
export const cannot = (code, subject, expected, got) =>
  new RecordError("cannot", code, subject, expected, shorten(got));

/** @param {string} text */
function shorten(text) {
  return text.length > 160 ? `${text.slice(0, 160)}… (${text.length} characters)` : text;
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const ENCODER = new TextEncoder();
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
const HEX64 = /^[0-9a-f]{64}$/;

/** @param {string} text */
export const toUtf8 = (text) => ENCODER.encode(text);

/** @param {Uint8Array} data @param {string} what @returns {string} */
export function parseUtf8(data, what) {
  try {
    return UTF8.decode(data);
  } catch {
    throw malformed("not-utf8", what, "UTF-8", "other bytes");
  }
}

/**
 * Return the bytes of a text in its one base64 spelling.
 * @param {string} text @param {string} what @param {number} [size] the number of bytes that it must be
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function parseBase64(text, what, size) {
  let data = null;
  if (typeof text === "string" && text.length % 4 === 0 && BASE64.test(text)) {
    const raw = atob(text);
    data = new Uint8Array(raw.length);
    for (let at = 0; at < raw.length; at += 1) data[at] = raw.charCodeAt(at);
  }
  // SECURITY: decoders let the unused bits of the last letter be anything, so that one value has several
  // spellings; only the one that an encoder writes is taken (tests/browser/test_page_record.py).
  if (data === null || encodeBase64(data) !== text) {
    throw malformed("bad-base64", what, "the one base64 spelling", `${String(text).slice(0, 80)}`);
  }
  if (size !== undefined && data.length !== size) {
    throw malformed("bad-length", what, `${size} bytes`, `${data.length}`);
  }
  return data;
}

/** @param {Uint8Array} data */
export function encodeBase64(data) {
  let raw = "";
  for (let at = 0; at < data.length; at += 8192) {
    raw += String.fromCharCode(...data.subarray(at, at + 8192));
  }
  return btoa(raw);
}

/** @param {Uint8Array} data */
export function toHex(data) {
  let text = "";
  for (const byte of data) text += byte.toString(16).padStart(2, "0");
  return text;
}

/** @param {string} text @param {string} what @returns {Uint8Array<ArrayBuffer>} the 32 bytes of a SHA-256 */
export function parseHex64(text, what) {
  if (typeof text !== "string" || !HEX64.test(text)) {
    throw malformed("bad-hash", what, "64 lower-case hex digits", String(text));
  }
  const data = new Uint8Array(32);
  for (let at = 0; at < 32; at += 1) data[at] = parseInt(text.slice(2 * at, 2 * at + 2), 16);
  return data;
}

/** @param {...Uint8Array} parts @returns {Uint8Array<ArrayBuffer>} */
export function joinBytes(...parts) {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** @param {Uint8Array} one @param {Uint8Array} other */
export function sameBytes(one, other) {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}
