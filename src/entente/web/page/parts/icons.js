// The page's own line icons, drawn on a grid of 24.
//
//     html`<${Icon} name="map" />`
import { html } from "../core/dom.js";

/** @type {Record<string, string>} */
const PATHS = {
  map: "M3 6.5 9 4l6 2.5L21 4v13.5L15 20l-6-2.5L3 20zM9 4v13.5M15 6.5V20",
  inbox: "M4 13h4l1.5 3h5L16 13h4M4 13V19h16v-6L17.5 5h-11z",
  conflicts: "M9 5a6 6 0 1 0 0 14A6 6 0 0 0 9 5zM15 5a6 6 0 1 1 0 14 6 6 0 0 1 0-14zM12 9.5v5",
  talk: "M4 5h16v11H10l-5 4v-4H4zM8 9h8M8 12h5",
  release: "M4 4h10l6 6v10H4zM14 4v6h6M12 18v-5M9.5 15.5 12 13l2.5 2.5",
  blind: "M3 12s3.5-6 9-6 9 6 9 6-3.5 6-9 6-9-6-9-6zM4 20 20 4",
  terms: "M12 4v16M7 20h10M5 8h14M5 8l-2.5 6h5zM19 8l-2.5 6h5z",
  record: "M6 4h12v16H6zM9 8h6M9 12h6M9 16h3",
  help: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM9.5 9.5a2.5 2.5 0 1 1 3.6 2.2c-.8.4-1.1.9-1.1 1.8M12 16.6v.2",
  warn: "M12 4 2.5 20h19zM12 10v4.5M12 17.3v.2",
  lock: "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
  more: "M5 12h.1M12 12h.1M19 12h.1",
};

/** @param {{ name: string, label?: string }} props Without a label it is decoration. */
export function Icon({ name, label }) {
  return html`<svg class="icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.7"
    stroke-linecap="round" stroke-linejoin="round" aria-hidden=${label ? undefined : "true"} role=${label ? "img" : undefined}
    aria-label=${label}><path d=${PATHS[name] ?? PATHS["help"]} /></svg>`;
}
