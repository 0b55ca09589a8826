// Which conflict can wait least: by time left, never by who it is.
//
// Invariants: a confrontation of ours comes first, then our own conflicts, then others'; within each, what goes on now
// and what begins soonest; what is over comes last; a conflict without a time of its own is taken to begin now.
//
//     findUrgent(conflicts, deskNowMs())?.key

/** @param {any} one @param {number} now_ms @returns {number} Seconds until it begins, 0 while it lasts; after it: far. */
export function timeLeft_s(one, now_ms) {
  if (one.end_us !== null && one.end_us / 1000 <= now_ms) return Number.MAX_SAFE_INTEGER;
  return one.start_us === null ? 0 : Math.max(0, (one.start_us / 1000 - now_ms) / 1000);
}

/** @param {any} one */
const rank = (one) => (one.is_own && one.alarm ? 0 : one.is_own ? 1 : one.alarm ? 2 : 3);

/** @param {readonly any[]} conflicts @param {number} now_ms @returns {any} Or null. */
export function findUrgent(conflicts, now_ms) {
  const open = conflicts.filter((one) => one.state === "open");
  // What is over can wait, whoever's it is.
  const isOver = (/** @type {any} */ one) => (timeLeft_s(one, now_ms) === Number.MAX_SAFE_INTEGER ? 1 : 0);
  open.sort((a, b) => isOver(a) - isOver(b) || rank(a) - rank(b) || timeLeft_s(a, now_ms) - timeLeft_s(b, now_ms));
  return open[0] ?? null;
}
