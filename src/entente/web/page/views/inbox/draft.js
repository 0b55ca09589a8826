// Words that were begun and not sent: kept in this tab, so that a reload or a look elsewhere loses none.
//
// Invariants: kept for the tab alone, and gone with it: others use this device too; dropped once they are said.
//
//     const [values, setValues] = useDraft("talk.aleppo", { text: "" });
import { useEffect, useState } from "../../core/dom.js";

const PREFIX = "entente.draft.";

/** @param {string} slot @returns {Record<string, string> | null} */
function readDraft(slot) {
  try {
    const found = JSON.parse(window.sessionStorage.getItem(PREFIX + slot) ?? "null");
    return found && typeof found === "object" ? found : null;
  } catch {
    return null; // storage is switched off, or holds what is none of ours
  }
}

/** @param {string} slot */
export function dropDraft(slot) {
  try {
    window.sessionStorage.removeItem(PREFIX + slot);
  } catch {
    // as above
  }
}

/**
 * @param {string} slot What they are for. @param {Record<string, string>} initial
 * @returns {[Record<string, string>, (next: Record<string, string>) => void]}
 */
export function useDraft(slot, initial) {
  const [state, setState] = useState(() => ({ slot, values: { ...initial, ...readDraft(slot) } }));
  const current = state.slot === slot ? state.values : { ...initial, ...readDraft(slot) };
  useEffect(() => {
    if (state.slot !== slot) setState({ slot, values: current });
  }, [slot]);
  return [
    current,
    (next) => {
      setState({ slot, values: next });
      try {
        window.sessionStorage.setItem(PREFIX + slot, JSON.stringify(next));
      } catch {
        // as above: the words stay on the screen
      }
    },
  ];
}
