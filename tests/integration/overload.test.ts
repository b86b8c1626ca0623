// SPDX-License-Identifier: Apache-2.0
// One slow reader must cost the server a bounded queue and nobody else anything.
import assert from "node:assert/strict";
import { test } from "node:test";
import { publish } from "./harness/api.ts";
import { RawClient } from "./harness/raw_client.ts";
import { connected, sdkClient, Subscriber } from "./harness/sdk.ts";
import { Server, VARIANTS } from "./harness/server.ts";

for (const variant of VARIANTS) {
  const name = `${variant.io}, shards: ${variant.shards}`;

  test(`who does not read is closed with 3008, others lose nothing (${name})`, async (t) => {
    const server = await Server.start(t, {
      ...variant,
      configuration: { "client.queue_max_size": 262_144 },
    });
    const reader = await Subscriber.join(await connected(sdkClient(t, server)), "flood");
    const slow = await RawClient.connect(t, server.websocketUrl);
    await slow.call({ subscribe: { channel: "flood" } });
    slow.socket.pause();

    // Far more than both kernels' socket buffers and the queue hold together.
    const count = 400;
    const text = "x".repeat(60_000);
    for (let n = 0; n < count; n += 1) {
      await publish(server, { channel: "flood", data: { n, text } });
      await reader.data(n + 1);
    }
    slow.socket.resume();
    assert.deepEqual(await slow.closed(), { code: 3008, reason: "slow" });
    assert.ok(slow.replies.all.length < count, "the slow client missed publications");
    assert.equal(reader.publications.all.length, count);
  });
}
