// Give each lie of tests/browser/record_lies.py to a page that knows nothing else, and tell what it made of it.
async ([base, lies]) => {
  const { RecordCheck } = await import(`${base}/record/check.js`);
  const found = [];
  for (const lie of lies) {
    let text = null;
    const store = { read: () => text, write: (next) => { text = next; } };
    const answers = [...lie.answers];
    const look = async () => answers.shift();
    const check = new RecordCheck({ look, store, now_ms: () => 1474120600000 });
    while (answers.length) await check.run({ keys: "charter" in answers[0] });
    const { state, pins, firm_size, settled_size, cautions } = check.state;
    const failure = pins?.failure ?? null;
    // What failed stays failed, in this tab and in the next, whatever comes.
    const next = new RecordCheck({ look: async () => lie.answers[0], store, now_ms: () => 1474120600000 });
    await next.run();
    found.push({
      name: lie.name,
      became: failure?.code ?? state,
      standing: [firm_size, settled_size],
      cautions,
      isKept: next.state.state === "failed",
      hasEvidence: failure === null || (failure.evidence.known ?? "").length > 0,
      text: text ?? "",
    });
  }
  return found;
}
