// Heights, distances and positions in words and numbers, and read from what somebody typed.
//
// Invariants: a height says its unit, and where it counts its datum; metres above the WGS84 ellipsoid are what is
// recorded: feet are the same height in another unit, and a flight level is *not* (it is a pressure): it is only
// shown as "about", and never read without saying so; what cannot be read is null, never a guess.
//
//     formatHeight(1500, false)     // "1,500 m"
//     parsePosition("34°30.5'N 36°12'E")
import { formatNumber, t } from "../../core/words.js";

export const FOOT_M = 0.3048;
export const MILE_M = 1852;

/** @param {number | null} height_m @param {boolean} areFeet @param {"low" | "high"} [end] */
export function formatHeight(height_m, areFeet, end = "low") {
  if (height_m === null || Math.abs(height_m) > 999_999) return t(end === "low" ? "map.no-floor" : "map.no-ceiling");
  return areFeet ? `${formatNumber(height_m / FOOT_M)} ft` : `${formatNumber(height_m)} m`;
}

/** @param {number | null} low_m @param {number | null} high_m @param {boolean} areFeet */
export function formatBand(low_m, high_m, areFeet) {
  if (low_m === null && high_m === null) return t("map.all-heights");
  return `${formatHeight(low_m, areFeet, "low")} – ${formatHeight(high_m, areFeet, "high")}`;
}

/** @param {number} distance_m @param {boolean} areFeet Then in nautical miles. */
export function formatDistance(distance_m, areFeet) {
  if (areFeet) return `${formatNumber(distance_m / MILE_M, distance_m < 10 * MILE_M ? 2 : 1)} NM`;
  return distance_m < 1000 ? `${formatNumber(distance_m)} m` : `${formatNumber(distance_m / 1000, distance_m < 10_000 ? 2 : 1)} km`;
}

/** @param {number} value @param {string} ends "NS" or "EW" @param {number} width */
function formatDegrees(value, ends, width) {
  const whole = Math.abs(value);
  let degrees = Math.floor(whole);
  let minutes = Math.round((whole - degrees) * 60_000) / 1000;
  if (minutes >= 60) [degrees, minutes] = [degrees + 1, 0];
  return `${String(degrees).padStart(width, "0")}°${minutes.toFixed(3).padStart(6, "0")}′${value < 0 ? ends[1] : ends[0]}`;
}

/** @param {number} lat @param {number} lon @returns {string} "36°12.345′N 037°09.000′E" */
export function formatPosition(lat, lon) {
  const turned = ((((lon + 180) % 360) + 360) % 360) - 180;
  return `${formatDegrees(lat, "NS", 2)} ${formatDegrees(turned, "EW", 3)}`;
}

/** @param {string} text One of two, "36°12'30\"N", "36.2", "36 12.5 N" @returns {{ value: number, end: string } | null} */
function parseDegrees(text) {
  const end = /[NSEW]/.exec(text)?.[0] ?? "";
  const body = text.replace(/[NSEW]/g, " ").replace(/[°º′'’″"”]|\s+/g, " ").trim();
  const parts = body.split(/\s+/);
  if (parts.length > 3 || !parts.every((one, at) => /^-?\d+(\.\d+)?$/.test(one) && (at === 0 || !one.startsWith("-")))) return null;
  const numbers = parts.map((one) => Math.abs(Number(one)));
  const [degrees = 0, minutes = 0, seconds = 0] = numbers;
  // Only the last part may have decimals, and no part may be a whole of the next.
  if (parts.slice(0, -1).some((one) => one.includes(".")) || minutes >= 60 || seconds >= 60) return null;
  if (end && parts[0]?.startsWith("-")) return null;
  const sign = parts[0]?.startsWith("-") || end === "S" || end === "W" ? -1 : 1;
  return { value: sign * (degrees + minutes / 60 + seconds / 3600), end };
}

/**
 * Read a position: degrees, degrees and minutes, or with seconds, latitude first unless letters say otherwise.
 *
 * @param {string} text @returns {{ lat: number, lon: number } | null}
 */
export function parsePosition(text) {
  const plain = text.trim().toUpperCase().replace(/−/g, "-");
  const packed = /^(\d{2})(\d{2})(\d{2}(?:\.\d+)?)?([NS])[\s,;/]*(\d{3})(\d{2})(\d{2}(?:\.\d+)?)?([EW])$/.exec(plain);
  if (packed) {
    const join = (/** @type {number} */ at) => packed.slice(at, at + 3).map((one) => one ?? "0").join(" ") + packed[at + 3];
    return pair(join(1), join(5));
  }
  const parts = splitPosition(plain);
  return parts && pair(parts[0], parts[1]);
}

/** @param {string} text @returns {[string, string] | null} */
function splitPosition(text) {
  const byComma = text.split(/[,;/]/).map((one) => one.trim()).filter(Boolean);
  if (byComma.length === 2) return [byComma[0] ?? "", byComma[1] ?? ""];
  if (byComma.length > 2) return null;
  const after = /^(.*?[NSEW])\s*(.*[NSEW])$/.exec(text);
  if (after && !/^[NSEW]/.test(text)) return [after[1] ?? "", after[2] ?? ""];
  const before = /^([NSEW].*?)\s*([NSEW].*)$/.exec(text);
  if (before) return [before[1] ?? "", before[2] ?? ""];
  const words = text.split(/\s+/);
  if (words.length === 2) return [words[0] ?? "", words[1] ?? ""];
  return words.length === 4 || words.length === 6
    ? [words.slice(0, words.length / 2).join(" "), words.slice(words.length / 2).join(" ")]
    : null;
}

/** @param {string} one @param {string} other */
function pair(one, other) {
  let [first, second] = [parseDegrees(one), parseDegrees(other)];
  if (first === null || second === null) return null;
  if (/[EW]/.test(first.end) || /[NS]/.test(second.end)) [first, second] = [second, first];
  if (/[EW]/.test(first.end) || /[NS]/.test(second.end)) return null;
  const [lat, lon] = [first.value, second.value];
  return Math.abs(lat) <= 90 && Math.abs(lon) <= 180 ? { lat, lon } : null;
}
