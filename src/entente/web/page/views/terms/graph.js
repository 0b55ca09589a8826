// The graph of obstacles: from what is asked, over the measures and rules that follow, to the positions that block it.
//
// Invariants: every box is a button that opens the reader, in the order in which the page is read; a party is told by
// mark, name and colour, what blocks by the word, the double line and its end; what a box has no room for is in its
// name and in the reader; a picture that is saved says in itself when nobody said what it shows.
//
// It draws the obstacles that the answer has and no others; what does not block is not in it.
//
//     html`<${Graph} found=${answers["why-not"]} programme="joint-operation" index=${index} say="" />`
import { html, useLayoutEffect, useMemo, useRef } from "../../core/dom.js";
import { setParams } from "../../core/route.js";
import { clean } from "../../core/safe.js";
import { t } from "../../core/words.js";
import { ExportMenu, saveFile } from "../../parts/export.js";
import { Graph as Layers, layout } from "../../vendor/dagre-3.1.3/dagre.esm.js";
import { sayThing } from "./index.js";
import { listChanges } from "./whatif.js";

const [WIDTH, LINE, PAD, STRIP] = [212, 17, 9, 14];
/** Letters that a line has room for, and lines that a box has. */
const [LETTERS, LINES] = [28, 6];
/** It shrinks to its place, but never so far that its words cannot be read: then it scrolls. */
const LEAST = 0.85;

/** @typedef {{ key: string, kind: string, head: string, text: string, lines: string[], look: number, x: number, y: number, height: number }} Box */
/** @typedef {{ kind: string, points: { x: number, y: number }[] }} Edge */

/** @param {string} text @param {number} letters @returns {string[]} */
function wrap(text, letters) {
  /** @type {string[]} */
  const lines = [""];
  for (const word of clean(text, 400).split(/\s+/)) {
    const last = lines[lines.length - 1] ?? "";
    if (last && last.length + word.length + 1 > letters) lines.push(word.slice(0, letters));
    else lines[lines.length - 1] = last ? `${last} ${word}` : word.slice(0, letters);
  }
  return lines.length > LINES ? [...lines.slice(0, LINES - 1), `${lines[LINES - 1] ?? ""}…`] : lines;
}

/**
 * @param {any} found @param {string} programme @param {import("./index.js").Index} index
 * @returns {{ boxes: Box[], edges: Edge[], width: number, height: number }}
 */
