// SPDX-License-Identifier: Apache-2.0
// What happens when a server stops, hangs or comes back, and when a client goes silent.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Centrifuge } from "centrifuge";
import { publish } from "./harness/api.ts";
import { Arrivals } from "./harness/deadline.ts";
import { RawClient } from "./harness/raw_client.ts";
import { connected, sdkClient, Subscriber } from "./harness/sdk.ts";
import { Server, VARIANTS } from "./harness/server.ts";

/** Why the client is reconnecting, each time it does. */
function interruptions(client: Centrifuge): Arrivals<{ code: number; reason: string }> {
  const seen = new Arrivals<{ code: number; reason: string }>();
  client.on("connecting", ({ code, reason }) => seen.add({ code, reason }));
  return seen;
}

for (const variant of VARIANTS) {
  const name = `${variant.io}, shards: ${variant.shards}`;

  test(`clients come back to a restarted server and resubscribe (${name})`, async (t) => {
    const before = await Server.start(t, variant);
    const clients = await Promise.all(
      Array.from({ length: 4 }, () => connected(sdkClient(t, before))),
    );
    const subscribers = await Promise.all(clients.map((c) => Subscriber.join(c, "news")));
    const seen = clients.map(interruptions);
    const again = subscribers.map(({ subscription }) => {
      const subscribed = new Arrivals<true>();
      subscription.on("subscribed", () => subscribed.add(true));
      return subscribed;
    });

    await before.stop();
    for (const interruption of seen) {
      assert.deepEqual(await interruption.take("the interruption"), {
        code: 3001,
        reason: "shutdown",
      });
    }
    const after = await Server.start(t, { ...variant, port: before.port });
    for (const subscribed of again) await subscribed.take("the second subscription");
    await publish(after, { channel: "news", data: "back" });
    for (const subscriber of subscribers) assert.deepEqual(await subscriber.data(1), ["back"]);
  });

  test(`SIGTERM closes every connection with 3001 and ends with 0 (${name})`, async (t) => {
    const server = await Server.start(t, variant);
    const idle = await RawClient.open(t, server.websocketUrl);
    const clients = await Promise.all(
      Array.from({ length: 20 }, () => RawClient.connect(t, server.websocketUrl)),
    );
    const stopped = server.stop();
    for (const client of [idle, ...clients]) {
      assert.deepEqual(await client.closed(), { code: 3001, reason: "shutdown" });
    }
    await stopped;
  });

  const quick = { "client.ping_interval": "1s", "client.pong_timeout": "500ms" };

  test(`a client that never answers a ping is closed with 3012 (${name})`, async (t) => {
    const server = await Server.start(t, { ...variant, configuration: quick });
    const client = await RawClient.open(t, server.websocketUrl);
    const { connect } = await client.call({ connect: {} });
    assert.deepEqual(
      { ping: (connect as { ping: number }).ping, pong: (connect as { pong: boolean }).pong },
      { ping: 1, pong: true },
    );
    await client.ping();
    assert.deepEqual(await client.closed(), { code: 3012, reason: "no pong" });
  });

  test(`a client that answers pings stays (${name})`, async (t) => {
    const server = await Server.start(t, { ...variant, configuration: quick });
    const client = await RawClient.connect(t, server.websocketUrl);
    for (let n = 0; n < 3; n += 1) {
      await client.ping();
      client.pong();
    }
    const reply = await client.call({ subscribe: { channel: "news" } });
    assert.deepEqual(reply, { id: 2, subscribe: {} });
  });

  test(`a client leaves a server that hangs, and returns when it runs on (${name})`, async (t) => {
    const server = await Server.start(t, { ...variant, configuration: quick });
    const client = await connected(sdkClient(t, server, { maxServerPingDelay: 300 }));
    const subscriber = await Subscriber.join(client, "news");
    const seen = interruptions(client);
    server.signal("SIGSTOP");
    assert.deepEqual(await seen.take("the interruption"), { code: 2, reason: "no ping" });
    server.signal("SIGCONT");
    await client.ready();
    await subscriber.subscription.ready();
    await publish(server, { channel: "news", data: "on again" });
    assert.deepEqual(await subscriber.data(1), ["on again"]);
  });
}
