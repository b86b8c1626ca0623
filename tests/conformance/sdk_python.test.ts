// SPDX-License-Identifier: Apache-2.0
// The Python SDK, by the program in python/.
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { API_KEY, BASE, SECRET } from "./harness/configuration.ts";
import { pythonResults, report, run } from "./harness/program.ts";
import { startTarget, TARGET } from "./harness/target.ts";

const FOLDER = fileURLToPath(new URL("python", import.meta.url));
const PYTHON = process.env.CONFORMANCE_PYTHON ?? "python3";

test(`the Python SDK with ${TARGET}`, async (t) => {
  const { port } = await startTarget(t, BASE);
  const program = await run([PYTHON, "-m", "unittest", "-v", "sdk_test"], {
    cwd: FOLDER,
    env: {
      CONFORMANCE_PORT: String(port),
      CONFORMANCE_SECRET: SECRET,
      CONFORMANCE_API_KEY: API_KEY,
    },
    limitMs: 180_000,
  });
  await report(t, program, pythonResults(program));
});
