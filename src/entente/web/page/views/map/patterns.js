// What volumes and zones are filled with, and the marks of the map: drawn here, fetched from nowhere.
//
// Invariants: a party's pattern is the one that `parts/party.js` shows for it; each image is made in the colours of
// the moment and made anew when they change; a pattern repeats without a seam.
//
//     addPatterns(map, colours);   // images "party-0".."party-7", "zone-denied", "armed", "conflict", ...
import { PARTY_LOOKS } from "./colours.js";

const RATIO = 2;
const SIDE_PX = 16;
const MARK_PX = 26;

/** @typedef {CanvasRenderingContext2D} Pen */

/** @param {number} side_px @param {(pen: Pen) => void} draw @returns {ImageData} */
function paint(side_px, draw) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side_px * RATIO;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  if (pen === null) throw new Error("map: expected a canvas to draw patterns on, got none");
  pen.scale(RATIO, RATIO);
  draw(pen);
  return pen.getImageData(0, 0, canvas.width, canvas.height);
}

/** @param {Pen} pen @param {readonly (readonly number[])[]} lines [x, y, x, y] each */
function stroke(pen, lines) {
  pen.beginPath();
  for (const [x0 = 0, y0 = 0, x1 = 0, y1 = 0] of lines) {
    pen.moveTo(x0, y0);
    pen.lineTo(x1, y1);
  }
  pen.stroke();
}

/** Lines that go on in the neighbouring tiles, rising or falling. @param {boolean} rises @param {number} step */
function slanted(rises, step) {
  const found = [];
  for (let at = -SIDE_PX; at <= 2 * SIDE_PX; at += step) {
    found.push(rises ? [at, SIDE_PX, at + SIDE_PX, 0] : [at, 0, at + SIDE_PX, SIDE_PX]);
  }
  return found;
}

/** @param {"x" | "y"} along @param {number} step */
function straight(along, step) {
  const found = [];
  for (let at = step / 2; at < SIDE_PX; at += step) {
    found.push(along === "x" ? [0, at, SIDE_PX, at] : [at, 0, at, SIDE_PX]);
  }
  return found;
}

/**
 * Draw a party's pattern over one tile; the side view uses it too.
 *
 * @param {Pen} pen @param {number} number @param {string} colour
 */
export function drawPartyPattern(pen, number, colour) {
  pen.strokeStyle = colour;
  pen.fillStyle = colour;
  pen.lineWidth = 2;
  switch (number % PARTY_LOOKS) {
    case 0:
      pen.globalAlpha *= 0.45;
      pen.fillRect(0, 0, SIDE_PX, SIDE_PX);
      break;
    case 1:
      stroke(pen, slanted(true, 8));
      break;
    case 2:
      for (const [x, y] of [[4, 4], [12, 12], [12, 4], [4, 12]]) {
        pen.beginPath();
        pen.arc(x ?? 0, y ?? 0, 1.7, 0, 7);
        pen.fill();
      }
      break;
    case 3:
      pen.lineWidth = 1.2;
      stroke(pen, [...straight("x", 8), ...straight("y", 8)]);
      break;
    case 4:
      stroke(pen, straight("x", 8));
      break;
    case 5:
      stroke(pen, straight("y", 8));
      break;
    case 6:
      pen.fillRect(0, 0, 8, 8);
      pen.fillRect(8, 8, 8, 8);
      break;
    default:
      pen.lineWidth = 1.2;
      stroke(pen, slanted(false, 8));
  }
}

/** @param {Pen} pen @param {string} word @param {string} colour */
function drawZonePattern(pen, word, colour) {
  pen.strokeStyle = colour;
  pen.fillStyle = colour;
  pen.lineWidth = 1.4;
  if (word === "denied") stroke(pen, [...slanted(true, 8), ...slanted(false, 8)]);
  else if (word === "restricted") stroke(pen, slanted(true, 16));
  else if (word === "caution") stroke(pen, slanted(false, 16));
  else if (word === "corridor") stroke(pen, straight("x", 16));
  else {
    for (const [x, y] of [[4, 4], [12, 12]]) {
      pen.fillRect((x ?? 0) - 2, (y ?? 0) - 0.6, 4, 1.2);
      pen.fillRect((x ?? 0) - 0.6, (y ?? 0) - 2, 1.2, 4);
    }
  }
}

