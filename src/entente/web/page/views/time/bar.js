// The time bar under every view: where the one cursor stands.
import { html } from "../../core/dom.js";
import { useCursor } from "../../core/cursor.js";
import { Time } from "../../parts/time.js";

export function TimeBar() {
  const cursor = useCursor();
  return html`<div class="row"><${Time} ms=${cursor.at_ms} /></div>`;
}
