// SPDX-License-Identifier: Apache-2.0
// The Go SDK, by the program in go/.
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { API_KEY, BASE, SECRET } from "./harness/configuration.ts";
import { goResults, report, run } from "./harness/program.ts";
import { startTarget, TARGET } from "./harness/target.ts";

const FOLDER = fileURLToPath(new URL("go", import.meta.url));

test(`the Go SDK with ${TARGET}`, async (t) => {
  const { port } = await startTarget(t, BASE);
  const program = await run(["go", "test", "-json", "-count=1", "-timeout=120s", "./..."], {
    cwd: FOLDER,
    env: {
      CONFORMANCE_PORT: String(port),
      CONFORMANCE_SECRET: SECRET,
      CONFORMANCE_API_KEY: API_KEY,
    },
    limitMs: 300_000,
  });
  await report(t, program, goResults(program));
});
