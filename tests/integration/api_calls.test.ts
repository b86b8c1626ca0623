// SPDX-License-Identifier: Apache-2.0
// Error modes of the server API, batches, and streams of commands.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { post } from "./harness/api.ts";
import { connected, sdkClient, Subscriber } from "./harness/sdk.ts";
import { Server, VARIANTS } from "./harness/server.ts";

const TRANSPORT = { "X-Centrifugo-Error-Mode": "transport" };
const error = (code: number, message: string) => ({ error: { code, message } });
const badRequest = error(107, "bad request");
const unknownChannel = error(102, "unknown channel");
const notFound = error(104, "not found");

for (const { io, shards } of VARIANTS) {
  describe(`calls of the server API (${io}, shards: ${shards})`, () => {
    const server = Server.forSuite({ io, shards });
    const json = async (path: string, body: unknown): Promise<unknown> => {
      const response = await post(server, path, body);
      assert.equal(response.status, 200);
      assert.match(response.headers.get("content-type") ?? "", /^application\/json/);
      return response.json();
    };

    const errors: Array<[string, object, number, ReturnType<typeof error>]> = [
      ["publish", { channel: "no:x", data: 1 }, 404, unknownChannel],
      ["publish", { channel: "news" }, 400, badRequest],
      ["broadcast", { data: 1 }, 400, badRequest],
      ["subscribe", { user: "ann", channel: "no:x" }, 404, unknownChannel],
      ["unsubscribe", { channel: "news" }, 400, badRequest],
      ["disconnect", {}, 400, badRequest],
      ["disconnect", { user: "ann", session: "s" }, 400, error(108, "not available")],
      ["refresh", {}, 400, badRequest],
      ["presence", { channel: "no:x" }, 404, unknownChannel],
      ["presence", { channel: "news" }, 400, error(108, "not available")],
      ["presence_stats", { channel: "news" }, 400, error(108, "not available")],
      ["history", { channel: "news", limit: 1 }, 400, error(108, "not available")],
      ["history_remove", { channel: "" }, 400, badRequest],
      ["rpc", { method: "getX", params: {} }, 404, notFound],
    ];
    for (const [method, body, status, expected] of errors) {
      const { code } = expected.error;
      test(`${method} ${JSON.stringify(body)} is error ${code}, or status ${status}`, async () => {
        assert.deepEqual(await json(`/api/${method}`, body), expected);
        const response = await post(server, `/api/${method}`, body, TRANSPORT);
        assert.equal(response.status, status);
        assert.deepEqual(await response.json(), expected.error);
      });
    }

    test("what succeeds is the same in both modes", async () => {
      const body = { channel: "news", data: 1, tags: { a: "b" }, delta: true };
      for (const headers of [{}, TRANSPORT]) {
        const response = await post(server, "/api/publish", body, headers);
        assert.equal(response.status, 200);
        assert.deepEqual(await response.json(), { result: {} });
      }
    });

    test("a batch is done in sequence, and each command has its reply", async (t) => {
      const channels = Array.from({ length: 7 }, (_, n) => `batch-${n}`);
      const client = await connected(sdkClient(t, server));
      const subscribers = [];
      for (const channel of channels) subscribers.push(await Subscriber.join(client, channel));
      const commands: object[] = [];
      for (let n = 0; n < 10; n += 1) {
        for (const channel of channels) commands.push({ publish: { channel, data: n } });
      }
      commands.push({ broadcast: { channels: [...channels, "no:x"], data: "last" } });
      commands.push({ channels: { pattern: "batch-*" } }, { nothing: {} });
      const { replies } = (await json("/api/batch", { commands })) as { replies: object[] };
      assert.equal(replies.length, commands.length);
      assert.deepEqual(replies.slice(0, 70), Array(70).fill({ publish: {} }));
      const responses = [...Array(7).fill({ result: {} }), unknownChannel];
      assert.deepEqual(replies[70], { broadcast: { responses } });
      const listed = Object.fromEntries(channels.map((name) => [name, { num_clients: 1 }]));
      assert.deepEqual(replies[71], { channels: { channels: listed } });
      assert.deepEqual(replies[72], notFound);
      const expected = [...Array.from({ length: 10 }, (_, n) => n), "last"];
      for (const subscriber of subscribers) {
        assert.deepEqual(await subscriber.data(expected.length), expected);
      }
    });

    test("a thousand commands may be done in parallel; of one more, nothing is", async (t) => {
      const client = await connected(sdkClient(t, server));
      const listener = await Subscriber.join(client, "parallel-3");
      const publishes = Array.from({ length: 970 }, (_, n) => ({
        publish: { channel: `parallel-${n % 10}`, data: n },
      }));
      const disconnects = Array(30).fill({ disconnect: { user: "nobody" } });
      const commands = [...publishes, ...disconnects];
      const tooMany = { commands: [...commands, {}], parallel: true };
      const more = await post(server, "/api/batch", tooMany);
      assert.equal(more.status, 400);
      assert.equal(await more.text(), "more than 1000 commands\n");
      const { replies } = (await json("/api/batch", { commands, parallel: true })) as {
        replies: object[];
      };
      assert.deepEqual(replies.slice(0, 970), Array(970).fill({ publish: {} }));
      assert.deepEqual(replies.slice(970), Array(30).fill({ disconnect: {} }));
      const expected = Array.from({ length: 97 }, (_, n) => 10 * n + 3);
      const seen = (await listener.data(97)) as number[];
      assert.deepEqual([...seen].sort((a, b) => a - b), expected);
    });

    test("a stream of commands is answered line by line", async () => {
      const lines = [
        { id: 1, method: "publish", params: { channel: "news", data: 1 } },
        { method: "disconnect", params: { user: "nobody" } },
        { id: 3, method: "history", params: { channel: "no:x" } },
        { id: 4, method: "publish", params: { channel: 1 } },
        { id: 5, method: "nothing" },
      ];
      const response = await post(server, "/api", lines.map((l) => JSON.stringify(l)).join("\n"));
      assert.equal(response.status, 200);
      const replies = (await response.text()).split("\n").map((line) => JSON.parse(line));
      assert.deepEqual(replies, [
        { id: 1, result: {} },
        { result: {} },
        { id: 3, ...unknownChannel },
        { id: 4, ...badRequest },
        { id: 5, ...notFound },
      ]);
      assert.equal((await post(server, "/api", '{"method":"info"} x')).status, 400);
    });
  });

  test(`errors are statuses if the configuration says so (${io}, shards: ${shards})`, async (t) => {
    const configuration = { "http_api.error_mode": "transport" };
    const server = await Server.start(t, { io, shards, configuration });
    const response = await post(server, "/api/publish", { channel: "no:x", data: 1 });
    assert.equal(response.status, 404);
    assert.deepEqual(await response.json(), unknownChannel.error);
    const fine = await post(server, "/api/publish", { channel: "news", data: 1 });
    assert.deepEqual(await fine.json(), { result: {} });
  });
}
