// SPDX-License-Identifier: Apache-2.0
// Tests in another language, shown as tests of node's runner.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";

export interface Result {
  name: string;
  verdict: "passed" | "failed" | "skipped";
  output: string;
}

export interface Run {
  /** The exit status. */
  status: number | null;
  lines: string[];
}

/** Runs a program to its end, which comes by itself or after `limitMs`. */
export async function run(
  command: string[],
  options: { cwd: string; env?: Record<string, string>; limitMs: number },
): Promise<Run> {
  const child = spawn(command[0]!, command.slice(1), {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: options.limitMs,
    killSignal: "SIGKILL",
  });
  const lines: string[] = [];
  for (const stream of [child.stdout!, child.stderr!]) {
    createInterface({ input: stream }).on("line", (line) => lines.push(line));
  }
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code));
  });
  return { status, lines };
}

/** `go test -json`'s events as results, one for each test and subtest without subtests. */
export function goResults({ lines }: Run): Result[] {
  interface Event {
    Action: string;
    Test?: string;
    Output?: string;
  }
  const events = lines
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Event);
  const output = new Map<string, string>();
  for (const { Action, Test, Output } of events) {
    if (Action === "output" && Test) output.set(Test, (output.get(Test) ?? "") + Output);
  }
  const verdicts = { pass: "passed", fail: "failed", skip: "skipped" } as const;
  const ended = events.filter(({ Action, Test }) => Test && Action in verdicts);
  const isParent = (name: string) => ended.some(({ Test }) => Test!.startsWith(`${name}/`));
  return ended
    .filter(({ Test }) => !isParent(Test!))
    .map(({ Action, Test }) => ({
      name: Test!,
      verdict: verdicts[Action as keyof typeof verdicts],
      output: output.get(Test!) ?? "",
    }));
}

/** `python -m unittest -v`'s lines as results. */
export function pythonResults({ lines }: Run): Result[] {
  const text = lines.join("\n");
  // A test's first line of documentation stands between its name and its verdict, and what it
  // prints stands before the verdict.
  const pattern =
    /^(\w+) \(([\w.]+)\)(?:\n.*)? \.\.\. (?:.*\n)*?(ok|FAIL|ERROR|skipped .*)$/gm;
  const results = [...text.matchAll(pattern)].map(([, name, where, word]): Result => ({
    name: where!.endsWith(`.${name}`) ? where! : `${where}.${name}`,
    verdict: word === "ok" ? "passed" : word!.startsWith("skipped") ? "skipped" : "failed",
    output: about(text, `${name} (${where})`),
  }));
  const ran = Number(/^Ran (\d+) tests? in /m.exec(text)?.[1]);
  assert.equal(results.length, ran, `not every test was understood:\n${text.slice(-2_000)}`);
  return results;
}

function about(text: string, test: string): string {
  const start = Math.max(text.indexOf(`\nFAIL: ${test}`), text.indexOf(`\nERROR: ${test}`));
  return start < 0 ? "" : text.slice(start, start + 3_000).split("\n======")[0]!;
}

/** Each result as a test of its own. */
export async function report(t: TestContext, program: Run, results: Result[]): Promise<void> {
  assert.ok(results.length > 0, `no test was run:\n${program.lines.slice(-40).join("\n")}`);
  for (const { name, verdict, output } of results) {
    await t.test(name, { skip: verdict === "skipped" }, () => {
      assert.equal(verdict, "passed", output);
    });
  }
  const failed = results.some(({ verdict }) => verdict === "failed");
  assert.equal(
    program.status === 0,
    !failed,
    `exit status ${program.status}:\n${program.lines.slice(-40).join("\n")}`,
  );
}
