// Every content of the baked demo cities, as the Khronos validator sees it.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import path from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const target = process.env.CITYTWIN_TARGET ?? path.join(here, "../../target");

for (const city of ["twin", "delft"]) {
  test(`the Khronos validator finds no error and no warning in any content of the demo's ${city}`, async (t) => {
    const validate = promisify(execFile)(process.execPath, [
      path.join(here, "../validate-gltf.mjs"),
      path.join(target, "dist", city),
    ]);
    const { stdout } = await validate.catch((failure) => assert.fail(failure.stdout + failure.stderr));
    t.diagnostic(stdout.trim().split("\n").at(-1));
  });
}