function layOut(found, programme, index) {
  const graph = new Layers({ multigraph: true });
  graph.setGraph({ rankdir: "TB", nodesep: 26, ranksep: 34, marginx: 12, marginy: 12 });
  /** @type {Map<string, Omit<Box, "x" | "y">>} */
  const boxes = new Map();
  const add = (/** @type {string} */ key, /** @type {string} */ kind, /** @type {string} */ head, /** @type {string} */ text, look = -1) => {
    if (boxes.has(key)) return;
    const lines = wrap(text, look < 0 ? LETTERS : LETTERS - 3);
    boxes.set(key, { key, kind, head, text, lines, look, height: (lines.length + (head ? 1 : 0)) * LINE + 2 * PAD });
  };
  /** @type {[string, string, string][]} */
  const edges = [];
  const join = (/** @type {string} */ from, /** @type {string} */ to, /** @type {string} */ kind) => {
    if (from !== to && !edges.some(([a, b]) => a === from && b === to)) edges.push([from, to, kind]);
  };
  const atom = (/** @type {any} */ about) => {
    const key = `measure.${about.name}`;
    add(key, "measure", "", index.things.get(key)?.one.name ?? index.nameOf(about.name));
    return key;
  };
  const asked = index.things.get(`programme.${programme}`);
  if (asked) {
    add(asked.name, "programme", t("terms.is-asked"), asked.one.name);
    for (const about of asked.one.about) join(asked.name, atom(about), "follows");
  }
  for (const id of new Set(found.obstacles.flatMap((/** @type {any} */ one) => one.via))) {
    const rule = index.find(id);
    if (!rule) continue;
    add(rule.name, "rule", "", rule.one.sentence);
    for (const about of rule.one.premise) join(atom(about), rule.name, "follows");
    for (const about of rule.one.conclusion) join(rule.name, atom(about), about.is_not ? "excludes" : "follows");
  }
  for (const id of new Set(found.obstacles.flatMap((/** @type {any} */ one) => one.members))) {
    const thing = index.find(id);
    const [party = "", group = ""] = id.split("/");
    const holders = thing ? index.holders(thing) : [party];
    const word = thing?.kind === "position" ? t(`terms.does-${thing.one.modality}`) : "";
    const head = `${holders.map((one) => clean(index.nameOf(one), 40)).join(", ")} ${word}`.trim();
    const key = thing?.name ?? `unsaid.${id}`;
    const about = thing?.kind === "position" ? thing.one.about : [];
    const names = about.map((/** @type {any} */ one) => (one.is_not ? t("terms.no-such", { what: nameAtom(index, one) }) : nameAtom(index, one)));
    const said = thing?.kind === "position" && names.length ? names.join("; ") : thing ? sayThing(thing) : (found.statements?.[id]?.sentence ?? id);
    add(key, thing?.one.is_law ? "law" : "blocks", head, said, index.look(holders[0] ?? ""));
    for (const one of about) join(atom(one), key, "blocks");
    for (const one of thing?.one.when ?? []) join(atom(one), key, "when");
    if (thing === undefined || thing.kind === "designation") {
      const aimed = index.terms.measures.filter((/** @type {any} */ one) => one.against === group && boxes.has(`measure.${one.id}`));
      for (const one of aimed) join(`measure.${one.id}`, key, "blocks");
    }
    if (asked && !edges.some(([, to]) => to === key)) join(asked.name, key, "blocks");
  }
  // What leads to nothing that blocks is left out: it would only widen the picture.
  const kept = new Set([...boxes.values()].filter((one) => one.look >= 0 || one.kind === "programme").map((one) => one.key));
  for (let size = -1; size !== kept.size;) {
    size = kept.size;
    for (const [from, to] of edges) if (kept.has(to)) kept.add(from);
  }
  // Another way into a rule (“this or that”) that is neither asked nor said by anybody would read as if it were.
  const into = (/** @type {string} */ key) => edges.filter(([from, to]) => to === key && kept.has(from));
  for (const box of boxes.values()) {
    const out = edges.filter(([from, to]) => from === box.key && kept.has(to));
    const isSpare = box.kind === "measure" && !into(box.key).length;
    if (isSpare && out.every(([, to]) => boxes.get(to)?.kind === "rule" && into(to).length > 1)) kept.delete(box.key);
  }
  for (const key of [...boxes.keys()]) if (!kept.has(key)) boxes.delete(key);
  for (const box of boxes.values()) graph.setNode(box.key, { width: WIDTH, height: box.height });
  edges.forEach(([from, to, kind], at) => {
    if (kept.has(from) && kept.has(to)) graph.setEdge(from, to, { kind }, String(at));
  });
  layout(graph);
  const size = /** @type {any} */ (graph.graph());
  const placed = [...boxes.values()].map((box) => {
    const at = /** @type {any} */ (graph.node(box.key));
    return { ...box, x: at.x - WIDTH / 2, y: at.y - box.height / 2 };
  });
  placed.sort((one, other) => one.y - other.y || one.x - other.x);
  const drawn = graph.edges().map((/** @type {any} */ one) => /** @type {Edge} */ (/** @type {any} */ (graph.edge(one))));
  return { boxes: placed, edges: drawn, width: Math.ceil(size.width ?? 100), height: Math.ceil(size.height ?? 100) };
}

/** @param {import("./index.js").Index} index @param {any} atom @returns {string} */
function nameAtom(index, atom) {
  return index.things.get(`measure.${atom.name}`)?.one.name ?? index.nameOf(atom.name);
}

/** @param {Edge} edge @returns {string} A line through the points, its corners rounded. */
function trace({ points }) {
  const [first, ...rest] = points;
  if (!first) return "";
  let path = `M${first.x} ${first.y}`;
  rest.forEach((one, at) => {
    const next = rest[at + 1];
    path += next ? `Q${one.x} ${one.y} ${(one.x + next.x) / 2} ${(one.y + next.y) / 2}` : `L${one.x} ${one.y}`;
  });
  return path;
}

/** The eight patterns of parts/party.js, for a picture. */
function Patterns() {
  const lines = ["M0 0h8v8H0z", "M-2 2l4-4M0 8l8-8M6 10l4-4", "", "M0 4h8M4 0v8", "M0 2h8M0 6h8", "M2 0v8M6 0v8", "M0 0h4v4H0zM4 4h4v4H4z", "M-2 6l4 4M0 0l8 8M6-2l4 4"];
  return lines.map((path, at) => html`<pattern key=${at} id=${`terms-look-${at}`} width="8" height="8" patternUnits="userSpaceOnUse">
    ${at === 2 ? html`<circle cx="4" cy="4" r="2.4" class=${`terms-look-${at} terms-look-full`} />`
      : html`<path d=${path} class=${`terms-look-${at} ${at === 0 || at === 6 ? "terms-look-full" : ""}`} />`}
  </pattern>`);
}

