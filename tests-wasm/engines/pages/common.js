// What every engine's page has in common: it gives `start` an engine, and the bench drives it through `window.bench`.
//
// An engine is { setView(view), calm(): boolean, figures(): { tiles, triangles, gpuBytes } }; a view is { lon, lat,
// heightM, distanceM, headingDeg, pitchDeg }: the target, and from where it is looked at (degrees, metres).

export const query = new URLSearchParams(location.search);
export const tilesets = query.getAll("tileset");
export const maxErrorPx = Number(query.get("error"));
export const view = JSON.parse(query.get("view"));
/** Across the wider side, for every engine. */
export const FOV_DEG = 60;

const frame = () => new Promise(requestAnimationFrame);

export function start(engine) {
  const waiting = async (done) => {
    const begin = performance.now();
    for (let calm = 0; calm < 3; calm = done() ? calm + 1 : 0) {
      if (performance.now() - begin > 150_000) throw new Error("does not settle");
      await frame();
    }
  };
  const bench = {
    /** Milliseconds from opening the page to the first picture with a triangle. */
    firstPictureMs: NaN,
    /** Jumps to a view; milliseconds until nothing is missing. */
    async settle(view) {
      const begin = performance.now();
      engine.setView(view);
      await frame();
      await waiting(() => engine.calm());
      return performance.now() - begin;
    },
    /** Turns once around a view's target. */
    async orbit(view, frames) {
      for (let i = 0; i < frames; i++) {
        engine.setView({ ...view, headingDeg: (view.headingDeg + (i * 360) / frames) % 360 });
        await frame();
      }
    },
    /** Moves straight from one view to another in a time; the milliseconds between frames. */
    async flight(from, to, durationMs) {
      const gaps = [];
      const begin = performance.now();
      let last = begin;
      while (last - begin < durationMs) {
        const t = (last - begin) / durationMs;
        const between = (key) => from[key] + (to[key] - from[key]) * t;
        engine.setView(Object.fromEntries(Object.keys(from).map((key) => [key, between(key)])));
        await frame();
        const now = performance.now();
        gaps.push(now - last);
        last = now;
      }
      return gaps;
    },
    figures: () => engine.figures(),
  };
  (async () => {
    while (!(engine.figures().triangles > 0)) await frame();
    bench.firstPictureMs = performance.now();
  })();
  engine.setView(view);
  window.bench = bench;
}
