// SPDX-License-Identifier: Apache-2.0
// A well-behaved client beside the hostile ones: he must not notice them.
import assert from "node:assert/strict";
import { after, before } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { RawClient } from "./raw_client.ts";
import type { Cleanup, Server } from "./server.ts";

const CHANNEL = "witness";
/** Between two round trips of isServedUntil(), so that he himself is no load. */
const PACE_MS = 5;

export class Witness {
  private client!: RawClient;
  private published = 0;

  private constructor() {}

  static async join(t: Cleanup, server: Server): Promise<Witness> {
    const witness = new Witness();
    await witness.enter(t, server);
    return witness;
  }

  /** One for all tests of the suite whose body calls this, after Server.forSuite(). */
  static forSuite(server: Server): Witness {
    const witness = new Witness();
    const ends: Array<() => unknown> = []; // in a hook, after() would mean the hook's end
    before(() => witness.enter({ after: (end) => ends.push(end) }, server));
    after(() => ends.forEach((end) => end()));
    return witness;
  }

  /** Publishes and receives it back, that and nothing else; returns the milliseconds it took. */
  async isServed(): Promise<number> {
    const n = ++this.published;
    const start = performance.now();
    const reply = this.client.call({ publish: { channel: CHANNEL, data: { n } } });
    const push = await this.client.push();
    const took = performance.now() - start;
    assert.deepEqual([push.channel, push.pub?.data], [CHANNEL, { n }]);
    assert.equal((await reply).error, undefined);
    return took;
  }

  /** Is served over and over until `end` has come about; the times, ascending. */
  async isServedUntil(end: Promise<unknown>): Promise<number[]> {
    let ended = false;
    const mark = () => (ended = true);
    end.then(mark, mark);
    const times: number[] = [];
    while (!ended || times.length === 0) {
      times.push(await this.isServed());
      await pause(PACE_MS);
    }
    await end;
    return times.sort((a, b) => a - b);
  }

  private async enter(t: Cleanup, server: Server): Promise<void> {
    this.client = await RawClient.connect(t, server.websocketUrl);
    this.client.socket.on("message", (data) => {
      if (String(data) === "{}") this.client.pong();
    });
    const reply = await this.client.call({ subscribe: { channel: CHANNEL } });
    assert.equal(reply.error, undefined);
  }
}

/** The value below which the share `p` of ascending values lies. */
export function percentile(sorted: readonly number[], p: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))]!;
}
