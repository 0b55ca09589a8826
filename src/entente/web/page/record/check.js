// What this browser knows of the record by its own sums, and what it makes of each new answer of the desk.
//
//     nothing known -> (charter taken on first use) -> checked up to N -> checked up to M >= N -> ...
//                                                  \-> failed: final, until an officer says otherwise
//
// Of every answer, in this order:
//   1. charter and rosters are signed as they must be; the charter is the pinned one    else other-charter
//   2. the log signed the checkpoint                                                    else bad-signature
//   3. it is not smaller than what this browser verified before                         else rolled-back
//   4. it continues that                                             else log-forked, not-consistent
//   5. charter and rosters stand in it, and no roster that was known is gone            else bad-inclusion
//   6. cosignatures are good, and so many that "firm" and "settled" may be said
//
// Invariants: nothing is believed because the desk says so; what was verified once is kept in the browser, per
// origin of the page, and binds every later answer, in every tab; a failure is kept with its evidence and
// nothing after it is believed; an answer that could not be had is no lie and changes nothing.
//
// What it cannot do: judge a page that its desk has tampered with (docs/adr/0031).
//
//     const check = new RecordCheck({ look, store, now_ms: Date.now });
//     await check.run();  check.state.head.size
import {
  RecordError,
  encodeBase64,
  failed,
  parseBase64,
  parseHex64,
  sameBytes,
  toHex,
  toUtf8,
} from "./bytes.js";
import { verifyCosignatures } from "./cosignature.js";
import { canCheck } from "./ed25519.js";
import { readFounding } from "./founding.js";
import { LeafBook } from "./leaves.js";
import { verifyCheckpoint } from "./note.js";
import { emptyPins, findCautions, makePins, noteText, readPins, shorten } from "./pins.js";
import { decideStanding } from "./quorum.js";
import { hashLeaf, verifyConsistency, verifyInclusion } from "./tree.js";

const LEAVES_AT_ONCE = 8192;
const MAX_PAST = 5;

/** @typedef {import("./founding.js").Founding} Founding */
/** @typedef {import("./note.js").Checkpoint} Checkpoint */
/** @typedef {import("./pins.js").Cosigned} Cosigned */
/** @typedef {import("./pins.js").Failure} Failure */
/** @typedef {import("./pins.js").Pins} Pins */
/**
 * @typedef {object} CheckState
 * @property {"unknown" | "checking" | "checked" | "unable" | "failed"} state
 * @property {Founding | null} founding @property {Pins | null} pins
 * @property {Checkpoint | null} head @property {number} at_ms when `head` was last seen to hold
 * @property {Cosigned | null} newest @property {number} firm_size @property {number} settled_size
 * @property {readonly string[]} cautions codes: what is odd and no lie
 * @property {RecordError | null} trouble why it is `unable`
 */
/**
 * What it needs of the world. `look` asks the desk, `store` keeps one text.
 * @typedef {object} Ports
 * @property {(verb: string, query: Record<string, string | number>) => Promise<any>} look
 * @property {{read: () => string | null, write: (text: string) => void}} store
 * @property {() => number} now_ms
 */

export class RecordCheck {
  /** @param {Ports} ports */
  constructor(ports) {
    this.#ports = ports;
    this.leaves = new LeafBook();
    /** @type {CheckState} */
    this.state = {
      state: "unknown",
      founding: null,
      pins: null,
      head: null,
      at_ms: 0,
      newest: null,
      firm_size: 0,
      settled_size: 0,
      cautions: [],
      trouble: null,
    };
    this.reload();
  }

  /** @type {Ports} */
  #ports;
  /** Answers are taken one after the other: each is held against what the one before left. */
  #turn = Promise.resolve(/** @type {unknown} */ (null));
  #isSumming = false;

