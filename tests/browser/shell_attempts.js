// What is tried against the page from within: [name, who must refuse it, how]. One answer a try: who told of it.
//
// "ours": the page's own policy says no (core/trusted.js) before the browser is asked; the rest are rules of the
// content security policy, by the browser's name of them. Each try runs in a task of its own: what the debugger
// evaluates is let through more than the page is.
async ([foreign]) => {
  const hit = () => {
    window.hits = (window.hits ?? 0) + 1;
  };
  window.hit = hit;
  const make = (name, values, act = () => {}) => {
    const one = document.createElement(name);
    act(Object.assign(one, values));
    document.body.append(one);
    return one;
  };
  const quiet = (promise) => promise.catch(() => {});
  const text = "<img src=x onerror=hit()><script>hit()<\/script>";
  const markup = ["require-trusted-types-for"];
  const code = ["script-src", "script-src-elem", "script-src-attr", "require-trusted-types-for"];
  const tries = [
    ["innerHTML", markup, () => (document.createElement("div").innerHTML = text)],
    ["outerHTML", markup, () => (document.querySelector("h1").outerHTML = text)],
    ["insertAdjacentHTML", markup, () => document.body.insertAdjacentHTML("beforeend", text)],
    ["setHTMLUnsafe", markup, () => document.body.setHTMLUnsafe(text)],
    ["document.write", markup, () => document.write(text)],
    ["DOMParser", markup, () => new DOMParser().parseFromString(text, "text/html")],
    ["a fragment", markup, () => document.createRange().createContextualFragment(text)],
    ["a frame's own document", markup, () => make("iframe", { srcdoc: text })],
    ["a second policy", ["trusted-types"], () => trustedTypes.createPolicy("other", { createHTML: (one) => one })],
    ["the first policy once more", ["trusted-types"], () => trustedTypes.createPolicy("default", {})],
    ["eval", code, () => eval("hit()")],
    ["new Function", code, () => new Function("hit()")()],
    ["a timer of text", code, () => setTimeout("hit()", 0)],
    ["an inline script", code, () => make("script", { text: "hit()" })],
    // Chromium refuses this one without a word.
    ["an inline script in pieces", code.concat("silence"), () => make("script", {}, (one) => one.append("hit()"))],
    ["a handler", code, () => make("button", {}, (one) => one.setAttribute("onclick", "hit()")).click()],
    ["a script's address", code, () => make("a", { href: "javascript:hit()" }).click()],
    ["a frame of script", code.concat("frame-src"), () => make("iframe", { src: "javascript:parent.hit()" })],
    ["a foreign script", ["ours"], () => make("script", { src: `${foreign}x.js` })],
    ["a foreign module", code, () => quiet(import(`${foreign}x.js`))],
    ["a script of data", ["ours"], () => make("script", { src: "data:text/javascript,hit()" })],
    ["a script of a verb's answer", ["ours"], () => make("script", { src: "/api/pulse" })],
    ["a foreign worker", ["ours"], () => new Worker(`${foreign}x.js`)],
    ["a worker of a blob", ["ours"], () => new Worker(URL.createObjectURL(new Blob(["hit()"])))],
    ["a worker of data", ["ours"], () => new Worker("data:text/javascript,hit()")],
    ["a shared worker", ["ours"], () => new SharedWorker(`${foreign}x.js`)],
    ["a foreign service worker", ["ours"], () => navigator.serviceWorker.register(`${foreign}x.js`)],
    ["fetch", ["connect-src"], () => quiet(fetch(foreign))],
    ["a beacon", ["connect-src"], () => navigator.sendBeacon(foreign, "secret")],
    ["a socket", ["connect-src"], () => new WebSocket(foreign.replace("http", "ws"))],
    ["an event stream", ["connect-src"], () => new EventSource(foreign)],
    ["a picture", ["img-src"], () => make("img", { src: `${foreign}x.png` })],
    ["a picture of the style", ["img-src"], () => make("i", {}, (one) => (one.style.background = `url(${foreign}x.png)`))],
    ["a style", ["style-src-elem"], () => make("link", { rel: "stylesheet", href: `${foreign}x.css` })],
    ["an inline style", ["style-src-elem"], () => make("style", { textContent: "body { display: none }" })],
    ["a style's attribute", ["style-src-attr"], () => make("i", {}, (one) => one.setAttribute("style", "color: red"))],
    ["a font", ["font-src"], () => quiet(new FontFace("x", `url(${foreign}x.woff2)`).load())],
    ["a film", ["media-src"], () => make("video", { src: `${foreign}x.mp4` })],
    ["an object", ["object-src", "ours"], () => make("object", { data: foreign })],
    ["a frame", ["frame-src"], () => make("iframe", { src: foreign })],
    ["a frame of ours", ["frame-src"], () => make("iframe", { src: "/map" })],
    ["a form", ["form-action"], () => make("form", { action: foreign, method: "post" }).submit()],
    ["a base", ["base-uri"], () => make("base", { href: foreign })],
  ];
  const told = [];
  document.addEventListener("securitypolicyviolation", (event) => told.push(event.effectiveDirective));
  const wait = (ms) => new Promise((done) => setTimeout(done, ms));
  const answers = [];
  for (const [name, by, act] of tries) {
    told.length = 0;
    let thrown = "";
    await new Promise((done) =>
      setTimeout(async () => {
        try {
          await act();
        } catch (error) {
          thrown = `${error.name}: ${error.message}`;
        }
        done();
      }, 0),
    );
    const isOurs = thrown.startsWith("TypeError: script: expected one of this page's own files");
    const most = by.includes("silence") ? 5 : 150;
    for (let waited = 0; !isOurs && told.length === 0 && waited < most; waited += 1) await wait(20);
    const found = isOurs ? ["ours"] : told.length ? [...new Set(told)] : ["silence"];
    const isRefused = found.every((one) => by.includes(one));
    if (!isRefused) answers.push({ name, by, found, thrown });
  }
  await wait(200);
  return { count: tries.length, open: answers, hits: window.hits ?? 0, isWhole: document.querySelector(".shell h1") !== null };
}
