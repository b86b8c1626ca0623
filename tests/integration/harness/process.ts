// SPDX-License-Identifier: Apache-2.0
// What the kernel says about a process of ours.
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

export function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) * 1024;
}

export function descriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** CPU time used so far by all threads, in milliseconds. */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  // Fields 14 and 15; the name in field 2 may hold anything, so count from its closing bracket.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticksPerSecond = 100; // USER_HZ, a constant of Linux
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / ticksPerSecond;
}

/** The share of one CPU that the process uses over a while. */
export async function cpuShare(pid: number, whileMs: number): Promise<number> {
  const before = { at: performance.now(), cpu: cpuMs(pid) };
  await pause(whileMs);
  return (cpuMs(pid) - before.cpu) / (performance.now() - before.at);
}
