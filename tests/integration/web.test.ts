// SPDX-License-Identifier: Apache-2.0
// web/dist is committed so that running needs no Node; it must be what web/src builds to.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT } from "./harness/server.ts";

function contents(folder: string): Record<string, string> {
  const names = readdirSync(folder).sort();
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, name), "utf8")]));
}

test("the committed web/dist is current (otherwise: npm run build in web/)", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "sanjay-web-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const build = spawnSync("npm", ["run", "build", "--", "--outDir", folder, "--emptyOutDir"], {
    cwd: join(ROOT, "web"),
    encoding: "utf8",
  });
  assert.equal(build.status, 0, build.stdout + build.stderr);
  const committed = contents(join(ROOT, "web/dist"));
  const built = contents(folder);
  assert.deepEqual(Object.keys(committed), ["demo.css", "demo.js", "index.html"]);
  for (const [name, text] of Object.entries(built)) {
    assert.ok(committed[name] === text, `web/dist/${name} differs from what web/src builds to`);
  }
});
