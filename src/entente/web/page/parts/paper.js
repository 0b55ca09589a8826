// Paper: while the browser prints, the page says so, so that lists are drawn whole and the head of the paper is made.
//
// Invariants: the moment on the paper is that of printing, by the desk's clock; what the screen leaves out because it
// is not in sight is drawn for the paper, up to `MOST_ROWS`, beyond which the paper says how many it lacks.
//
//     const isPrinting = useStore(paper) !== null;
import { createStore } from "../core/store.js";
import { deskNowMs } from "../core/time.js";

/** More rows than anybody reads from paper, and than a browser lays out in good time. */
export const MOST_ROWS = 2_000;

/** @type {import("../core/store.js").Store<{ at_ms: number } | null>} When printing began; null: it does not print. */
export const paper = createStore(/** @type {{ at_ms: number } | null} */ (null));

const PRINT = window.matchMedia("print");

/** @param {boolean} isPrinting */
function tell(isPrinting) {
  if (isPrinting !== (paper.get() !== null)) paper.set(isPrinting ? { at_ms: deskNowMs() } : null);
}

// Either may come alone: the events with a printer, the medium with a preview.
window.addEventListener("beforeprint", () => tell(true));
window.addEventListener("afterprint", () => tell(PRINT.matches));
PRINT.addEventListener("change", (event) => tell(event.matches));
