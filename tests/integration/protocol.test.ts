// SPDX-License-Identifier: Apache-2.0
// The Centrifuge protocol frame by frame: errors, and every way to be closed.
import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import WebSocket from "ws";
import { post } from "./harness/api.ts";
import { within } from "./harness/deadline.ts";
import { RawClient } from "./harness/raw_client.ts";
import { DRIVERS, Server } from "./harness/server.ts";
import { token } from "./harness/token.ts";

const BAD_REQUEST = { code: 3501, reason: "bad request" };

for (const io of DRIVERS) {
  describe(`protocol (${io})`, () => {
    const server = Server.forSuite({ io });

    const connected = (t: { after(end: () => unknown): void }) =>
      RawClient.connect(t, server.websocketUrl);

    test("connect tells the client id, the version and the ping interval", async (t) => {
      const client = await RawClient.open(t, server.websocketUrl);
      const reply = await client.call({ connect: { name: "test", unknown: { key: [1] } } });
      const result = reply.connect as Record<string, unknown>;
      assert.match(String(result.client), /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
      assert.match(String(result.version), /\d/);
      assert.deepEqual({ ping: result.ping, pong: result.pong }, { ping: 25, pong: true });
      assert.equal(result.session, undefined, "WebSocket clients have no session");
    });

    test("several commands in one frame are answered in order", async (t) => {
      const client = await RawClient.open(t, server.websocketUrl);
      client.sendText(
        '{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"several"}}\n' +
          '{"id":3,"publish":{"channel":"several","data":{"n":1}}}\n' +
          '{"id":4,"unsubscribe":{"channel":"several"}}\n',
      );
      await client.replyTo(1);
      assert.deepEqual(await client.replyTo(2), { id: 2, subscribe: {} });
      assert.deepEqual(await client.replyTo(3), { id: 3, publish: {} });
      assert.deepEqual(await client.replyTo(4), { id: 4, unsubscribe: {} });
    });

    test("a binary frame may carry JSON commands", async (t) => {
      const client = await RawClient.open(t, server.websocketUrl);
      client.socket.send(Buffer.from('{"id":1,"connect":{}}'), { binary: true });
      assert.ok("connect" in (await client.replyTo(1)));
    });

    test("the JSON sub-protocol is confirmed", async (t) => {
      const socket = new WebSocket(server.websocketUrl, ["soap", "centrifuge-json"]);
      t.after(() => socket.terminate());
      await within(once(socket, "open"), "an open WebSocket");
      assert.equal(socket.protocol, "centrifuge-json");
    });

    test("data passes through unchanged, but on one line", async (t) => {
      const client = await RawClient.open(t, server.websocketUrl);
      const lines: string[] = [];
      client.socket.on("message", (message) => lines.push(message.toString()));
      const data = '{"n":12345678901234567890,"f":1.50, "s":"\\u0041\\n\\"","deep":[[[{}]]]}';
      client.sendText(
        '{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"raw"}}\n' +
          `{"id":3,"publish":{"channel":"raw","data":${data}}}`,
      );
      await client.push();
      assert.ok(lines.join("\n").includes(`"data":${data}`), lines.join("\n"));
    });

    test("line breaks in data published over HTTP are taken out", async (t) => {
      const client = await connected(t);
      await client.call({ subscribe: { channel: "lines" } });
      await post(server, "/api/publish", '{"channel":"lines","data":{\r\n"a":\n1}\n}');
      assert.deepEqual((await client.push()).pub?.data, { a: 1 });
    });

    const errors: Array<[string, object, number]> = [
      ["subscribing to a channel of an unknown namespace", { subscribe: { channel: "no:x" } }, 102],
      ["publishing to an unknown namespace", { publish: { channel: "no:x", data: 1 } }, 102],
      ["an unknown remote procedure", { rpc: { method: "none", data: {} } }, 108],
      ["a channel name of 256 bytes", { subscribe: { channel: "x".repeat(256) } }, 107],
      ["publishing no data", { publish: { channel: "news" } }, 107],
      ["history where there is none", { history: { channel: "news" } }, 108],
      ["presence where there is none", { presence: { channel: "news" } }, 108],
    ];
    for (const [what, command, code] of errors) {
      test(`${what} is error ${code} and costs nothing else`, async (t) => {
        const client = await connected(t);
        const reply = await client.call(command);
        assert.equal(reply.error?.code, code, JSON.stringify(reply));
        assert.ok(reply.error.message);
        const next = await client.call({ subscribe: { channel: "still works" } });
        assert.deepEqual(next, { id: next.id, subscribe: {} });
      });
    }

    test("subscribing twice is error 105, also within one frame", async (t) => {
      const client = await connected(t);
      client.sendText(
        '{"id":7,"subscribe":{"channel":"twice"}}\n{"id":8,"subscribe":{"channel":"twice"}}',
      );
      assert.deepEqual(await client.replyTo(7), { id: 7, subscribe: {} });
      const reply = await client.replyTo(8);
      assert.deepEqual(reply.error, { code: 105, message: "already subscribed" });
    });

    test("the 129th subscription is error 106", async (t) => {
      const client = await connected(t);
      for (let n = 0; n < 128; n += 1) {
        const reply = await client.call({ subscribe: { channel: `channel ${n}` } });
        assert.equal(reply.error, undefined);
      }
      const reply = await client.call({ subscribe: { channel: "one too many" } });
      assert.deepEqual(reply.error, { code: 106, message: "limit exceeded" });
      await client.call({ unsubscribe: { channel: "channel 0" } });
      const again = await client.call({ subscribe: { channel: "one too many" } });
      assert.equal(again.error, undefined);
    });

    test("unsubscribing from what one never subscribed to succeeds", async (t) => {
      const client = await connected(t);
      const reply = await client.call({ unsubscribe: { channel: "never" } });
      assert.deepEqual(reply, { id: reply.id, unsubscribe: {} });
    });

    const beforeConnecting: Record<string, string> = {
      "a first command that is not connect": '{"id":1,"subscribe":{"channel":"news"}}',
      "a connect without an id": '{"connect":{}}',
      "a pong before connect": "{}",
      "text that is no JSON": "hello",
      "half a command": '{"id":1,"connect":{',
      "JSON that is no object": "[1]",
      "an id that is no number": '{"id":"1","connect":{}}',
      "an empty frame": "",
      "a blank line": '{"id":1,"connect":{}}\n\n{"id":2,"subscribe":{"channel":"a"}}',
      "a second connect": '{"id":1,"connect":{}}\n{"id":2,"connect":{}}',
    };
    for (const [what, text] of Object.entries(beforeConnecting)) {
      test(`${what} is closed with 3501`, async (t) => {
        const client = await RawClient.open(t, server.websocketUrl);
        client.sendText(text);
        assert.deepEqual(await client.closed(), BAD_REQUEST);
      });
    }

    const afterConnecting: Record<string, string> = {
      "a pong that no ping asked for": "{}",
      "a command without an id": '{"subscribe":{"channel":"news"}}',
      "a command that asks nothing": '{"id":2}',
      "a ping from the client": '{"id":2,"ping":{}}',
      "subscribing to no channel": '{"id":2,"subscribe":{}}',
      "publishing to no channel": '{"id":2,"publish":{"data":1}}',
      "unsubscribing from no channel": '{"id":2,"unsubscribe":{}}',
      "data that is no JSON": '{"id":2,"publish":{"channel":"news","data":{"a":tru}}}',
    };
    for (const [what, text] of Object.entries(afterConnecting)) {
      test(`${what} is closed with 3501`, async (t) => {
        const client = await connected(t);
        client.sendText(text);
        assert.deepEqual(await client.closed(), BAD_REQUEST);
      });
    }

    test("an asynchronous message, which nobody handles, is closed with 3508", async (t) => {
      const client = await connected(t);
      client.sendText('{"send":{"data":1}}');
      assert.deepEqual(await client.closed(), { code: 3508, reason: "not available" });
    });

    test("a message of 65,536 bytes is read, a longer one is closed with 1009", async (t) => {
      const client = await connected(t);
      const head = '{"id":2,"publish":{"channel":"big","data":"';
      const text = `${head}${"x".repeat(65_536 - head.length - 3)}"}}`;
      assert.equal(text.length, 65_536);
      client.sendText(text);
      assert.deepEqual(await client.replyTo(2), { id: 2, publish: {} });
      client.sendText(`${text} `);
      assert.equal((await client.closed()).code, 1009);
    });

    test("a close is answered with the same code", async (t) => {
      const client = await connected(t);
      client.socket.close(1000, "bye");
      assert.equal((await client.closed()).code, 1000);
    });
  });

  test(`who does not connect in time is closed with 3502 (${io})`, async (t) => {
    const server = await Server.start(t, {
      io,
      configuration: { "client.stale_close_delay": "1s" },
    });
    const silent = await RawClient.open(t, server.websocketUrl);
    const prompt = await RawClient.connect(t, server.websocketUrl);
    assert.deepEqual(await silent.closed(), { code: 3502, reason: "stale" });
    const reply = await prompt.call({ subscribe: { channel: "news" } });
    assert.equal(reply.error, undefined);
  });

  test(`channels are closed to clients unless opened (${io})`, async (t) => {
    const secret = "a secret for tests, long enough for HS256";
    const configuration = { "client.token.hmac_secret_key": secret };
    const server = await Server.start(t, { io, dev: false, configuration });
    const request = { token: token(secret, { sub: "ann" }) };
    const client = await RawClient.connect(t, server.websocketUrl, request);
    const denied = { code: 103, message: "permission denied" };
    const subscribed = await client.call({ subscribe: { channel: "news" } });
    assert.deepEqual(subscribed.error, denied);
    const published = await client.call({ publish: { channel: "news", data: 1 } });
    assert.deepEqual(published.error, denied);
  });

  test(`limits are configurable (${io})`, async (t) => {
    const server = await Server.start(t, {
      io,
      configuration: { "client.channel_limit": 2, "websocket.message_size_limit": 1024 },
    });
    const client = await RawClient.connect(t, server.websocketUrl);
    for (const channel of ["a", "b"]) await client.call({ subscribe: { channel } });
    const reply = await client.call({ subscribe: { channel: "c" } });
    assert.equal(reply.error?.code, 106);
    client.sendText(JSON.stringify({ id: 9, publish: { channel: "a", data: "x".repeat(1024) } }));
    assert.equal((await client.closed()).code, 1009);
  });
}
