// SPDX-License-Identifier: Apache-2.0
// Who may connect: tokens and origins.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Centrifuge } from "centrifuge";
import WebSocket from "ws";
import { Arrivals } from "./harness/deadline.ts";
import { RawClient } from "./harness/raw_client.ts";
import { connected, sdkClient, Subscriber } from "./harness/sdk.ts";
import { configurationFile, DRIVERS, run, Server } from "./harness/server.ts";
import { secondsFromNow, token } from "./harness/token.ts";

const SECRET = "a secret for tests, long enough for HS256";
const CONFIGURATION = {
  "client.token.hmac_secret_key": SECRET,
  "client.allowed_origins": ["https://*.example.com"],
  "channel.without_namespace.allow_subscribe_for_client": true,
  "channel.without_namespace.allow_publish_for_client": true,
};

for (const io of DRIVERS) {
  describe(`authentication (${io})`, () => {
    const server = Server.forSuite({ io, dev: false, configuration: CONFIGURATION });

    /** What the server says to a connect command with this request: a reply or a close. */
    async function answer(t: Parameters<typeof sdkClient>[0], request: object) {
      const client = await RawClient.open(t, server.websocketUrl);
      const id = client.send({ connect: request });
      return Promise.race([client.closed(), client.replyTo(id).catch(() => client.closed())]);
    }

    test("a valid token connects as its subject", async (t) => {
      const valid = token(SECRET, { sub: "ann", exp: secondsFromNow(60) });
      const client = await connected(sdkClient(t, server, { token: valid }));
      const subscriber = await Subscriber.join(client, "news");
      await subscriber.subscription.publish("hello");
      await subscriber.data(1);
      assert.equal(subscriber.publications.all[0]!.info?.user, "ann");
    });

    test("a token that gentoken made connects", async (t) => {
      const file = configurationFile(t, CONFIGURATION);
      const made = run(["gentoken", "--user", "bob", "--ttl", "60s", "-q", "--config", file]);
      assert.equal(made.code, 0, made.stderr);
      assert.match(made.stdout, /^[\w-]+\.[\w-]+\.[\w-]+\n$/);
      const reply = await answer(t, { token: made.stdout.trim() });
      assert.ok("connect" in reply, JSON.stringify(reply));
      const { expires, ttl } = reply.connect as { expires: boolean; ttl: number };
      assert.equal(expires, true);
      assert.ok(ttl > 50 && ttl <= 60, `ttl is ${ttl}`);
    });

    test("a token without expiry does not expire", async (t) => {
      const reply = await answer(t, { token: token(SECRET, { sub: "ann" }) });
      assert.ok("connect" in reply, JSON.stringify(reply));
      assert.equal((reply.connect as { expires?: boolean }).expires, undefined);
    });

    test("an expired token is error 109 and later commands are 3501", async (t) => {
      const expired = token(SECRET, { sub: "ann", exp: secondsFromNow(-3600) });
      const client = await RawClient.open(t, server.websocketUrl);
      const reply = await client.call({ connect: { token: expired } });
      assert.deepEqual(reply.error, { code: 109, message: "token expired" });
      client.send({ subscribe: { channel: "news" } });
      assert.deepEqual(await client.closed(), { code: 3501, reason: "bad request" });
    });

    test("the SDK gets a fresh token when its own has expired", async (t) => {
      let asked = 0;
      const client = sdkClient(t, server, {
        token: token(SECRET, { sub: "ann", exp: secondsFromNow(-3600) }),
        getToken: async () => {
          asked += 1;
          return token(SECRET, { sub: "ann", exp: secondsFromNow(60) });
        },
      });
      await connected(client);
      assert.equal(asked, 1);
    });

    test("a connection is prolonged by a refresh with a valid token of its user", async (t) => {
      const signed = (sub: string, seconds: number) =>
        token(SECRET, { sub, exp: secondsFromNow(seconds) });
      const open = () =>
        RawClient.connect(t, server.websocketUrl, { token: signed("ann", 60) });
      const client = await open();
      const reply = await client.call({ refresh: { token: signed("ann", 600) } });
      const { expires, ttl } = reply.refresh as { expires: boolean; ttl: number };
      assert.equal(expires, true);
      assert.ok(ttl > 590 && ttl <= 600, `ttl is ${ttl}`);

      const refused: Array<[string, number]> = [
        [signed("ann", -3600), 3005],
        [signed("eve", 60), 3500],
        ["nonsense", 3500],
        ["", 3501],
      ];
      for (const [bad, code] of refused) {
        const other = await open();
        other.send({ refresh: { token: bad } });
        assert.equal((await other.closed()).code, code);
      }
    });

    const broken = {
      "signed with another key": token("another secret", { sub: "ann" }),
      "that is no token": "nonsense",
      "with a changed subject": token(SECRET, { sub: "ann" }).replace(
        /\.[^.]+\./,
        `.${Buffer.from('{"sub":"eve"}').toString("base64url")}.`,
      ),
      "that says it needs no signature":
        `${Buffer.from('{"alg":"none"}').toString("base64url")}.` +
        `${Buffer.from('{"sub":"eve"}').toString("base64url")}.`,
    };
    for (const [what, bad] of Object.entries(broken)) {
      test(`a token ${what} is closed with 3500`, async (t) => {
        assert.deepEqual(await answer(t, { token: bad }), { code: 3500, reason: "invalid token" });
      });
    }

    test("no token is closed with 3501", async (t) => {
      assert.deepEqual(await answer(t, {}), { code: 3501, reason: "bad request" });
    });

    test("the SDK takes 3500 as final", async (t) => {
      const client = sdkClient(t, server, { token: "nonsense" });
      const ended = new Arrivals<number>();
      client.on("disconnected", ({ code }) => ended.add(code));
      client.connect();
      assert.equal(await ended.take("the disconnect"), 3500);
    });

    const origins: Array<[string | undefined, number]> = [
      ["https://app.example.com", 101],
      ["HTTPS://APP.EXAMPLE.COM", 101],
      [undefined, 101],
      ["https://example.org", 403],
      ["https://app.example.com.evil.org", 403],
      ["http://app.example.com", 403],
      ["null", 403],
    ];
    for (const [origin, expected] of origins) {
      test(`origin ${origin ?? "(none)"} gets ${expected}`, async (t) => {
        const socket = new WebSocket(server.websocketUrl, origin ? { origin } : {});
        t.after(() => socket.terminate());
        const statuses = new Arrivals<number>();
        socket.on("upgrade", (response) => statuses.add(response.statusCode!));
        socket.on("unexpected-response", (_, response) => statuses.add(response.statusCode!));
        socket.on("error", () => {});
        assert.equal(await statuses.take("the handshake's status"), expected);
      });
    }
  });

  test(`without configuration nobody connects and no API call passes (${io})`, async (t) => {
    const server = await Server.start(t, { io, dev: false });
    const client = new Centrifuge(server.websocketUrl, { websocket: WebSocket });
    t.after(() => client.disconnect());
    const ended = new Arrivals<number>();
    client.on("disconnected", ({ code }) => ended.add(code));
    client.connect();
    assert.equal(await ended.take("the disconnect"), 3501);
    const response = await fetch(`${server.url}/api/publish`, {
      method: "POST",
      body: '{"channel":"news","data":1}',
    });
    assert.equal(response.status, 401);
  });
}