  /** @template T @param {() => Promise<T>} act @returns {Promise<T>} */
  #inTurn(act) {
    const next = this.#turn.then(act, act);
    this.#turn = next.catch(() => null);
    return next;
  }

  /** Take what this browser keeps: at the start, and when another tab has changed it. */
  reload() {
    const pins = readPins(this.#ports.store.read());
    const now = this.state.state;
    this.#set({ pins, state: pins?.failure ? "failed" : now === "failed" ? "unknown" : now });
  }

  /** @param {Partial<CheckState>} patch */
  #set(patch) {
    this.state = { ...this.state, ...patch };
  }

  /**
   * Ask the desk, and hold its answer against what is known.
   * @param {{keys?: boolean}} [how] `keys`: read charter and rosters again
   * @returns {Promise<CheckState>} it never throws for a lie; for an answer that could not be had it does
   */
  run({ keys = false } = {}) {
    return this.#inTurn(() => this.#run(keys));
  }

  /** @param {boolean} keys */
  async #run(keys) {
    this.reload();
    if (this.state.state === "failed") return this.state;
    if (!(await canCheck())) {
      const words = "SHA-256 and Ed25519 in WebCrypto, over https or on this machine";
      this.#set({
        state: "unable",
        trouble: new RecordError("cannot", "unable", "this browser", words, "none"),
      });
      return this.state;
    }
    if (this.state.state === "unknown") this.#set({ state: "checking" });
    const isFirst = keys || this.state.founding === null;
    const known = this.state.pins?.size ?? 0;
    const answer = await this.#ports.look(isFirst ? "record-keys" : "record-proof", known ? { known } : {});
    try {
      await this.#take(answer, isFirst);
    } catch (error) {
      this.#stumble(error, { answer: JSON.stringify(answer) });
    }
    return this.state;
  }

  /** @param {unknown} error @param {Record<string, string>} evidence */
  #stumble(error, evidence) {
    if (!(error instanceof RecordError)) {
      // An answer of another shape than any desk gives: not a value that could be wrong, but no value at all.
      const got = error instanceof Error ? error.message : String(error);
      this.#fail(failed("bad-answer", "the desk's answer", "one of the agreed form", got), evidence);
    } else if (error.kind === "cannot") {
      this.#set({ state: "unable", trouble: error });
    } else {
      this.#fail(error, evidence);
    }
  }

  /** @param {RecordError} error @param {Record<string, string>} evidence */
  #fail(error, evidence) {
    const pins = this.state.pins;
    /** @type {Failure} */
    const failure = {
      code: error.code,
      words: error.message,
      expected: error.expected,
      got: error.got,
      at_ms: this.#ports.now_ms(),
      evidence: { ...(pins?.note ? { known: pins.note } : {}), ...shorten(evidence) },
    };
    this.#keep({ ...(pins ?? emptyPins(failure.at_ms)), failure });
    this.#set({ state: "failed" });
  }

  /** @param {Pins} pins */
  #keep(pins) {
    const other = readPins(this.#ports.store.read());
    // Another tab may have come further meanwhile, or have seen a lie: neither is taken back.
    const isBehind = other !== null && other.fingerprint === pins.fingerprint && other.size > pins.size;
    const kept = isBehind ? { ...other, failure: pins.failure ?? other.failure } : pins;
    this.#ports.store.write(JSON.stringify(kept));
    this.#set({ pins: kept });
  }

  /** @param {any} answer @param {boolean} hasKeys */
  async #take(answer, hasKeys) {
    if (answer.size === 0) {
      if (this.state.pins?.size) throw rolledBack(this.state.pins.size, 0);
      this.#set({ state: "unknown" });
      return;
    }
    const note = toUtf8(String(answer.note));
    const founding = hasKeys ? await readKeys(answer) : this.state.founding;
    if (founding === null) throw failed("no-charter", "the desk's answer", "charter and rosters", "none");
    const pins = this.state.pins;
    if (pins?.fingerprint && pins.fingerprint !== founding.fingerprint) {
      throw failed("other-charter", "charter", `the pinned one, ${pins.fingerprint}`, founding.fingerprint);
    }
    checkVersions(pins, founding);
    const head = await verifyCheckpoint(note, founding.log);
    await continues(pins, head, answer.consistency);
    if (hasKeys) await checkKeysIncluded(answer, head);
    const newest = await readCosigned(note, head, founding);
    const spans = { firm: 0, settled: 0 };
    for (const word of /** @type {const} */ (["firm", "settled"])) {
      const reached = await readReached(answer[word], head, founding, word);
      const isNow =
        newest.decision.standing === "settled" || (word === "firm" && newest.decision.standing === "firm");
      spans[word] = isNow ? head.size : reached;
    }
    const at_ms = this.#ports.now_ms();
    const cautions = findCautions(pins, newest, at_ms);
    this.#keep(makePins(pins, founding, head, newest, at_ms));
    this.#set({
      state: "checked",
      founding,
      head,
      at_ms,
      newest,
      // What was firm in a record that this one continues stays firm, whoever cosigned the newest.
      firm_size: Math.max(this.state.firm_size, spans.firm, spans.settled),
      settled_size: Math.max(this.state.settled_size, spans.settled),
      cautions,
      trouble: null,
    });
  }

  /**
   * Fetch the leaf hashes that are missing and sum them up to the verified root.
   * @param {(held: number, size: number) => Promise<void>} [pause] after each piece: the page stays alive
   */
  async sumLeaves(pause = async () => {}) {
    const head = this.state.head;
    if (head === null || this.state.state !== "checked" || this.#isSumming) return;
    this.#isSumming = true;
    try {
      await this.#sum(head, pause);
    } finally {
      this.#isSumming = false;
    }
  }

  /** @param {Checkpoint} head @param {(held: number, size: number) => Promise<void>} pause */
  async #sum(head, pause) {
    // Pieces that were not compared yet may be lies of an earlier answer: they are not built upon.
    if (this.leaves.held !== this.leaves.size) this.leaves = new LeafBook();
    const book = this.leaves;
    while (book.held < head.size) {
      const limit = Math.min(LEAVES_AT_ONCE, head.size - book.held);
      const answer = await this.#ports.look("record-leaves", { start: book.held, limit });
      try {
        await book.extend(parseBase64(answer.leaves, "leaf hashes", 32 * limit), head);
      } catch (error) {
        this.leaves = new LeafBook();
        this.#stumble(error, { shown: noteText(head) });
        return;
      }
      await pause(book.held, head.size);
    }
  }

  /**
   * Say whether an entry with this hash stands at this index; a lie is kept as a failure.
   * @param {number} index @param {string} leaf in hex
   * @returns {Promise<boolean | null>} null: cannot be said yet
   */
  async checkLeaf(index, leaf) {
    const head = this.state.head;
    if (head === null || this.state.state !== "checked" || index >= head.size) return null;
    try {
      const hash = parseHex64(leaf, `hash of entry ${index}`);
      const known = this.leaves.get(index);
      if (known !== null) {
        if (!sameBytes(known, hash)) throw swapped(index, known, hash);
        return true;
      }
    } catch (error) {
      this.#stumble(error, { shown: noteText(head) });
      return false;
    }
    return (await this.prove(index, leaf)) !== null;
  }

  /**
   * Prove that an entry stands in the record, step by step; null when that could not be said, or is a lie.
   * @param {number} index @param {string} leaf in hex
   */
  prove(index, leaf) {
    return this.#inTurn(() => this.#prove(index, leaf));
  }

  /** @param {number} index @param {string} leaf */
  async #prove(index, leaf) {
    const known = this.state.head?.size ?? 0;
    if (this.state.state !== "checked" || !known) return null;
    const answer = await this.#ports.look("record-proof", { index, known });
    const evidence = { answer: JSON.stringify(answer), leaf };
    try {
      await this.#take(answer, false);
      const head = /** @type {Checkpoint} */ (this.state.head);
      const hash = parseHex64(leaf, `hash of entry ${index}`);
      if (answer.inclusion?.index !== index) {
        throw failed(
          "bad-inclusion",
          "inclusion proof",
          `one of entry ${index}`,
          String(answer.inclusion?.index),
        );
      }
      const path = await verifyInclusion(
        hash,
        index,
        head.size,
        readHashes(answer.inclusion.hashes),
        head.root,
      );
      return { index, leaf, size: head.size, root: toHex(head.root), path };
    } catch (error) {
      this.#stumble(error, evidence);
      return null;
    }
  }

  /** Say that the fingerprint was compared by another way. */
  setCompared() {
    const pins = this.state.pins;
    if (pins) this.#keep({ ...pins, compared_ms: this.#ports.now_ms() });
  }

  /** Check again from what was known before the failure; a lie that is still told fails again. */
  async tryAgain() {
    const pins = this.state.pins;
    if (!pins?.failure) return this.state;
    const past = [pins.failure, ...pins.past].slice(0, MAX_PAST);
    this.#replace({ ...pins, failure: null, past });
    return this.run({ keys: true });
  }

  /** Forget what this browser knew and take the record as it comes now: another center, or one made anew. */
  async startAnew() {
    const pins = this.state.pins;
    const past = [...(pins?.failure ? [pins.failure] : []), ...(pins?.past ?? [])].slice(0, MAX_PAST);
    this.leaves = new LeafBook();
    this.#replace({ ...emptyPins(this.#ports.now_ms()), past });
    this.#set({ founding: null, head: null, newest: null, firm_size: 0, settled_size: 0 });
    return this.run({ keys: true });
  }

  /** @param {Pins} pins */
  #replace(pins) {
    this.#ports.store.write(JSON.stringify(pins));
    this.#set({ pins, state: "unknown" });
  }
}

