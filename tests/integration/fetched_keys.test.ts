// SPDX-License-Identifier: Apache-2.0
// Keys that are fetched from an identity provider: who comes before them waits, who comes when the
// provider is gone is served by those there are, and a flood of unknown keys costs it one request.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server as HttpServer, type ServerResponse } from "node:http";
import { type AddressInfo } from "node:net";
import { describe, test } from "node:test";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { Arrivals } from "./harness/deadline.ts";
import { RawClient } from "./harness/raw_client.ts";
import { type Cleanup, DRIVERS, Server } from "./harness/server.ts";

const KEYS = await generateKeyPair("ES256");
const KEY_SET = JSON.stringify({
  keys: [{ ...(await exportJWK(KEYS.publicKey)), kid: "one", alg: "ES256", use: "sig" }],
});

const token = (kid: string) =>
  new SignJWT({ sub: "ann" })
    .setProtectedHeader({ alg: "ES256", kid })
    .setExpirationTime("1h")
    .sign(KEYS.privateKey);

/** Answers when the test says so. */
class Provider {
  readonly requests = new Arrivals<ServerResponse>();
  asked = 0;
  private constructor(private readonly http: HttpServer) {
    http.on("request", (_, response: ServerResponse) => {
      this.asked += 1;
      this.requests.add(response);
    });
  }
  static async start(t: Cleanup): Promise<Provider> {
    const http = createServer().listen(0, "127.0.0.1");
    await once(http, "listening");
    const provider = new Provider(http);
    t.after(() => provider.stop());
    return provider;
  }
  get url(): string {
    return `http://127.0.0.1:${(this.http.address() as AddressInfo).port}/keys`;
  }
  stop(): void {
    this.http.close();
    this.http.closeAllConnections();
  }
}

for (const io of DRIVERS) {
  describe(`fetched keys (${io})`, () => {
    test("those who wait for a key, those who come later, and those with another", async (t) => {
      const provider = await Provider.start(t);
      const configuration = { "client.token.jwks_public_endpoint": provider.url };
      const server = await Server.start(t, { io, dev: false, shards: 2, configuration });
      const request = await provider.requests.take("the request for keys");

      const waiting = await Promise.all(
        Array.from({ length: 4 }, () => RawClient.open(t, server.websocketUrl)),
      );
      const connect = { connect: { token: await token("one") } };
      const replies = Promise.all(waiting.map((client) => client.call(connect)));
      const health = await fetch(`${server.url}/health/live`);
      assert.equal(health.status, 200, "nobody else waits");
      request.end(KEY_SET);
      for (const reply of await replies) assert.ok(reply.connect, JSON.stringify(reply));

      const unknown = { connect: { token: await token("two") } };
      for (let i = 0; i < 50; i += 1) {
        const client = await RawClient.open(t, server.websocketUrl);
        client.call(unknown).catch(() => {}); // it is closed instead
        assert.equal((await client.closed()).code, 3500);
      }
      assert.equal(provider.asked, 1, "no request for each of them");

      provider.stop();
      const later = await RawClient.open(t, server.websocketUrl);
      assert.ok((await later.call(connect)).connect);
    });

    test("without any key a client is told to come back", async (t) => {
      const provider = await Provider.start(t);
      const configuration = { "client.token.jwks_public_endpoint": provider.url };
      const server = await Server.start(t, { io, dev: false, configuration });
      const client = await RawClient.open(t, server.websocketUrl);
      const reply = client.call({ connect: { token: await token("one") } });
      (await provider.requests.take("the request for keys")).writeHead(500).end("<h1>Oops</h1>");
      const { error } = await reply;
      assert.equal(error?.code, 100, "temporary: the SDK tries again");
    });
  });
}
