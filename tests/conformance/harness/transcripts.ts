// SPDX-License-Identifier: Apache-2.0
// What Centrifugo answered, kept in the tree so that sanjay is compared with it everywhere.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Encoding } from "./codec.ts";
import type { Entry } from "./play.ts";
import type { Area } from "./session.ts";
import { CENTRIFUGO } from "./target.ts";

/** By session, then by encoding. */
export type Played = Record<string, Partial<Record<Encoding, Entry[]>>>;

export interface Recording {
  centrifugo: string;
  sessions: Played;
}

const file = (area: Area) =>
  fileURLToPath(new URL(`../transcripts/${area.id}.json`, import.meta.url));

export function recorded(area: Area): Recording {
  if (!existsSync(file(area))) return { centrifugo: "none", sessions: {} };
  return JSON.parse(readFileSync(file(area), "utf8")) as Recording;
}

/** One entry a line, in the order of the sessions, so that a change shows as what it is. */
export function record(area: Area, sessions: Played): void {
  const parts = area.sessions.map(({ name }) => {
    const encodings = Object.entries(sessions[name] ?? {}).map(([encoding, entries]) => {
      const lines = entries.map((entry) => `        ${JSON.stringify(entry)}`);
      return `      ${JSON.stringify(encoding)}: [\n${lines.join(",\n")}\n      ]`;
    });
    return `    ${JSON.stringify(name)}: {\n${encodings.sort().join(",\n")}\n    }`;
  });
  const version = JSON.stringify(centrifugoVersion());
  const text = `{\n  "centrifugo": ${version},\n  "sessions": {\n${parts.join(",\n")}\n  }\n}\n`;
  writeFileSync(file(area), text);
}

/** As the module system knows it: a binary built from source calls itself 0.0.0. */
function centrifugoVersion(): string {
  const { stdout } = spawnSync("go", ["version", "-m", CENTRIFUGO], { encoding: "utf8" });
  const version = /centrifugal\/centrifugo\/v6\s+v(\S+)/.exec(stdout ?? "");
  if (!version) throw new Error(`go cannot tell the version of ${CENTRIFUGO}`);
  return version[1]!;
}
