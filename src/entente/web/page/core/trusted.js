// The one thing that may become a script's address: the map's worker, from our own files.
//
// Under `require-trusted-types-for 'script'` the browser refuses every text that would become markup or code. The map
// library starts its worker by a text, so that this policy exists; it makes no markup, and therefore nothing can.
//
// SECURITY: tests/browser/test_page_shell.py tries to make markup, code and a foreign worker.
const trusted = /** @type {any} */ (window)["trustedTypes"];

trusted?.createPolicy("default", {
  createScriptURL(/** @type {string} */ url) {
    const found = new URL(url, window.location.href);
    if (found.origin !== window.location.origin || !found.pathname.startsWith("/page/"))
      throw new TypeError(`script: expected one of this page's own files, got ${found.origin}${found.pathname}`);
    return url;
  },
});
