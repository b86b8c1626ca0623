// SPDX-License-Identifier: Apache-2.0
// The server API's methods about history, presence and server-side subscriptions, as the real SDK
// on the other side sees them; errors in both modes.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Centrifuge } from "centrifuge";
import { post } from "./harness/api.ts";
import { Arrivals, eventually } from "./harness/deadline.ts";
import { connected, sdkClient, Subscriber } from "./harness/sdk.ts";
import { type Cleanup, Server, VARIANTS } from "./harness/server.ts";
import { secondsFromNow, token } from "./harness/token.ts";

const SECRET = "the secret that signs the tokens of these tests";
const TRANSPORT = { "X-Centrifugo-Error-Mode": "transport" };
const done = { result: {} };

interface Position {
  offset: number;
  epoch: string;
}
interface History extends Position {
  publications: Array<{ data?: unknown; offset: number; tags?: object; b64data?: string }>;
}

for (const { io, shards } of VARIANTS) {
  describe(`methods of the server API (${io}, shards: ${shards})`, () => {
    const server = Server.forSuite({
      io,
      shards,
      dev: false,
      configuration: {
        "client.token.hmac_secret_key": SECRET,
        "channel.without_namespace.allow_subscribe_for_client": true,
        "channel.without_namespace.history_size": 5,
        "channel.without_namespace.history_ttl": "5m",
        "channel.without_namespace.presence": true,
        "http_api.insecure": true,
      },
    });
    const call = async <Result = unknown>(method: string, body: object): Promise<Result> => {
      const response = await post(server, `/api/${method}`, body);
      assert.equal(response.status, 200);
      return (await response.json()) as Result;
    };
    const resultOf = async <Result>(method: string, body: object): Promise<Result> => {
      const { result, error } = await call<{ result?: Result; error?: unknown }>(method, body);
      assert.ok(result, JSON.stringify(error));
      return result;
    };
    const isError = async (method: string, body: object, code: number, status: number) => {
      const { error } = await call<{ error: { code: number; message: string } }>(method, body);
      assert.equal(error.code, code, method);
      const response = await post(server, `/api/${method}`, body, TRANSPORT);
      assert.equal(response.status, status);
      assert.deepEqual(await response.json(), error);
    };

    let names = 0;
    const newName = (what: string) => `${what}-${(names += 1)}`;
    const clientOf = (t: Cleanup, user: string) =>
      sdkClient(t, server, { token: token(SECRET, { sub: user, exp: secondsFromNow(600) }) });
    const publish = (channel: string, data: unknown, more: object = {}) =>
      resultOf<Position>("publish", { channel, data, ...more });

    test("publish answers the position, history what was kept", async () => {
      const channel = newName("history");
      const positions: Position[] = [];
      for (let n = 1; n <= 7; n += 1) positions.push(await publish(channel, n));
      const { epoch } = positions[0]!;
      assert.deepEqual(positions, positions.map((_, n) => ({ offset: n + 1, epoch })));
      const history = async (body: object) => {
        const found = await resultOf<History>("history", { channel, ...body });
        assert.equal(found.epoch, epoch);
        assert.equal(found.offset, 7);
        assert.deepEqual(
          found.publications.map(({ offset }) => offset),
          found.publications.map(({ data }) => data),
        );
        return found.publications.map(({ offset }) => offset);
      };
      assert.deepEqual(await history({}), []);
      assert.deepEqual(await history({ limit: 0 }), []);
      assert.deepEqual(await history({ limit: -1 }), [3, 4, 5, 6, 7]);
      assert.deepEqual(await history({ limit: 2 }), [3, 4]);
      assert.deepEqual(await history({ limit: 1000, since: { offset: 5, epoch } }), [6, 7]);
      assert.deepEqual(await history({ limit: 2, reverse: true }), [7, 6]);
      const before = { limit: -1, reverse: true, since: { offset: 5, epoch } };
      assert.deepEqual(await history(before), [4, 3]);
      await isError("history", { channel, limit: 1, since: { offset: 5, epoch: "x" } }, 112, 416);
      await isError("history", { channel, limit: -2 }, 107, 400);
      await isError("history", { channel, reverse: true, since: { offset: 0, epoch } }, 107, 400);
      await isError("history", { channel: "no:x" }, 102, 404);

      assert.deepEqual(await call("history_remove", { channel }), done);
      assert.deepEqual(await history({ limit: -1 }), []);
      assert.deepEqual(await publish(channel, 8), { offset: 8, epoch });
    });

    test("what is published is kept as it came: tags, bytes, or not at all", async () => {
      const channel = newName("kept");
      await publish(channel, { n: 1 }, { tags: { lang: "en", "": "" } });
      assert.deepEqual(await publish(channel, 2, { skip_history: true }), {});
      await resultOf("publish", { channel, b64data: "AAEC/w==" });
      await resultOf("publish", { channel, b64data: "eyJuIjozfQ==" });
      const { publications } = await resultOf<History>("history", { channel, limit: -1 });
      assert.deepEqual(publications, [
        { data: { n: 1 }, offset: 1, tags: { lang: "en", "": "" } },
        { b64data: "AAEC/w==", offset: 2 },
        { data: { n: 3 }, offset: 3 },
      ]);
    });

    test("a key or a version that was there already publishes nothing", async (t) => {
      const channel = newName("once");
      const client = await connected(clientOf(t, newName("user")));
      const listener = await Subscriber.join(client, channel);
      const first = await publish(channel, 1, { idempotency_key: "k" });
      assert.deepEqual(await publish(channel, 2, { idempotency_key: "k" }), first);
      const versioned = await publish(channel, 3, { version: 5, version_epoch: "a" });
      assert.deepEqual(await publish(channel, 4, { version: 5, version_epoch: "a" }), versioned);
      assert.equal((await publish(channel, 5, { version: 1, version_epoch: "b" })).offset, 3);
      assert.deepEqual(await listener.data(3), [1, 3, 5]);
    });

    test("broadcast has a position for each channel", async () => {
      const channels = [newName("wide"), newName("wide"), "no:x"];
      await publish(channels[1]!, 1);
      const { responses } = await resultOf<{ responses: Array<{ result?: Position }> }>(
        "broadcast",
        { channels, data: 2, tags: { a: "b" } },
      );
      const unknown = { error: { code: 102, message: "unknown channel" } };
      assert.deepEqual(responses.map(({ result }) => result?.offset), [1, 2, undefined]);
      assert.deepEqual(responses[2], unknown);
    });

    test("presence shows who is there, and presence_stats how many", async (t) => {
      const channel = newName("present");
      assert.deepEqual(await call("presence", { channel }), { result: { presence: {} } });
      const none = { num_clients: 0, num_users: 0 };
      assert.deepEqual(await call("presence_stats", { channel }), { result: none });
      const ann = newName("user");
      const users = [ann, ann, newName("user")];
      const expected: Record<string, object> = {};
      const clients: Centrifuge[] = [];
      for (const user of users) {
        const client = clientOf(t, user);
        client.on("connected", ({ client: id }) => (expected[id] = { user, client: id }));
        clients.push(await connected(client));
        await Subscriber.join(client, channel);
      }
      assert.deepEqual(await resultOf("presence", { channel }), { presence: expected });
      const stats = { num_clients: 3, num_users: 2 };
      assert.deepEqual(await resultOf("presence_stats", { channel }), stats);
      clients[2]!.disconnect();
      await eventually(
        "one less",
        () => resultOf<typeof stats>("presence_stats", { channel }),
        ({ num_clients, num_users }) => num_clients === 2 && num_users === 1,
      );
      await isError("presence", { channel: "no:x" }, 102, 404);
      await isError("presence_stats", { channel: "" }, 107, 400);
    });

    test("subscribe gives all connections of a user a channel, unsubscribe takes it", async (t) => {
      const channel = newName("given");
      const ann = newName("user");
      const others = await connected(clientOf(t, newName("user")));
      const strays = new Arrivals<unknown>();
      others.on("subscribed", (context) => strays.add(context));
      const seen: Array<Record<"subscribed" | "publications" | "gone", Arrivals<unknown>>> = [];
      for (let n = 0; n < 6; n += 1) {
        const client = clientOf(t, ann);
        const one = {
          subscribed: new Arrivals<unknown>(),
          publications: new Arrivals<unknown>(),
          gone: new Arrivals<unknown>(),
        };
        client.on("subscribed", (context) => one.subscribed.add([context.channel, context.data]));
        client.on("publication", ({ data }) => one.publications.add(data));
        client.on("unsubscribed", (context) => one.gone.add(context.channel));
        await connected(client);
        seen.push(one);
      }
      const subscription = { user: ann, channel, data: { hello: 1 }, info: { role: "x" } };
      assert.deepEqual(await call("subscribe", subscription), done);
      for (const { subscribed } of seen) {
        assert.deepEqual(await subscribed.take("a subscription"), [channel, { hello: 1 }]);
      }
      await publish(channel, "for all");
      for (const one of seen) assert.equal(await one.publications.take("it"), "for all");
      const { presence } = await resultOf<{ presence: Record<string, { chan_info: object }> }>(
        "presence",
        { channel },
      );
      const infos = Object.values(presence).map(({ chan_info }) => chan_info);
      assert.deepEqual(infos, Array(6).fill({ role: "x" }));
      assert.deepEqual(await call("unsubscribe", { user: ann, channel }), done);
      for (const { gone } of seen) assert.equal(await gone.take("the end"), channel);
      assert.deepEqual(strays.all, []);
      await isError("subscribe", { user: ann }, 107, 400);
      await isError("subscribe", { user: ann, channel: "no:x" }, 102, 404);
      await isError("subscribe", { user: ann, channel, session: "s" }, 108, 400);
    });

    test("subscribe may have rules of its own, and bring what was missed", async (t) => {
      const channel = newName("recovered");
      const ann = newName("user");
      const { epoch } = await publish(channel, 1);
      for (const n of [2, 3]) await publish(channel, n);
      const client = clientOf(t, ann);
      const publications = new Arrivals<unknown>();
      client.on("publication", ({ data, offset }) => publications.add([data, offset]));
      const subscribed = new Arrivals<{ recoverable: boolean; positioned: boolean }>();
      client.on("subscribed", (context) => subscribed.add(context));
      await connected(client);
      const override = { presence: { value: false }, force_recovery: { value: true } };
      const recover_since = { offset: 1, epoch };
      const body = { user: ann, channel, override, recover_since };
      assert.deepEqual(await call("subscribe", body), done);
      const { recoverable, positioned } = await subscribed.take("the subscription");
      assert.deepEqual({ recoverable, positioned }, { recoverable: true, positioned: true });
      await publish(channel, 4);
      const expected = [[2, 2], [3, 3], [4, 4]];
      assert.deepEqual(await publications.atLeast(3, "publication"), expected);
      assert.deepEqual(await resultOf("presence", { channel }), { presence: {} });
    });

    test("refresh lets connections live on, or ends them as expired", async (t) => {
      const ann = newName("user");
      const client = clientOf(t, ann);
      const lost = new Arrivals<{ code: number; reason: string }>();
      client.on("connecting", ({ code, reason }) => lost.add({ code, reason }));
      await connected(client);
      assert.deepEqual(await lost.take("its start"), { code: 0, reason: "connect called" });
      assert.deepEqual(await call("refresh", { user: ann, expire_at: secondsFromNow(600) }), done);
      assert.deepEqual(await call("refresh", { user: "nobody", expired: true }), done);
      await Subscriber.join(client, newName("lives")); // it answers, so it is still there
      assert.deepEqual(await call("refresh", { user: ann, expired: true }), done);
      assert.deepEqual(await lost.take("the end"), { code: 3005, reason: "connection expired" });
      await isError("refresh", { expired: true }, 107, 400);
    });
  });
}
