// The style worker: compiles styles, and says by them what each feature of a tile shows.
//
// Messages in:  {wasmUrl}                                                first: where its module lies, if not beside it
//               {style, json}                                           compile a style under a number
//               {drop}                                                  forget the style of this number
//               {job, style, content, properties, vertices, ecefFromTile, timeMs}
// Messages out: {style, properties, any} or {style, problems}           names, whether it may read others;
//                                                                       [{code, message, place}]
//               {job, rows: Uint8Array, problems}
//               {broken}                                                of no more use

import init, { Styler } from "./style_worker.js";

let started;
const styles = new Map();

self.onmessage = async ({ data }) => {
  try {
    started ??= init(data.wasmUrl && { module_or_path: data.wasmUrl });
    await started;
    if (data.wasmUrl !== undefined) return;
    if (data.drop !== undefined) {
      styles.get(data.drop)?.free();
      styles.delete(data.drop);
    } else if (data.job === undefined) {
      self.postMessage(compile(data));
    } else {
      paint(data);
    }
  } catch (error) {
    self.postMessage({ broken: String(error) });
  }
};

function compile({ style, json }) {
  try {
    const styler = new Styler(json);
    styles.set(style, styler);
    return { style, properties: JSON.parse(styler.properties()), any: styler.reads_any() };
  } catch (problems) {
    if (typeof problems !== "string") throw problems;
    return { style, problems: JSON.parse(problems) };
  }
}

function paint({ job, style, content, properties, vertices, ecefFromTile, timeMs }) {
  const styler = styles.get(style);
  if (styler === undefined) {
    self.postMessage({ job, rows: new Uint8Array(), problems: [] });
    return;
  }
  const painted = styler.paint(content, properties, vertices, ecefFromTile, timeMs);
  const [rows, problems] = [painted.rows(), JSON.parse(painted.problems())];
  painted.free();
  self.postMessage({ job, rows, problems }, [rows.buffer]);
}
