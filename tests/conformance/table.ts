// SPDX-License-Identifier: Apache-2.0
// The part of docs/compatibility.md that the sessions and the list of differences make. Run with
// --write it is put there; differential.test.ts fails when it is not what stands there.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Difference, DIFFERENCES } from "./differences.ts";
import type { Area } from "./harness/session.ts";
import { recorded } from "./harness/transcripts.ts";
import { AREAS, encodings } from "./sessions/all.ts";

const PAGE = fileURLToPath(new URL("../../docs/compatibility.md", import.meta.url));
const BEGIN = "<!-- begin: made by tests/conformance/table.ts -->\n";
const END = "<!-- end -->\n";

export function page(): string {
  return readFileSync(PAGE, "utf8");
}

/** The page with its made part as it should be. */
export function expectedPage(): string {
  const [before, rest] = halves(page(), BEGIN);
  const [, after] = halves(rest, END);
  return `${before}${BEGIN}${areas()}${differences()}${END}${after}`;
}

function areas(): string {
  const rows = AREAS.map((area) => {
    const differing = area.sessions.filter(({ name }) => numbersOf(name).length > 0);
    const numbers = new Set(area.sessions.flatMap(({ name }) => numbersOf(name)));
    const list = [...numbers].sort((a, b) => a - b).join(", ") || "—";
    const counts = [area.sessions.length, played(area, "json"), played(area, "protobuf")];
    return `| ${area.title} | ${[...counts, differing.length].join(" | ")} | ${list} |\n`;
  });
  const version = recorded(AREAS[0]!).centrifugo;
  return (
    `Reference: Centrifugo ${version}.\n\n` +
    "| What | Sessions | over JSON | over Protobuf | that differ | Differences |\n" +
    `|---|---:|---:|---:|---:|---|\n${rows.join("")}`
  );
}

function differences(): string {
  const item = (of: Difference) => {
    const names = [...new Set(of.at.map(({ session }) => session))].map((name) => `“${name}”`);
    return `${DIFFERENCES.indexOf(of) + 1}. ${of.reason}\n   *Seen in* ${names.join(", ")}.\n`;
  };
  const list = (title: string, all: Difference[]) =>
    all.length === 0 ? "" : `\n${title}\n\n${all.map(item).join("")}`;
  return (
    list("On purpose:", DIFFERENCES.filter(({ missing }) => !missing)) +
    list("Not there yet:", DIFFERENCES.filter(({ missing }) => missing))
  );
}

function played(area: Area, encoding: "json" | "protobuf"): number {
  return area.sessions.filter((session) => encodings(session).includes(encoding)).length;
}

/** The differences of a session, counted from 1 as the page shows them. */
function numbersOf(session: string): number[] {
  return DIFFERENCES.flatMap(({ at }, i) =>
    at.some((place) => place.session === session) ? [i + 1] : [],
  );
}

function halves(text: string, marker: string): [string, string] {
  const at = text.indexOf(marker);
  if (at < 0) throw new Error(`docs/compatibility.md has no line ${marker.trim()}`);
  return [text.slice(0, at), text.slice(at + marker.length)];
}

if (process.argv[2] === "--write") writeFileSync(PAGE, expectedPage());