/** @param {unknown} hashes */
function readHashes(hashes) {
  if (!Array.isArray(hashes)) throw failed("withheld-proof", "proof", "a list of hashes", typeof hashes);
  return hashes.map((one) => parseBase64(one, "proof hash", 32));
}

/** @param {number} known @param {number} size */
const rolledBack = (known, size) =>
  failed("rolled-back", "record", `a size >= ${known}, which this browser verified`, `${size}`);

/** @param {number} index @param {Uint8Array} known @param {Uint8Array} hash */
const swapped = (index, known, hash) => failed("swapped-entry", `entry ${index}`, toHex(known), toHex(hash));

/** @param {Pins | null} pins @param {Checkpoint} head @param {any} consistency */
async function continues(pins, head, consistency) {
  if (!pins?.size) return;
  if (head.size < pins.size) throw rolledBack(pins.size, head.size);
  if (head.size > pins.size && consistency?.from !== pins.size) {
    throw failed("withheld-proof", "record", `the proof that it continues entry ${pins.size}`, "none");
  }
  const hashes = head.size > pins.size ? readHashes(consistency.hashes) : [];
  try {
    await verifyConsistency(pins.size, head.size, parseHex64(pins.root, "known root"), head.root, hashes);
  } catch (error) {
    if (!(error instanceof RecordError) || error.kind === "cannot") throw error;
    // One size and two signed roots: two histories, by the log's own hand. At two sizes it may also be that
    // the proof is a wrong one: this browser cannot follow it either way.
    const code = head.size === pins.size ? "log-forked" : "not-consistent";
    throw failed(code, `record of ${head.size} entries`, `one that continues ${pins.root}`, error.message);
  }
}

