// Words that others wrote: shown so that they neither turn, hide, nor pretend.
//
// What a partner wrote may hold marks that turn the direction of the text around it, that have no width, or that
// look like the page's own. They are not dropped in silence, which would change what was signed: each is shown as
// its code point in brackets.
//
// Invariants: what `showMarks` returns has no control, direction or zero-width character; a text without any comes
// back as it was. It is for showing only: what is signed, compared or sent is the original.
//
//     showMarks("abc\u202Edef")   // "abc⟦U+202E⟧def"

// C0 and C1 controls but for tab and line feed; soft hyphen; Arabic letter mark; Hangul and Khmer fillers; zero
// width and direction marks; separators; word joiners; variation selectors; BOM; interlinear and object marks; tags.
// SECURITY: tests/browser/test_page_hostile.py types each of them into every field.
const MARKS = new RegExp(
  "[\\u0000-\\u0008\\u000B-\\u001F\\u007F-\\u009F\\u00AD\\u034F\\u061C\\u115F\\u1160\\u17B4\\u17B5\\u180B-\\u180F" +
    "\\u200B-\\u200F\\u2028-\\u202E\\u2060-\\u206F\\u3164\\uFE00-\\uFE0F\\uFEFF\\uFFA0\\uFFF0-\\uFFFC" +
    "\\u{1BCA0}-\\u{1BCA3}\\u{1D173}-\\u{1D17A}\\u{E0000}-\\u{E0FFF}]",
  "gu",
);
/** More than this many marks on one letter is no language: it paints over the lines around it. */
const STACK = /(\p{M}{4})\p{M}+/gu;

/** @param {string} text @returns {string} */
export function showMarks(text) {
  return text
    .replace(MARKS, (mark) => `⟦U+${(mark.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}⟧`)
    .replace(STACK, "$1⟦…⟧");
}

/** @param {unknown} text @param {number} most @returns {{ text: string, left_out: number }} */
export function cutText(text, most) {
  const whole = typeof text === "string" ? text : text === null || text === undefined ? "" : String(text);
  if (whole.length <= most) return { text: showMarks(whole), left_out: 0 };
  // Not within a surrogate pair.
  const end = /[\uD800-\uDBFF]/.test(whole[most - 1] ?? "") ? most - 1 : most;
  return { text: showMarks(whole.slice(0, end)), left_out: whole.length - end };
}

/** @param {unknown} text @param {number} [most] @returns {string} For titles, labels and exports: on one line. */
export function clean(text, most = 200) {
  const cut = cutText(text, most);
  return cut.text.replace(/[\t\n]+/g, " ") + (cut.left_out ? "…" : "");
}
