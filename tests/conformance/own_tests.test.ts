// SPDX-License-Identifier: Apache-2.0
// The tests that SDKs bring along for themselves, unmodified, against a server configured as their
// docker-compose.yml asks for. They expect it on port 8000, so this runs in a network namespace of
// its own: scripts/conformance.
import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { goResults, pythonResults, report, run } from "./harness/program.ts";
import { type Configuration, merged, startTarget, TARGET } from "./harness/target.ts";

const PORT = 8000;
const GO = fileURLToPath(new URL("go", import.meta.url));
const PYTHON = process.env.CONFORMANCE_PYTHON ?? "python3";
/** Where the Python SDK's source package is unpacked. */
const PYTHON_SOURCE = process.env.CONFORMANCE_PYTHON_SOURCE;

const delta: Configuration = { allowed_delta_types: ["fossil"], delta_publish: true };
const stream = { force_recovery: true, history_ttl: "300s" };

test("nothing else is in this network", () => {
  const others = Object.keys(networkInterfaces()).filter((name) => name !== "lo");
  assert.deepEqual(others, [], "run it by scripts/conformance, in a network namespace");
});

test(`the Go SDK's own tests with ${TARGET}`, async (t) => {
  await startTarget(
    t,
    {
      client: { insecure: true },
      channel: {
        without_namespace: { ...delta, ...stream, history_size: 100 },
        namespaces: [{ name: "smallhistory", ...stream, history_size: 2 }],
      },
    },
    PORT,
  );
  const command = ["go", "test", "-json", "-count=1", "-timeout=120s"];
  const program = await run([...command, "github.com/centrifugal/centrifuge-go"], {
    cwd: GO,
    limitMs: 200_000,
  });
  await report(t, program, goResults(program));
});

test(`the Python SDK's own tests with ${TARGET}`, async (t) => {
  assert.ok(PYTHON_SOURCE, "CONFORMANCE_PYTHON_SOURCE is not set");
  const members = {
    allow_publish_for_subscriber: true,
    allow_history_for_subscriber: true,
  };
  const watched = {
    ...members,
    presence: true,
    join_leave: true,
    force_push_join_leave: true,
    allow_presence_for_subscriber: true,
  };
  await startTarget(
    t,
    {
      client: {
        token: { hmac_secret_key: "secret" },
        subscribe_to_user_personal_channel: { enabled: true },
      },
      channel: {
        without_namespace: merged(delta, { ...watched, ...stream, history_size: 100 }),
        namespaces: [
          { name: "smallhistory", ...members, ...stream, history_size: 2 },
          { name: "example", ...watched, history_size: 300, history_ttl: "300s" },
        ],
      },
    },
    PORT,
  );
  const program = await run([PYTHON, "-m", "unittest", "discover", "-v", "-s", "tests"], {
    cwd: PYTHON_SOURCE,
    env: { PYTHONPATH: PYTHON_SOURCE },
    limitMs: 200_000,
  });
  await report(t, program, pythonResults(program));
});
