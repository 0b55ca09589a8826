// Walking through the things on the map with the keyboard: Tab from one to the next, Enter opens.
//
// Invariants: the map is no trap: after the last thing Tab goes on to what follows the map; what is walked to is said
// to a screen reader in words, and marked on the map; nothing opens unless asked for.
//
//     const walk = useWalk({ things: inView, canvas, open, selected });
import { useEffect, useRef, useState } from "../../core/dom.js";
import { clean } from "../../core/safe.js";
import { t } from "../../core/words.js";
import { phaseOf } from "./things.js";
import { formatBand } from "./units.js";
import { deskNowMs, formatUtc } from "../../core/time.js";

/** @param {import("./things.js").Thing} one @param {boolean} areFeet @returns {string} A thing in one line. */
export function sayThing(one, areFeet) {
  return [
    t(`map.type-${one.type}`),
    clean(one.author, 24).toUpperCase(),
    one.name,
    one.type === "activity" ? t(`map.state-${one.state}`) : "",
    formatBand(one.low_m, one.high_m, areFeet),
    t(`map.phase-${phaseOf(one, deskNowMs())}`),
    Math.abs(one.from_ms) < 8.6e15 ? `${formatUtc(one.from_ms)} – ${formatUtc(one.until_ms)}` : "",
    one.hasConflict && one.type !== "conflict" ? t("map.in-conflict") : "",
  ]
    .filter(Boolean)
    .join(", ");
}

/**
 * @param {{ things: readonly import("./things.js").Thing[], canvas: any, open: (key: string) => void, selected: string }} what
 */
export function useWalk({ things, canvas, open, selected }) {
  const [place, setPlace] = useState(-1);
  const latest = useRef({ things, open, place });
  latest.current = { things, open, place };
  const mark = useRef(/** @type {HTMLElement | null} */ (null));
  const current = place >= 0 ? things[place] : undefined;
  useEffect(() => {
    const map = canvas.current?.map;
    if (!map || !current?.at) return undefined;
    const ring = document.createElement("div");
    ring.className = "map-walk";
    ring.setAttribute("aria-hidden", "true");
    map.getContainer().append(ring);
    mark.current = ring;
    const put = () => {
      const at = map.project(/** @type {any} */ (current.at));
      ring.style.transform = `translate(${at.x - 18}px, ${at.y - 18}px)`;
    };
    put();
    map.on("move", put);
    return () => {
      map.off("move", put);
      ring.remove();
    };
  }, [current]);
  useEffect(() => {
    const element = canvas.current?.map?.getCanvas();
    if (!element) return undefined;
    const press = (/** @type {KeyboardEvent} */ event) => {
      const now = latest.current;
      if (event.key === "Enter" && now.place >= 0 && now.things[now.place]) {
        event.preventDefault();
        event.stopPropagation();
        now.open(now.things[now.place]?.key ?? "");
      } else if (event.key === "Tab") {
        const next = now.place + (event.shiftKey ? -1 : 1);
        if (next < 0 || next >= now.things.length) return setPlace(-1);
        event.preventDefault();
        setPlace(next);
      } else if (event.key === "Escape" && now.place >= 0) {
        event.stopPropagation();
        setPlace(-1);
      }
      return undefined;
    };
    const leave = () => setPlace(-1);
    element.addEventListener("keydown", press);
    element.addEventListener("blur", leave);
    return () => {
      element.removeEventListener("keydown", press);
      element.removeEventListener("blur", leave);
    };
  }, [canvas.current]);
  const step = (/** @type {number} */ by) => {
    if (!things.length) return;
    const from = things.findIndex((one) => one.key === selected);
    open(things[(from + by + things.length) % things.length]?.key ?? "");
  };
  return {
    words: current ? `${sayThing(current, false)} (${place + 1}/${things.length})` : "",
    keys: [
      { keys: "j", label: t("map.next-thing"), run: () => step(1), group: "map" },
      { keys: "k", label: t("map.previous-thing"), run: () => step(-1), group: "map" },
    ],
  };
}
