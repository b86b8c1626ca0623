// SPDX-License-Identifier: Apache-2.0
// What the server counts, as Prometheus would read it.
import assert from "node:assert/strict";
import { eventually } from "./deadline.ts";

export type Metrics = ReadonlyMap<string, number>;

/**
 * All samples by what stands before their value, such as `sanjay_refusals_total{reason="origin"}`;
 * read over a connection of its own.
 */
export async function metrics(server: { url: string }): Promise<Metrics> {
  const response = await fetch(`${server.url}/metrics`, {
    headers: { Connection: "close" },
  });
  assert.equal(response.status, 200);
  const lines = (await response.text()).split("\n").filter((line) => line && line[0] !== "#");
  return new Map(lines.map((line) => {
    const space = line.lastIndexOf(" ");
    return [line.slice(0, space), Number(line.slice(space + 1))];
  }));
}

/** Waits until a metric has that value. */
export async function metricBecomes(
  server: { url: string },
  name: string,
  value: number,
): Promise<void> {
  const ask = async () => (await metrics(server)).get(name);
  await eventually(`${name} = ${value}`, ask, (now) => now === value);
}
