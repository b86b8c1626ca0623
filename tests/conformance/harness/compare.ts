// SPDX-License-Identifier: Apache-2.0
// Compares two transcripts leaf by leaf, and what differs with what is accepted.
import type { Entry } from "./play.ts";

export interface Deviation {
  /** The step counted from 0, and the way to the leaf: "3 got.0.error.message". */
  path: string;
  step: string;
  /** undefined: not there. */
  centrifugo: unknown;
  sanjay: unknown;
}

export function deviations(centrifugo: Entry[], sanjay: Entry[]): Deviation[] {
  const found: Deviation[] = [];
  const length = Math.max(centrifugo.length, sanjay.length);
  for (let i = 0; i < length; i += 1) {
    const step = JSON.stringify(sanjay[i]?.step ?? centrifugo[i]!.step);
    const report = (path: string[], a: unknown, b: unknown) =>
      found.push({ path: [String(i), ...path].join("."), step, centrifugo: a, sanjay: b });
    compare(centrifugo[i], sanjay[i], [], report);
  }
  return found;
}

type Report = (path: string[], centrifugo: unknown, sanjay: unknown) => void;

function compare(a: unknown, b: unknown, path: string[], report: Report): void {
  if (Object.is(a, b)) return;
  if (!isObject(a) || !isObject(b) || Array.isArray(a) !== Array.isArray(b)) {
    report(path, a, b);
    return;
  }
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    compare(own(a, key), own(b, key), [...path, key], report);
  }
}

const own = (value: Record<string, unknown>, key: string) =>
  Object.hasOwn(value, key) ? value[key] : undefined;

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