/** @param {any} answer @returns {Promise<Founding>} */
async function readKeys(answer) {
  const rosters = answer.rosters.map((/** @type {any} */ one) => ({
    index: one.index,
    raw: parseBase64(one.entry, `entry ${one.index}`),
  }));
  return readFounding(parseBase64(answer.charter.entry, "entry 0"), rosters);
}

/** @param {any} answer @param {Checkpoint} head */
async function checkKeysIncluded(answer, head) {
  for (const [place, one] of [answer.charter, ...answer.rosters].entries()) {
    if (place === 0 && one.index !== 0) throw failed("no-charter", "charter", "entry 0", String(one.index));
    const leaf = await hashLeaf(parseBase64(one.entry, `entry ${one.index}`));
    await verifyInclusion(leaf, one.index, head.size, readHashes(one.hashes), head.root);
  }
}

/** @param {Pins | null} pins @param {Founding} founding */
function checkVersions(pins, founding) {
  for (const [party, version] of Object.entries(pins?.versions ?? {})) {
    const found = founding.rosters.get(party)?.version ?? 0;
    // SECURITY: who leaves out a newer roster brings a revoked key back (tests/browser/test_page_record.py).
    if (found < version)
      throw failed("roster-rolled-back", `roster of ${party}`, `version >= ${version}`, `${found}`);
  }
}

/** @param {Uint8Array<ArrayBuffer>} note @param {Checkpoint} checkpoint @param {Founding} founding */
async function readCosigned(note, checkpoint, founding) {
  const found = await verifyCosignatures(
    note,
    checkpoint,
    founding.witnesses.map((one) => one.key),
  );
  const keys = new Set(found.map((one) => one.key));
  const decision = decideStanding(founding.witnesses, keys, founding.dishonest);
  const party = (/** @type {import("./note.js").NoteKey} */ key) =>
    founding.witnesses.find((one) => one.key === key)?.party ?? "";
  return {
    size: checkpoint.size,
    decision,
    times: Object.fromEntries(found.map((one) => [party(one.key), one.timeS])),
  };
}

/**
 * Return the size of an earlier checkpoint that witnesses carried so far, all of it verified; 0 for none.
 * @param {any} wire @param {Checkpoint} head @param {Founding} founding @param {"firm" | "settled"} word
 */
async function readReached(wire, head, founding, word) {
  if (!wire) return 0;
  const note = toUtf8(String(wire.note));
  const checkpoint = await verifyCheckpoint(note, founding.log);
  if (checkpoint.size > head.size || checkpoint.size === 0) return 0;
  await verifyConsistency(checkpoint.size, head.size, checkpoint.root, head.root, readHashes(wire.hashes));
  const { decision } = await readCosigned(note, checkpoint, founding);
  const isReached = decision.standing === "settled" || decision.standing === word;
  return isReached ? checkpoint.size : 0;
}

/** An entry's bytes as the desk gave them, and what they hash to. @param {string} envelope in base64 */
export async function readEntryBytes(envelope) {
  const raw = parseBase64(envelope, "entry");
  return { raw, leaf: toHex(await hashLeaf(raw)), base64: encodeBase64(raw) };
}
