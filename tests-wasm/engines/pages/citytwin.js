import { CityTwin } from "/citytwin/index.js";
import { maxErrorPx, query, start } from "./common.js";

const twin = await CityTwin.create("#view", { twin: query.get("twin"), maxErrorPx, cacheBytes: 1e9 });
start({
  setView: (view) => twin.setView(view),
  calm: () => twin.canvas.dataset.state === "settled",
  figures() {
    const { tilesVisible, trianglesVisible, gpuBytes, heapBytes } = twin.stats();
    return { tiles: tilesVisible, triangles: trianglesVisible, gpuBytes, heapBytes };
  },
});
window.look = ({ timeMs, shadows, seeThrough, ring, underground, dome }) => twin.setScene({
  ...(timeMs && { sun: { timeMs } }),
  ...(shadows && { shadows: { mode: "full" } }),
  ...(seeThrough && { xRay: { enabled: true, opacity: seeThrough } }),
  ...(ring && { clip: { polygon: { ring, keep: "outside" }, layers: ["buildings"] } }),
  ...(underground && { underground: { enabled: true } }),
  ...(dome && { pointClouds: { edl: { strength: 1 } } }),
});
