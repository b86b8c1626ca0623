// SPDX-License-Identifier: Apache-2.0
// Plays every session and compares what comes back with what Centrifugo answered. RECORD=1 writes
// down Centrifugo's answers instead.
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { judge } from "./differences.ts";
import type { Encoding } from "./harness/codec.ts";
import { type Deviation, deviations } from "./harness/compare.ts";
import { type Entry, play } from "./harness/play.ts";
import type { Session } from "./harness/session.ts";
import { TARGET } from "./harness/target.ts";
import { type Played, record, recorded } from "./harness/transcripts.ts";
import { AREAS, encodings } from "./sessions/all.ts";
import { expectedPage, page } from "./table.ts";

const RECORD = process.env.RECORD === "1";
if (RECORD && TARGET !== "centrifugo") throw new Error("only Centrifugo's answers are recorded");
const CHOSEN = new RegExp(process.env.SESSIONS ?? "");

test("every session has a name of its own", () => {
  const names = AREAS.flatMap(({ sessions }) => sessions.map(({ name }) => name));
  assert.deepEqual(names.filter((name, i) => names.indexOf(name) !== i), []);
});

test("docs/compatibility.md shows the sessions and differences there are", () => {
  assert.equal(page(), expectedPage(), "npm run table in tests/conformance puts it right");
});

for (const area of AREAS) {
  describe(`${area.title} (${TARGET})`, { concurrency: 2 }, () => {
    const known = recorded(area);
    const played: Played = RECORD ? known.sessions : {};
    for (const session of area.sessions.filter(({ name }) => CHOSEN.test(name))) {
      for (const encoding of encodings(session)) {
        test(`${session.name} [${encoding}]`, async () => {
          if (RECORD) {
            const transcript = await play(session, encoding);
            assertWhole(transcript);
            (played[session.name] ??= {})[encoding] = transcript;
          } else {
            await compare(session, encoding, known.sessions[session.name]?.[encoding]);
          }
        });
      }
    }
    if (RECORD) after(() => record(area, played));
  });
}

/** A session whose script waits for what never comes is a wrong script. */
function assertWhole(transcript: Entry[]): void {
  for (const { step, got } of transcript) {
    const text = JSON.stringify(got);
    const broken = /"late"|"gone"|"unpublished"|"undecodable"/;
    assert.doesNotMatch(text, broken, `${JSON.stringify(step)} gave ${text}`);
  }
}

async function compare(
  session: Session,
  encoding: Encoding,
  centrifugo: Entry[] | undefined,
): Promise<void> {
  assert.ok(centrifugo, "Centrifugo's answers are not recorded: scripts/conformance --live");
  const found = await differing(session, encoding, centrifugo);
  const { unlisted, outdated } =
    TARGET === "sanjay" ? judge(session.name, encoding, found) : { unlisted: found, outdated: [] };
  const lines = unlisted.map(
    ({ path, step, centrifugo: a, sanjay: b }) =>
      `${path}: ${JSON.stringify(a)} is ${JSON.stringify(b)}\n    in ${step}`,
  );
  assert.equal(lines.join("\n"), "", `${TARGET} answers otherwise than recorded`);
  assert.deepEqual(outdated, [], "listed as different, but not so");
}

/** A configuration that the server does not take is a deviation too. */
async function differing(
  session: Session,
  encoding: Encoding,
  centrifugo: Entry[],
): Promise<Deviation[]> {
  try {
    return deviations(centrifugo, await play(session, encoding));
  } catch (error) {
    const unknown = /([\w.]+: unknown key)/.exec(String(error));
    if (!unknown) throw error;
    return [{ path: "start", step: "its start", centrifugo: "starts", sanjay: unknown[1] }];
  }
}
