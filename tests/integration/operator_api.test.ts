// SPDX-License-Identifier: Apache-2.0
// The operator's methods of the server API, as the real SDK on the other side sees them.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Centrifuge } from "centrifuge";
import { post } from "./harness/api.ts";
import { Arrivals, eventually } from "./harness/deadline.ts";
import { connected, sdkClient, Subscriber } from "./harness/sdk.ts";
import { type Cleanup, Server, VARIANTS } from "./harness/server.ts";
import { secondsFromNow, token } from "./harness/token.ts";

const SECRET = "the secret that signs the tokens of these tests";
const KEY = "an API key for operators";

interface Lost {
  state: "connecting" | "disconnected";
  code: number;
  reason: string;
}

/** What becomes of a client's connection from now on. */
function losses(client: Centrifuge): Arrivals<Lost> {
  const seen = new Arrivals<Lost>();
  client.on("connecting", ({ code, reason }) => seen.add({ state: "connecting", code, reason }));
  client.on("disconnected", ({ code, reason }) =>
    seen.add({ state: "disconnected", code, reason }),
  );
  return seen;
}

for (const { io, shards } of VARIANTS) {
  describe(`operator's API (${io}, shards: ${shards})`, () => {
    const server = Server.forSuite({
      io,
      shards,
      dev: false,
      configuration: {
        "client.token.hmac_secret_key": SECRET,
        "channel.without_namespace.allow_subscribe_for_client": true,
        "http_api.key": KEY,
        "prometheus.enabled": true,
      },
    });
    const call = async (method: string, body: object): Promise<unknown> => {
      const response = await post(server, `/api/${method}`, body, { "X-API-Key": KEY });
      assert.equal(response.status, 200);
      return response.json();
    };
    const done = { result: {} };

    let users = 0;
    const newUser = () => `user-${(users += 1)}`;
    /** As many clients as leave no shard without one, most likely. */
    const clientsOf = async (t: Cleanup, user: string, count = 8) => {
      const ids: string[] = [];
      const clients: Centrifuge[] = [];
      for (let n = 0; n < count; n += 1) {
        const signed = token(SECRET, { sub: user, exp: secondsFromNow(600) });
        const client = sdkClient(t, server, { token: signed });
        client.on("connected", ({ client: id }) => (ids[n] = id));
        clients.push(await connected(client));
      }
      return { clients, ids };
    };

    test("disconnect ends a user's connections for good, and nobody else's", async (t) => {
      const ann = newUser();
      const { clients } = await clientsOf(t, ann);
      const bobs = await clientsOf(t, newUser());
      const seen = clients.map(losses);
      const others = bobs.clients.map(losses);
      assert.deepEqual(await call("disconnect", { user: ann }), done);
      for (const lost of seen) {
        assert.deepEqual(await lost.take("the end"), {
          state: "disconnected",
          code: 3503,
          reason: "force disconnect",
        });
      }
      await Subscriber.join(bobs.clients[0]!, "still-there");
      for (const client of bobs.clients) assert.equal(client.state, "connected");
      assert.deepEqual(others.flatMap((lost) => lost.all), []);
      assert.deepEqual(await call("disconnect", { user: "nobody" }), done);
    });

    test("disconnect with a code of 4500 to 4999 is for good, below it is not", async (t) => {
      const ann = newUser();
      const { clients } = await clientsOf(t, ann, 2);
      const seen = clients.map(losses);
      const reconnecting = { code: 4100, reason: "come back" };
      assert.deepEqual(await call("disconnect", { user: ann, disconnect: reconnecting }), done);
      for (const [n, client] of clients.entries()) {
        const lost = await seen[n]!.take("the interruption");
        assert.deepEqual(lost, { state: "connecting", ...reconnecting });
        await client.ready();
      }
      const banned = { code: 4501, reason: "banned" };
      assert.deepEqual(await call("disconnect", { user: ann, disconnect: banned }), done);
      for (const lost of seen) {
        assert.deepEqual(await lost.take("the end"), { state: "disconnected", ...banned });
      }
    });

    test("disconnect by client id, and with a whitelist", async (t) => {
      const ann = newUser();
      const { clients, ids } = await clientsOf(t, ann, 6);
      const seen = clients.map(losses);
      assert.deepEqual(await call("disconnect", { user: ann, client: ids[3] }), done);
      assert.equal((await seen[3]!.take("its end")).code, 3503);
      await call("disconnect", { user: ann, whitelist: [ids[0], ids[5]] });
      for (const n of [1, 2, 4]) assert.equal((await seen[n]!.take("its end")).code, 3503);
      for (const n of [0, 5]) {
        await Subscriber.join(clients[n]!, `channel-${n}`); // it answers, so it is still there
        assert.deepEqual(seen[n]!.all, []);
      }
    });

    test("unsubscribe ends one channel with 2000, and the SDK stays away", async (t) => {
      const ann = newUser();
      const { clients } = await clientsOf(t, ann);
      const bob = await clientsOf(t, newUser(), 1);
      const news = await Promise.all(clients.map((c) => Subscriber.join(c, "news-1")));
      const chat = await Promise.all(clients.map((c) => Subscriber.join(c, "chat-1")));
      const bobsNews = await Subscriber.join(bob.clients[0]!, "news-1");
      const ends = news.map(({ subscription }) => {
        const seen = new Arrivals<{ code: number; reason: string }>();
        subscription.on("unsubscribed", ({ code, reason }) => seen.add({ code, reason }));
        return seen;
      });
      assert.deepEqual(await call("unsubscribe", { user: ann, channel: "news-1" }), done);
      for (const end of ends) {
        assert.deepEqual(await end.take("the end of a subscription"), {
          code: 2000,
          reason: "server unsubscribe",
        });
      }
      await call("broadcast", { channels: ["news-1", "chat-1"], data: "after" });
      for (const subscriber of chat) assert.deepEqual(await subscriber.data(1), ["after"]);
      assert.deepEqual(await bobsNews.data(1), ["after"]);
      for (const { subscription, publications } of news) {
        assert.equal(subscription.state, "unsubscribed");
        assert.deepEqual(publications.all, []);
      }
      assert.deepEqual(await call("channels", { pattern: "*-1" }), {
        result: { channels: { "chat-1": { num_clients: 8 }, "news-1": { num_clients: 1 } } },
      });
    });

    test("unsubscribe without a channel ends them all; the client may return", async (t) => {
      const ann = newUser();
      const { clients, ids } = await clientsOf(t, ann, 2);
      const join = (name: string) =>
        Promise.all(clients.map((client) => Subscriber.join(client, `${name}-2`)));
      const joined = [await join("a"), await join("b"), await join("c")];
      const ends = new Arrivals<number>();
      for (const [first] of joined) {
        first!.subscription.on("unsubscribed", ({ code }) => ends.add(code));
      }
      assert.deepEqual(await call("unsubscribe", { user: ann, client: ids[0] }), done);
      assert.deepEqual(await ends.atLeast(3, "end of a subscription"), [2000, 2000, 2000]);
      for (const [, second] of joined) assert.equal(second!.subscription.state, "subscribed");
      const back = joined[0]![0]!;
      back.subscription.subscribe();
      await back.subscription.ready();
      await call("publish", { channel: "a-2", data: "welcome back" });
      assert.deepEqual(await back.data(1), ["welcome back"]);
    });

    test("channels counts subscribers over the shards, by pattern", async (t) => {
      const { clients } = await clientsOf(t, newUser(), 6);
      for (const [n, client] of clients.entries()) {
        await Subscriber.join(client, "list-all");
        await Subscriber.join(client, `list-${n % 3}`);
      }
      const some = (count: number) => ({ num_clients: count });
      assert.deepEqual(await call("channels", { pattern: "list-?" }), {
        result: { channels: { "list-0": some(2), "list-1": some(2), "list-2": some(2) } },
      });
      assert.deepEqual(await call("channels", { pattern: "list-a*" }), {
        result: { channels: { "list-all": some(6) } },
      });
      const all = (await call("channels", {})) as { result: { channels: object } };
      assert.ok(Object.keys(all.result.channels).length >= 4);
      assert.deepEqual(await call("channels", { pattern: "LIST*" }), { result: { channels: {} } });
    });

    test("broadcast to 1,000 channels reaches those who listen to some", async (t) => {
      const { clients } = await clientsOf(t, newUser(), 3);
      const listened = [0, 1, 499, 500, 998, 999];
      const subscribers: Subscriber[] = [];
      for (const [n, channel] of listened.entries()) {
        subscribers.push(await Subscriber.join(clients[n % 3]!, `wide-${channel}`));
      }
      const channels = Array.from({ length: 1000 }, (_, n) => `wide-${n}`);
      channels[500] = "no:such";
      const answer = (await call("broadcast", { channels, data: { n: 7 } })) as {
        result: { responses: Array<{ error?: { code: number } }> };
      };
      const { responses } = answer.result;
      assert.equal(responses.length, 1000);
      assert.equal(responses[500]!.error?.code, 102);
      assert.deepEqual(responses.filter((_, n) => n !== 500), Array(999).fill(done));
      for (const [n, subscriber] of subscribers.entries()) {
        if (listened[n] !== 500) assert.deepEqual(await subscriber.data(1), [{ n: 7 }]);
      }
      assert.deepEqual(subscribers[3]!.publications.all, []);
    });

    test("info counts clients, users, channels and subscriptions", async (t) => {
      interface Node {
        num_clients: number;
        num_channels: number;
        num_subs: number;
        num_users: number;
        [key: string]: unknown;
      }
      const info = async () =>
        ((await call("info", {})) as { result: { nodes: Node[] } }).result.nodes[0]!;
      // Those of the tests before leave a moment after they were told to.
      const sum = (n: Node) => n.num_clients + n.num_users + n.num_channels + n.num_subs;
      await eventually("empty", info, (node) => sum(node) === 0);
      const { clients } = await clientsOf(t, newUser(), 4);
      const others = await clientsOf(t, newUser(), 2);
      for (const client of [...clients, ...others.clients]) await Subscriber.join(client, "one");
      await Subscriber.join(clients[0]!, "two");
      const node = await info();
      assert.deepEqual([node.num_clients, node.num_channels, node.num_subs], [6, 2, 7]);
      assert.ok(node.num_users >= 2 && node.num_users <= 2 * shards, `${node.num_users}`);
      assert.match(String(node.uid), /^[0-9a-f-]{36}$/);
      assert.ok(String(node.name).endsWith(`_${server.port}`), String(node.name));
    });
  });
}
