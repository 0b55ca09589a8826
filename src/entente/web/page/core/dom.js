// The one door to preact: every file of the page takes `html` and the hooks from here.
//
// preact and htm are vendored apart: the preact that htm's own bundle holds draws a plain object of a partner's JSON
// as if it were an element (tests/browser/test_page_hostile.py shows that this one does not).
//
// It does not touch the document: `app.js` renders once.
//
//     import { html, useState } from "../core/dom.js";
import htm from "../vendor/htm-3.1.1/htm.mjs";
import { h } from "../vendor/preact-11.2.0/preact.mjs";

export { Component, createContext, Fragment, h, render } from "../vendor/preact-11.2.0/preact.mjs";
export {
  useCallback,
  useContext,
  useEffect,
  useId,
  useLayoutEffect,
  useMemo,
  useReducer,
  useRef,
  useState,
} from "../vendor/preact-11.2.0/hooks.mjs";

export const html = htm.bind(h);
