// Every leaf hash of the record, as this page has summed it up itself.
//
// Whoever holds all leaf hashes under a root that was verified can tell of any entry, with one hash and no
// question, whether it is the one in the record. 32 bytes an entry: 3.2 MB at 100,000.
//
// Invariants: a hash counts only below `size`, whose root was compared with a verified checkpoint; what was
// taken once never changes, since the frontier goes on from it.
//
//     await book.extend(4096, flat, null);            // more to come: nothing is known of it yet
//     await book.extend(17, rest, head);              // now the root is compared
//     book.holds(16, leafHash)                        // true, false, or null: not known
import { failed, sameBytes, toHex } from "./bytes.js";
import { Frontier, HASH_BYTES } from "./tree.js";

/** @typedef {import("./tree.js").Hash} Hash */

export class LeafBook {
  constructor() {
    /** How many leaves are held; the first `size` of them were compared with a root. */
    this.held = 0;
    this.size = 0;
    this.#frontier = new Frontier();
    this.#flat = new Uint8Array(HASH_BYTES * 1024);
  }

  /** @type {Frontier} */
  #frontier;
  /** @type {Uint8Array<ArrayBuffer>} */
  #flat;

  /**
   * Take leaves that follow those held; at the size of `head` their root must be its root.
   * @param {Uint8Array} flat @param {{size: number, root: Hash}} head
   */
  async extend(flat, head) {
    const count = flat.length / HASH_BYTES;
    if (!Number.isInteger(count) || this.held + count > head.size) {
      throw failed(
        "bad-leaves",
        "leaf hashes",
        `no more than ${head.size} of 32 bytes`,
        `${this.held + count}`,
      );
    }
    await this.#frontier.extend(flat);
    this.#reserve(HASH_BYTES * (this.held + count));
    this.#flat.set(flat, HASH_BYTES * this.held);
    this.held += count;
    if (this.held === head.size) {
      const found = await this.#frontier.root();
      if (!sameBytes(found, head.root)) {
        throw failed("bad-leaves", `root of ${head.size} leaves`, toHex(head.root), toHex(found));
      }
      this.size = this.held;
    }
  }

  /** @param {number} bytes */
  #reserve(bytes) {
    if (bytes <= this.#flat.length) return;
    const wider = new Uint8Array(Math.max(bytes, 2 * this.#flat.length));
    wider.set(this.#flat);
    this.#flat = wider;
  }

  /** @param {number} index @returns {Uint8Array | null} the hash in the record; null: not known */
  get(index) {
    if (!Number.isSafeInteger(index) || index < 0 || index >= this.size) return null;
    return this.#flat.subarray(HASH_BYTES * index, HASH_BYTES * (index + 1));
  }

  /** @param {number} index @param {Uint8Array} leaf @returns {boolean | null} null: not known */
  holds(index, leaf) {
    const found = this.get(index);
    return found === null ? null : sameBytes(found, leaf);
  }
}