/** @param {Pen} pen @param {string} path @param {string} fill @param {string} edge @param {number} [width] */
function drawPath(pen, path, fill, edge, width = 2) {
  const shape = new Path2D(path);
  pen.lineJoin = "round";
  pen.lineWidth = width * 2;
  pen.strokeStyle = edge;
  pen.stroke(shape);
  pen.fillStyle = fill;
  pen.fill(shape);
}

/** Marks on a grid of 26. @type {Record<string, (pen: Pen, colours: import("./colours.js").MapColours) => void>} */
const MARKS = {
  // Two rings that meet, with a stroke between them: the page's icon of a conflict.
  conflict(pen, colours) {
    drawPath(pen, "M13 2 25 23H1z", colours.conflict, colours.surface, 1.5);
    pen.fillStyle = colours.surface;
    pen.fillRect(11.8, 9, 2.4, 7.5);
    pen.fillRect(11.8, 18, 2.4, 2.4);
  },
  incident(pen, colours) {
    drawPath(pen, "M13 2 24 13 13 24 2 13z", colours.surface, colours.conflict, 1.2);
    pen.fillStyle = colours.conflict;
    pen.fillRect(11.8, 7, 2.4, 7.5);
    pen.fillRect(11.8, 16.4, 2.4, 2.4);
  },
  site(pen, colours) {
    drawPath(pen, "M13 3C8 6 5 6 5 6v7c0 6 8 10 8 10s8-4 8-10V6s-3 0-8-3z", colours.site, colours.surface, 1.2);
  },
  armed(pen, colours) {
    drawPath(pen, "M13 3l3 7h7l-5.6 4.6L19.5 23 13 17.8 6.5 23l2.1-8.4L3 10h7z", colours.ink, colours.surface, 1.2);
  },
  item(pen, colours) {
    drawPath(pen, "M6 3h9l6 6v14H6z", colours.surface, colours.accent, 1.2);
  },
  recalled(pen, colours) {
    drawPath(pen, "M6 3h9l6 6v14H6z", colours.surface, colours.ink2, 1.2);
    pen.strokeStyle = colours.conflict;
    pen.lineWidth = 2.4;
    stroke(pen, [[5, 5, 21, 22], [21, 5, 5, 22]]);
  },
};

/** @param {import("./colours.js").MapColours} colours @returns {[string, ImageData][]} */
function makeImages(colours) {
  const images = /** @type {[string, ImageData][]} */ ([]);
  colours.party.forEach((colour, number) => {
    const own = (/** @type {Pen} */ pen, /** @type {string} */ ink) => {
      pen.globalAlpha = 0.6;
      drawPartyPattern(pen, number, ink);
    };
    images.push([`party-${number}`, paint(SIDE_PX, (pen) => own(pen, colour))]);
    // Where colour tells the height, the party is told by the pattern alone.
    images.push([`plain-${number}`, paint(SIDE_PX, (pen) => own(pen, colours.ink))]);
  });
  for (const [word, colour] of Object.entries(colours.zone)) {
    images.push([`zone-${word}`, paint(SIDE_PX, (pen) => drawZonePattern(pen, word, colour))]);
  }
  images.push(["town", paint(6, (pen) => drawPath(pen, "M3 1a2 2 0 1 0 .01 0z", colours.mapInk, colours.land, 0.5))]);
  for (const [name, draw] of Object.entries(MARKS)) {
    // "armed" stands within a label: as high as its letters.
    const side_px = name === "armed" ? 14 : MARK_PX;
    images.push([name, paint(side_px, (pen) => {
      pen.scale(side_px / MARK_PX, side_px / MARK_PX);
      draw(pen, colours);
    })]);
  }
  return images;
}

/** @param {any} map @param {import("./colours.js").MapColours} colours */
export function addPatterns(map, colours) {
  for (const [name, data] of makeImages(colours)) {
    if (map.hasImage(name)) map.updateImage(name, data);
    else map.addImage(name, data, { pixelRatio: RATIO });
  }
}
