// SPDX-License-Identifier: Apache-2.0
// Clients that take for ever (slowloris): thousands of them cost the others nothing, and each is
// ended at the bound of what it does not get done.
import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { describe, test } from "node:test";
import { until, within } from "./harness/deadline.ts";
import { descriptors } from "./harness/process.ts";
import { type Cleanup, DRIVERS, Server } from "./harness/server.ts";
import { ended, frame, Opcode, upgradeRequest, Wire } from "./harness/wire.ts";
import { percentile, Witness } from "./harness/witness.ts";

const PATH = "/connection/websocket";
const REQUEST_BOUND_MS = 10_000; // a constant of the server, docs/limits.md
const DRIPPING = 1500;
const SILENT = 100;
const UPGRADED = 200; // and nothing more
const HALF_A_FRAME = 200;

/** A connection that says one byte of its request a second, or nothing. */
class Dripping {
  readonly socket: Socket;
  readonly opened = performance.now();
  answer = "";
  private said = 0;

  constructor(server: Server) {
    this.socket = connect(server.port, "127.0.0.1");
    this.socket.setEncoding("latin1");
    this.socket.on("data", (text) => (this.answer += text));
    this.socket.on("error", () => {}); // shows as the end
  }

  say(request: string): void {
    if (this.socket.writable) this.socket.write(request[this.said++]!);
  }

  /** Waits for the end and returns how long after the beginning it came. */
  async ended(): Promise<number> {
    await within(ended(this.socket), "the end of a slow client");
    return performance.now() - this.opened;
  }
}

async function drip(t: Cleanup, server: Server): Promise<void> {
  const request = upgradeRequest(PATH);
  const clients = Array.from({ length: DRIPPING }, () => new Dripping(server));
  const silent = Array.from({ length: SILENT }, () => new Dripping(server));
  const timer = setInterval(() => clients.forEach((client) => client.say(request)), 1000);
  t.after(() => clearInterval(timer));
  const times = await Promise.all([...clients, ...silent].map((client) => client.ended()));
  for (const took of times) {
    assert.ok(took > 0.9 * REQUEST_BOUND_MS && took < 2 * REQUEST_BOUND_MS, `ended after ${took}`);
  }
  for (const { answer } of clients) assert.match(answer, /^HTTP\/1\.1 408 Request Timeout\r\n/);
  for (const { answer } of silent) assert.equal(answer, "", "nothing was asked");
}

async function stopBeforeConnect(t: Cleanup, server: Server): Promise<void> {
  const half = frame(Opcode.Text, '{"id":1,"connect":{}}').subarray(0, 10);
  const one = async (n: number) => {
    const wire = await Wire.upgrade(t, server, PATH);
    if (n < HALF_A_FRAME) wire.send(half);
    assert.deepEqual(await wire.close(), { code: 3502, reason: "stale" });
    await wire.ended();
  };
  await Promise.all(Array.from({ length: HALF_A_FRAME + UPGRADED }, (_, n) => one(n)));
}

describe("slow clients", { concurrency: true }, () => {
  for (const io of DRIVERS) {
    test(`2,000 slow clients are ended at their bounds and felt by nobody (${io})`, async (t) => {
      const server = await Server.start(t, { io });
      const witness = await Witness.join(t, server);
      const before = descriptors(server.pid);
      const attack = Promise.all([drip(t, server), stopBeforeConnect(t, server)]);
      const times = await witness.isServedUntil(attack);
      t.diagnostic(
        `${times.length} round trips, p50 ${percentile(times, 0.5).toFixed(1)} ms, ` +
          `p99 ${percentile(times, 0.99).toFixed(1)} ms`,
      );
      assert.ok(percentile(times, 0.99) < 1000, "the good client's p99");
      await until("descriptors come back", () => descriptors(server.pid) <= before);
      await witness.isServed();
    });

    test(`who stops in the middle of a frame is ended by the missing pong (${io})`, async (t) => {
      const server = await Server.start(t, {
        io,
        configuration: { "client.ping_interval": "2s", "client.pong_timeout": "1s" },
      });
      const witness = await Witness.join(t, server);
      const one = async () => {
        const wire = await Wire.upgrade(t, server, PATH);
        wire.send(frame(Opcode.Text, '{"id":1,"connect":{}}'));
        assert.match((await wire.frame()).payload.toString(), /"connect"/);
        wire.send(frame(Opcode.Text, '{"id":2,"publish":{').subarray(0, 15));
        assert.deepEqual(await wire.close(), { code: 3012, reason: "no pong" });
        await wire.ended();
      };
      await witness.isServedUntil(Promise.all(Array.from({ length: 50 }, one)));
    });
  }
});
