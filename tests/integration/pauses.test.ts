// SPDX-License-Identifier: Apache-2.0
// Who is late: the server that stood still, or the client that went silent.
import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { setTimeout as elapsed } from "node:timers/promises";
import WebSocket from "ws";
import { within } from "./harness/deadline.ts";
import { metricBecomes, metrics } from "./harness/metrics.ts";
import { RawClient } from "./harness/raw_client.ts";
import { DRIVERS, Server, VARIANTS } from "./harness/server.ts";
import { frame, Opcode, Wire } from "./harness/wire.ts";

const PATH = "/connection/websocket";
const PING_MS = 2000;
const PONG_MS = 1000;
const HEARTBEAT = { "client.ping_interval": "2s", "client.pong_timeout": "1s" };
const PAUSE_MS = 5000;
/** Far more than the server takes: the machine may be busy. */
const SLACK_MS = 3000;

/** A client that answers every ping, and little else: hundreds of them cost a test nothing. */
class Answerer {
  pings = 0;
  closed: number | undefined;
  /** Told of a ping instead of answering it; answer() must follow. */
  withhold: (() => void) | undefined;
  private constructor(readonly socket: WebSocket) {}

  static async connect(url: string): Promise<Answerer> {
    const client = new Answerer(new WebSocket(url));
    client.socket.on("error", () => {});
    client.socket.on("close", (code) => (client.closed = code));
    await within(once(client.socket, "open"), "an open WebSocket");
    const reply = once(client.socket, "message");
    client.socket.send('{"id":1,"connect":{}}');
    await within(reply, "the reply to connect");
    client.socket.on("message", (data) => {
      if (data.toString() !== "{}") return;
      client.pings += 1;
      if (client.withhold) client.withhold();
      else client.answer();
    });
    return client;
  }

  answer(): void {
    this.socket.send("{}");
  }

  /** Ends with the ping, or with the connection. */
  async nextPings(count: number): Promise<void> {
    const wanted = this.pings + count;
    while (this.pings < wanted && this.closed === undefined) {
      await Promise.race([once(this.socket, "message"), once(this.socket, "close")]);
    }
  }
}

/** Waits until so many of the clients have a ping that they have not answered yet. */
async function pinged(clients: Answerer[], count: number): Promise<Answerer[]> {
  const waiting: Answerer[] = [];
  await within(new Promise<void>((resolve) => {
    for (const client of clients) {
      client.withhold = () => {
        waiting.push(client);
        if (waiting.length >= count) resolve();
      };
    }
  }), "pings");
  for (const client of clients) client.withhold = undefined;
  return waiting;
}

for (const io of DRIVERS) {
  test(`a server that stood still for 5 s disconnects nobody who answers (${io})`, async (t) => {
    const server = await Server.start(t, { io, shards: 3, configuration: HEARTBEAT });
    const clients: Answerer[] = [];
    t.after(() => clients.forEach((client) => client.socket.terminate()));
    while (clients.length < 600) {
      const batch = Array.from({ length: 50 }, () => Answerer.connect(server.websocketUrl));
      clients.push(...(await Promise.all(batch)));
    }
    // A third of a second's pings is answered while the server stands still: much else first, so
    // that it takes the server a while to find the pongs, whose deadlines are over by then.
    const talkative = await pinged(clients, 100);
    server.signal("SIGSTOP");
    const talk = JSON.stringify({ publish: { channel: "talk", data: "x".repeat(60_000) }, id: 2 });
    for (const client of talkative) {
      for (let n = 0; n < 10; n += 1) client.socket.send(talk);
      client.answer();
    }
    await elapsed(PAUSE_MS); // what is tested, not what is waited for
    server.signal("SIGCONT");
    await within(Promise.all(clients.map((client) => client.nextPings(2))), "two more pings each");
    const lost = clients.filter((client) => client.closed !== undefined);
    assert.deepEqual(lost.map((client) => client.closed), []);
    const now = await metrics(server);
    assert.equal(now.get("sanjay_clients"), 600);
    assert.ok(now.get("sanjay_loop_pauses_total")! >= 3, "each shard has noticed its pause");
  });
}

// Most of their time they wait, so they may do it together.
describe("silent clients", { concurrency: true }, () => {
  for (const variant of VARIANTS) {
    const name = `${variant.io}, shards: ${variant.shards}`;

    test(`after a pause, who does not answer is still disconnected (${name})`, async (t) => {
      const server = await Server.start(t, { ...variant, configuration: HEARTBEAT });
      const silent = await RawClient.connect(t, server.websocketUrl);
      server.signal("SIGSTOP");
      await elapsed(1000);
      server.signal("SIGCONT");
      assert.deepEqual(await silent.closed(), { code: 3012, reason: "no pong" });
    });

    test(`a client that never answers a ping is gone in time (${name})`, async (t) => {
      const server = await Server.start(t, { ...variant, configuration: HEARTBEAT });
      const client = await RawClient.connect(t, server.websocketUrl);
      const connected = performance.now();
      assert.deepEqual(await client.closed(), { code: 3012, reason: "no pong" });
      const took = performance.now() - connected;
      t.diagnostic(`closed ${took.toFixed(0)} ms after its connect, ping + pong: 3000 ms`);
      assert.ok(took >= PONG_MS, `${took} ms`);
      assert.ok(took <= PING_MS + PONG_MS + SLACK_MS, `${took} ms`);
      await metricBecomes(server, "sanjay_clients", 0);
    });

    test(`a client that neither reads nor writes any more is dropped (${name})`, async (t) => {
      const server = await Server.start(t, { ...variant, configuration: HEARTBEAT });
      const idle = (await metrics(server)).get("sanjay_connections")!;
      const wire = await Wire.upgrade(t, server, PATH);
      wire.send(frame(Opcode.Text, '{"id":1,"connect":{}}'));
      await wire.frame();
      wire.socket.allowHalfOpen = true;
      wire.socket.pause();
      const silent = performance.now();
      assert.equal((await metrics(server)).get("sanjay_clients"), 1);
      await metricBecomes(server, "sanjay_clients", 0);
      const took = performance.now() - silent;
      assert.ok(took <= PING_MS + PONG_MS + SLACK_MS, `${took} ms`);
      // Nor does it keep its connection, although it never says that it has seen the end.
      await metricBecomes(server, "sanjay_connections", idle);
      const dropped = performance.now() - silent;
      t.diagnostic(`no client after ${took.toFixed(0)} ms, no connection after ${
        dropped.toFixed(0)} ms`);
    });
  }
});