/** @param {{ box: Box, say: string }} props */
function BoxMark({ box, say }) {
  const isOpen = box.key === say;
  const open = () => setParams({ say: box.key });
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    open();
  };
  const hasLook = box.look >= 0;
  const left = hasLook ? STRIP + PAD : PAD;
  const all = box.head ? [box.head, ...box.lines] : box.lines;
  const label = [t(`terms.box-${box.kind}`), box.head, clean(box.text, 600)].filter(Boolean).join(": ");
  return html`<g class=${`terms-box terms-box-${box.kind} ${isOpen ? "terms-box-on" : ""}`} transform=${`translate(${box.x} ${box.y})`}
    tabindex="0" role="button" aria-label=${label} aria-pressed=${isOpen} onClick=${open} onKeyDown=${onKey}>
    <rect class="terms-box-ground" width=${WIDTH} height=${box.height} rx=${box.kind === "measure" ? 14 : 4} />
    ${hasLook ? html`<rect class="terms-box-strip" width=${STRIP} height=${box.height} fill=${`url(#terms-look-${box.look})`} />
      <path class="terms-box-strip-line" d=${`M${STRIP} 0v${box.height}`} />` : null}
    ${all.map((line, at) => html`<text key=${at} class=${box.head && at === 0 ? "terms-box-head" : ""} x=${left} y=${PAD + 13 + at * LINE}
      textLength=${line.length > LETTERS + 2 ? WIDTH - left - PAD : undefined} lengthAdjust="spacingAndGlyphs">${line}</text>`)}
  </g>`;
}

const KEPT = ["fill", "stroke", "stroke-width", "stroke-dasharray", "font-size", "font-weight", "font-style", "font-family"];

/** @param {SVGSVGElement} svg Save it as it looks, without the page's style sheets. */
function savePicture(svg) {
  const copy = /** @type {SVGSVGElement} */ (svg.cloneNode(true));
  const [from, to] = [[svg, ...svg.querySelectorAll("*")], [copy, ...copy.querySelectorAll("*")]];
  from.forEach((one, at) => {
    const style = window.getComputedStyle(one);
    for (const name of KEPT) to[at]?.setAttribute(name, one.getAttribute("fill")?.startsWith("url(") && name === "fill" ? (one.getAttribute("fill") ?? "") : style.getPropertyValue(name));
    for (const name of ["tabindex", "role", "aria-pressed", "class"]) to[at]?.removeAttribute(name);
  });
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  const name = listChanges().length ? "obstacles-what-if.svg" : "obstacles.svg";
  saveFile(name, "image/svg+xml", new XMLSerializer().serializeToString(copy));
}

/** @param {{ found: any, programme: string, index: import("./index.js").Index, say: string }} props */
export function Graph({ found, programme, index, say }) {
  const ref = useRef(/** @type {SVGSVGElement | null} */ (null));
  const drawn = useMemo(() => layOut(found, programme, index), [found, programme, index]);
  const isSupposed = listChanges().length > 0;
  const top = isSupposed ? 34 : 0;
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  useLayoutEffect(() => {
    // Where it scrolls, what is read or else what is asked is in sight.
    const first = drawn.boxes.find((one) => one.key === say) ?? drawn.boxes[0];
    if (first && box.current) box.current.scrollLeft = first.x * LEAST + WIDTH / 2 - box.current.clientWidth / 2;
  }, [drawn, say]);
  return html`<div class="stack">
    <p class="row terms-key">
      <span><span class="terms-key-follows" aria-hidden="true"></span> ${t("terms.key-follows")}</span>
      <span><span class="terms-key-blocks" aria-hidden="true"></span> ${t("terms.key-blocks")}</span>
      <span><span class="terms-key-rule" aria-hidden="true"></span> ${t("terms.key-rule")}</span>
      <${ExportMenu} items=${[{ label: t("terms.save-svg"), run: () => ref.current && savePicture(ref.current) }]} />
    </p>
    <div class="terms-scroll" ref=${box}>
      <svg class="terms-graph" ref=${ref} width=${drawn.width} height=${drawn.height + top} viewBox=${`0 ${-top} ${drawn.width} ${drawn.height + top}`}
        role="group" aria-label=${t("terms.graph-of")} style=${{ minWidth: `${Math.round(drawn.width * LEAST)}px` }}>
        <defs>${Patterns()}
          <marker id="terms-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto"><path class="terms-arrow" d="M0 0L8 4L0 8z" /></marker>
          <marker id="terms-bar" viewBox="0 0 6 18" refX="5" refY="9" markerWidth="6" markerHeight="18" markerUnits="userSpaceOnUse" orient="auto"><path class="terms-bar-end" d="M1 0h4v18H1z" /></marker>
        </defs>
        <rect class="terms-graph-ground" x="0" y=${-top} width=${drawn.width} height=${drawn.height + top} />
        ${/* SECURITY: tests/browser/test_page_terms.py: a picture that is passed on says that nobody said it. */ ""}
        ${isSupposed ? html`<text class="terms-graph-mark" x="12" y="-12">${t("terms.what-if")}</text>` : null}
        ${drawn.edges.map((one, at) => html`<path key=${at} class=${`terms-edge terms-edge-${one.kind}`} d=${trace(one)}
          marker-end=${one.kind === "blocks" || one.kind === "excludes" ? "url(#terms-bar)" : "url(#terms-arrow)"} />`)}
        ${drawn.boxes.map((one) => html`<${BoxMark} key=${one.key} box=${one} say=${say} />`)}
      </svg>
    </div>
  </div>`;
}
