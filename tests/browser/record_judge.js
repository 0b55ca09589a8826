// Judge cases of tests/browser/record_cases.py with the page's own code: a list of what differs from Python.
//
// It is evaluated in the page as a function of the modules' folder and the cases; it changes nothing.
async ([base, cases]) => {
  const load = (name) => import(`${base}/record/${name}.js`);
  const [bytes, tree, note, cosignature, proof, ed25519] = await Promise.all(
    ["bytes", "tree", "note", "cosignature", "proof", "ed25519"].map(load),
  );
  const raw = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
  const checks = {
    inclusion: (leaf, index, size, hashes, root) =>
      tree.verifyInclusion(raw(leaf), index, size, hashes.map(raw), raw(root)),
    consistency: (old, size, oldRoot, root, hashes) =>
      tree.verifyConsistency(old, size, raw(oldRoot), raw(root), hashes.map(raw)),
    checkpoint: async (text, vkey) => note.verifyCheckpoint(raw(text), await note.parseNoteKey(vkey)),
    vkey: (vkey) => note.parseNoteKey(vkey),
    cosignatures: async (text, of, vkeys) => {
      const keys = await Promise.all(vkeys.map(note.parseNoteKey));
      const log = await note.parseNoteKey(LOG_KEY);
      const checkpoint = await note.verifyCheckpoint(raw(of), log);
      const found = await cosignature.verifyCosignatures(raw(text), checkpoint, keys).catch(() => null);
      return found === null ? -1 : found.length;
    },
    proof: async (data, entry, vkey, keys) => {
      const witnesses = [];
      for (const [party, one] of Object.entries(keys)) witnesses.push({ party, key: await note.parseNoteKey(one) });
      const log = await note.parseNoteKey(vkey);
      const found = await proof.verifyProof(raw(data), raw(entry), log, witnesses, null);
      const again = proof.encodeProof(proof.parseProof(raw(data)));
      if (!bytes.sameBytes(again, raw(data))) throw new Error("a second spelling of a proof file");
      if (found.decision.standing === "recorded") throw new bytes.RecordError("failed", "quorum-not-met", "", "", "");
    },
    ed25519: (key, signature, message) =>
      ed25519.verifySignature(raw(key), raw(signature), raw(message), "us/desk"),
  };
  const LOG_KEY = cases.find((one) => one.check === "checkpoint")?.args[1];
  const wrong = [];
  for (const [at, one] of cases.entries()) {
    let [good, value, told] = [true, undefined, ""];
    try {
      value = await checks[one.check](...one.args);
    } catch (error) {
      good = false;
      told = String(error);
      if (!(error instanceof bytes.RecordError)) wrong.push(`${at} ${one.check}: ${told}`);
    }
    if (good !== one.good || ("value" in one && value !== one.value)) {
      wrong.push(`${at} ${one.check}: Python says ${one.good} ${one.value ?? ""}, the page ${good} ${value ?? ""} ${told}`);
    }
  }
  return wrong;
}
