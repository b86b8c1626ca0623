// SPDX-License-Identifier: Apache-2.0
// Publications between real SDK clients, on one shard and across shards, on both drivers.
import assert from "node:assert/strict";
import { test } from "node:test";
import { publish } from "./harness/api.ts";
import { connected, sdkClient, Subscriber } from "./harness/sdk.ts";
import { IO_URING_AVAILABLE, Server, VARIANTS } from "./harness/server.ts";

test("io_uring is available", { skip: !IO_URING_AVAILABLE && "refused here" }, () => {});

for (const variant of VARIANTS) {
  const name = `${variant.io}, shards: ${variant.shards}`;

  test(`clients publish to each other and to themselves (${name})`, async (t) => {
    const server = await Server.start(t, variant);
    const clients = await Promise.all(
      Array.from({ length: 8 }, () => connected(sdkClient(t, server))),
    );
    const ids = new Set<string>();
    const subscribers = await Promise.all(clients.map((c) => Subscriber.join(c, "news")));
    for (const [index, subscriber] of subscribers.entries()) {
      await subscriber.subscription.publish({ from: index, text: "Grüße, 世界 \"\\\n" });
      // Everyone has it before the next one publishes, so the order is known.
      await Promise.all(subscribers.map((other) => other.data(index + 1)));
    }
    const expected = clients.map((_, from) => ({ from, text: "Grüße, 世界 \"\\\n" }));
    for (const subscriber of subscribers) {
      assert.deepEqual(await subscriber.data(8), expected);
      for (const { info, channel } of subscriber.publications.all) {
        assert.equal(channel, "news");
        assert.ok(info?.client, "a client's publication names its client");
        ids.add(info.client);
      }
    }
    assert.equal(ids.size, 8, "each client has its own id");
  });

  test(`every subscriber sees the same order (${name})`, async (t) => {
    const server = await Server.start(t, variant);
    const subscribers = await Promise.all(
      Array.from({ length: 20 }, async () =>
        Subscriber.join(await connected(sdkClient(t, server)), "race"),
      ),
    );
    const publishers = await Promise.all([0, 1].map(() => connected(sdkClient(t, server))));
    const each = 500;
    await Promise.all(
      publishers.flatMap((client, publisher) =>
        Array.from({ length: each }, (_, n) => client.publish("race", { publisher, n })),
      ),
    );
    const first = (await subscribers[0]!.data(2 * each)) as { publisher: number; n: number }[];
    for (const publisher of [0, 1]) {
      assert.deepEqual(
        first.filter((data) => data.publisher === publisher).map((data) => data.n),
        Array.from({ length: each }, (_, n) => n),
        "what one client publishes stays in order",
      );
    }
    for (const subscriber of subscribers) {
      assert.deepEqual(await subscriber.data(2 * each), first);
      assert.equal(subscriber.publications.all.length, 2 * each);
    }
  });

  test(`a publication over HTTP reaches all subscribers (${name})`, async (t) => {
    const server = await Server.start(t, variant);
    const subscribers = await Promise.all(
      Array.from({ length: 6 }, async () =>
        Subscriber.join(await connected(sdkClient(t, server)), "orders"),
      ),
    );
    for (let n = 0; n < 20; n += 1) {
      assert.deepEqual(await publish(server, { channel: "orders", data: { n } }), { result: {} });
    }
    for (const subscriber of subscribers) {
      assert.deepEqual(
        await subscriber.data(20),
        Array.from({ length: 20 }, (_, n) => ({ n })),
      );
      assert.equal(subscriber.publications.all[0]!.info, undefined, "no client published it");
    }
  });

  test(`unsubscribing stops, resubscribing resumes (${name})`, async (t) => {
    const server = await Server.start(t, variant);
    const watcher = await Subscriber.join(await connected(sdkClient(t, server)), "news");
    const client = await connected(sdkClient(t, server));
    const subscriber = await Subscriber.join(client, "news");
    const fence = await Subscriber.join(client, "fence");

    await publish(server, { channel: "news", data: 1 });
    assert.deepEqual(await subscriber.data(1), [1]);
    subscriber.subscription.unsubscribe();
    // The same connection handles commands in order: once this is answered, that has happened.
    await fence.subscription.publish("after the unsubscribe");
    await publish(server, { channel: "news", data: 2 });
    assert.deepEqual(await watcher.data(2), [1, 2]);
    subscriber.subscription.subscribe();
    await subscriber.subscription.ready();
    await publish(server, { channel: "news", data: 3 });
    assert.deepEqual(await watcher.data(3), [1, 2, 3]);
    assert.deepEqual(await subscriber.data(2), [1, 3]);
  });

  test(`channels are separate, and who leaves hears no more (${name})`, async (t) => {
    const server = await Server.start(t, variant);
    const stays = await connected(sdkClient(t, server));
    const leaves = await connected(sdkClient(t, server));
    const a = await Subscriber.join(stays, "a");
    const b = await Subscriber.join(stays, "b");
    const gone = await Subscriber.join(leaves, "a");
    leaves.disconnect();
    await stays.publish("a", "for a");
    await stays.publish("b", "for b");
    assert.deepEqual(await a.data(1), ["for a"]);
    assert.deepEqual(await b.data(1), ["for b"]);
    assert.equal(gone.publications.all.length, 0);
  });
}
