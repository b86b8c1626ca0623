// SPDX-License-Identifier: Apache-2.0
// A client that is cut off at random points of a live stream and comes back with its position sees
// 1, 2, 3, … without a hole or a repeat: in both encodings, on one event loop and on four.
import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { ScriptedClient } from "./harness/client.ts";
import type { Encoding, Message } from "./harness/codec.ts";
import { merged, startTarget, type Target, TARGET, websocketUrl } from "./harness/target.ts";

const CUTS = Number(process.env.CUTS ?? 1000);
const SEED = Number(process.env.SEED ?? 1);
const CHANNEL = "news";
const CONFIGURATION = merged(
  { client: { allow_anonymous_connect_without_token: true } },
  {
    channel: {
      without_namespace: {
        allow_subscribe_for_client: true,
        allow_subscribe_for_anonymous: true,
        allow_publish_for_client: true,
        allow_publish_for_anonymous: true,
        history_size: 10000,
        history_ttl: "300s",
        force_recovery: true,
      },
    },
    client: { recovery_max_publication_limit: 10000 },
  },
);

/** The same numbers for the same seed (mulberry32). */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (((t ^ (t >>> 14)) >>> 0) / 4294967296 * below) | 0;
  };
}

async function connected(target: Target, encoding: Encoding): Promise<ScriptedClient> {
  const { client, got } = await ScriptedClient.open(websocketUrl(target), encoding, {});
  assert.ok(client, JSON.stringify(got));
  client.send([client.numbered({ connect: {} })]);
  const [reply] = await client.take(1);
  assert.ok(reply?.connect, JSON.stringify(reply));
  return client;
}

/** Publishes 1, 2, 3, … one after the other until told to stop. */
async function publishUntil(stopped: () => boolean, publisher: ScriptedClient): Promise<void> {
  for (let n = 1; !stopped(); n += 1) {
    publisher.send([publisher.numbered({ publish: { channel: CHANNEL, data: { n } } })]);
    const [reply] = await publisher.take(1);
    assert.ok(reply?.publish, JSON.stringify(reply));
  }
}

/** What a client knows of the stream, and checks with every publication. */
class Position {
  offset = 0;
  epoch = "";

  take(publication: Message): void {
    assert.equal(Number(publication.offset), this.offset + 1, "the next publication");
    assert.deepEqual(publication.data, { n: this.offset + 1 });
    this.offset += 1;
  }
}

async function comeBack(
  target: Target,
  encoding: Encoding,
  position: Position,
  messages: number,
): Promise<void> {
  const client = await connected(target, encoding);
  try {
    const since = position.epoch === "" ? {} : { recover: true, ...position };
    client.send([client.numbered({ subscribe: { channel: CHANNEL, ...since } })]);
    if (messages === 0) return; // cut off before the reply
    const [reply] = await client.take(1);
    const result = reply?.subscribe as Message | undefined;
    assert.ok(result, JSON.stringify(reply));
    if (position.epoch === "") {
      position.epoch = String(result.epoch);
      position.offset = Number(result.offset ?? 0);
    } else {
      assert.equal(result.recovered, true, JSON.stringify(result));
      for (const missed of (result.publications ?? []) as Message[]) position.take(missed);
    }
    for (const message of await client.take(messages - 1)) {
      const push = message.push as Message | undefined;
      assert.equal(push?.channel, CHANNEL, JSON.stringify(message));
      position.take(push.pub as Message);
    }
  } finally {
    client.terminate();
  }
}

async function cutAndComeBack(t: TestContext, encoding: Encoding, shards: number): Promise<void> {
  process.env.SHARDS = String(shards);
  const target = await startTarget(t, CONFIGURATION);
  const publisher = await connected(target, encoding);
  let done = false;
  const publishing = publishUntil(() => done, publisher);
  const below = random(SEED);
  const position = new Position();
  await comeBack(target, encoding, position, 1);
  for (let cut = 1; cut <= CUTS; cut += 1) {
    await comeBack(target, encoding, position, below(8));
  }
  done = true;
  await publishing;
  publisher.close();
  t.diagnostic(`${CUTS} cuts, ${position.offset} publications, each once and in order`);
  assert.ok(position.offset > CUTS, "there was something to miss");
}

describe(`cut off and back (${TARGET})`, () => {
  for (const shards of [1, 4]) {
    for (const encoding of ["json", "protobuf"] as const) {
      test(`${CUTS} cuts, ${encoding}, ${shards} shards`, (t) =>
        cutAndComeBack(t, encoding, shards));
    }
  }
});
