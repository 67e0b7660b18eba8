// Starts the app, and says so in plain words when it cannot. The words are in index.html; `data-state` on <html>
// chooses among them: loading, running, unreachable, no-wasm, no-webgl2, stopped.
//
// The language is chosen here, once, because the words are needed before any wasm has arrived; the app reads it from
// <html lang>.
const page = document.documentElement;

function chooseLanguage() {
  let stored = null;
  try {
    stored = localStorage.getItem('citytwin.lang');
  } catch {
    // Storage is switched off: the choice is not remembered, and nothing else is lost.
  }
  const wishes = [new URLSearchParams(location.search).get('lang'), stored, ...navigator.languages];
  for (const wish of wishes) {
    const primary = wish?.toLowerCase().split('-')[0];
    if (primary === 'zh') return 'zh-CN';
    if (primary === 'en') return 'en';
  }
  return 'en';
}

// A panic ends the wasm instance for good: a dead picture without a word would be worse than none.
function watchForPanics() {
  const onError = (reason) => {
    if (reason instanceof WebAssembly.RuntimeError) page.dataset.state = 'stopped';
  };
  addEventListener('error', (event) => onError(event.error));
  addEventListener('unhandledrejection', (event) => onError(event.reason));
}

async function boot() {
  if (typeof WebAssembly !== 'object') return 'no-wasm';
  if (typeof WebGL2RenderingContext !== 'function') return 'no-webgl2';
  watchForPanics();
  let app;
  try {
    app = await import('./app.js');
    await app.default();
  } catch (error) {
    console.error(error);
    // A wasm file that arrives but does not compile needs a feature (SIMD) that this browser lacks.
    return error instanceof WebAssembly.CompileError ? 'no-wasm' : 'unreachable';
  }
  // The workers' files lie beside this one.
  app.start(new URL('worker.js', import.meta.url).href, new URL('search-worker.js', import.meta.url).href);
  return 'running';
}

page.lang = chooseLanguage();
page.dataset.lang = page.lang;
for (const button of document.querySelectorAll('[data-reload]')) {
  button.addEventListener('click', () => location.reload());
}
boot().then((state) => {
  page.dataset.state = state;
});
