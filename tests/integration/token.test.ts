// SPDX-License-Identifier: Apache-2.0
// Tokens signed with private keys, as an identity provider makes them, and what becomes of a
// connection whose token expires.
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import type { Options } from "centrifuge";
import { exportSPKI, generateKeyPair, type JWTPayload, type KeyLike, SignJWT } from "jose";
import { Arrivals } from "./harness/deadline.ts";
import { RawClient } from "./harness/raw_client.ts";
import { connected, sdkClient, Subscriber } from "./harness/sdk.ts";
import { configurationFile, DRIVERS, run, Server, temporaryFile } from "./harness/server.ts";
import { token as hmacToken } from "./harness/token.ts";

interface Pair {
  publicKey: KeyLike;
  privateKey: KeyLike;
}

const ALGORITHMS = ["RS256", "PS256", "ES256", "ES384", "EdDSA"] as const;
type Algorithm = (typeof ALGORITHMS)[number];

/** One key pair for each algorithm; RS256 and PS256 share theirs. */
async function keyPairs(): Promise<Record<Algorithm, Pair>> {
  const rsa = await generateKeyPair("RS256");
  return {
    RS256: rsa,
    PS256: rsa,
    ES256: await generateKeyPair("ES256"),
    ES384: await generateKeyPair("ES384"),
    EdDSA: await generateKeyPair("EdDSA"),
  };
}

const KEYS = await keyPairs();
const STRANGERS = await keyPairs();
const RSA_PEM = await exportSPKI(KEYS.RS256.publicKey);
const ECDSA_PEM =
  (await exportSPKI(KEYS.ES256.publicKey)) + "\n" + (await exportSPKI(KEYS.ES384.publicKey));
const CONFIGURATION = {
  "client.token.rsa_public_key": RSA_PEM,
  "client.token.ecdsa_public_key": temporaryFile({ after }, "ecdsa.pem", ECDSA_PEM),
  "client.token.ed25519_public_key": await exportSPKI(KEYS.EdDSA.publicKey),
  "client.token.issuer": "https://id.example",
  "client.token.audience": "chat",
  "client.expired_close_delay": "1s",
  "channel.without_namespace.allow_subscribe_for_client": true,
  "channel.without_namespace.allow_publish_for_client": true,
};

async function signed(alg: Algorithm, claims: JWTPayload = {}, keys = KEYS): Promise<string> {
  return new SignJWT({ sub: "ann", iss: "https://id.example", aud: ["chat", "mail"], ...claims })
    .setProtectedHeader({ alg, typ: "JWT", kid: "2026" })
    .setIssuedAt()
    .sign(keys[alg].privateKey);
}

/** A moment, in the seconds of a token, with their fraction. */
const fromNow = (seconds: number) => Date.now() / 1000 + seconds;

for (const io of DRIVERS) {
  describe(`tokens of public keys (${io})`, () => {
    const server = Server.forSuite({ io, dev: false, configuration: CONFIGURATION });

    /** The code with which the server ends the SDK's connection, or none when it connects. */
    async function outcome(t: Parameters<typeof sdkClient>[0], options: Partial<Options>) {
      const client = sdkClient(t, server, options);
      const outcomes = new Arrivals<number | undefined>();
      client.on("disconnected", ({ code }) => outcomes.add(code));
      client.on("connected", () => outcomes.add(undefined));
      client.connect();
      return outcomes.take("the outcome of connecting");
    }

    for (const alg of ALGORITHMS) {
      test(`${alg}: a valid token connects as its subject`, async (t) => {
        const token = await signed(alg, { exp: fromNow(60) });
        const client = await connected(sdkClient(t, server, { token }));
        const subscriber = await Subscriber.join(client, `news-${alg}`);
        await subscriber.subscription.publish("hello");
        await subscriber.data(1);
        assert.equal(subscriber.publications.all[0]!.info?.user, "ann");
      });

      test(`${alg}: a stranger's key, issuer or audience is refused with 3500`, async (t) => {
        assert.equal(await outcome(t, { token: await signed(alg) }), undefined);
        const refused = [
          await signed(alg, {}, STRANGERS),
          await signed(alg, { iss: "https://id.example.org" }),
          await signed(alg, { aud: "shop" }),
        ];
        for (const token of refused) assert.equal(await outcome(t, { token }), 3500);
      });

      test(`${alg}: an expired token is error 109 and the SDK gets a fresh one`, async (t) => {
        const token = await signed(alg, { exp: fromNow(-1) });
        const raw = await RawClient.open(t, server.websocketUrl);
        const { error } = await raw.call({ connect: { token } });
        assert.deepEqual(error, { code: 109, message: "token expired" });

        let asked = 0;
        const getToken = async () => {
          asked += 1;
          return signed(alg, { exp: fromNow(60) });
        };
        assert.equal(await outcome(t, { token, getToken }), undefined);
        assert.equal(asked, 1);
      });
    }

    test("the public key is no secret for HS256", async (t) => {
      const claims = { sub: "ann", iss: "https://id.example", aud: "chat" };
      assert.equal(await outcome(t, { token: hmacToken(RSA_PEM, claims) }), 3500);
      assert.equal(await outcome(t, { token: hmacToken(RSA_PEM.trim(), claims) }), 3500);
    });

    test("a token of two seconds lives on through refreshes", async (t) => {
      const fresh = () => signed("ES256", { exp: fromNow(2) });
      const asked = new Arrivals<number>();
      const states = new Arrivals<string>();
      const client = sdkClient(t, server, {
        token: await fresh(),
        getToken: async () => {
          asked.add(Date.now());
          return fresh();
        },
      });
      await connected(client);
      const subscriber = await Subscriber.join(client, "refreshed");
      client.on("connecting", ({ code, reason }) => states.add(`connecting ${code} ${reason}`));
      client.on("disconnected", ({ code, reason }) => states.add(`gone ${code} ${reason}`));
      client.on("error", ({ error }) => states.add(`error ${error.code} ${error.message}`));
      // The third request comes after the first token's end and the delay together.
      await asked.atLeast(3, "a request for a token");
      await subscriber.subscription.publish("still here");
      assert.deepEqual(await subscriber.data(1), ["still here"]);
      assert.deepEqual(states.all, []);
    });

    test("a client that brings no new token is closed with 3005 after the delay", async (t) => {
      const end = fromNow(1);
      const raw = await RawClient.connect(t, server.websocketUrl, {
        token: await signed("EdDSA", { exp: end }),
      });
      assert.deepEqual(await raw.closed(), { code: 3005, reason: "connection expired" });
      const late = Date.now() / 1000 - end;
      assert.ok(late > 0.99, `closed ${late} s after the token's end`);
    });

    test("the SDK reconnects with a new token after 3005", async (t) => {
      const states = new Arrivals<string>();
      let asked = 0;
      const client = sdkClient(t, server, {
        token: await signed("RS256", { exp: fromNow(1) }),
        getToken: () => {
          asked += 1;
          // The refresh never gets its answer; the reconnect does.
          return asked === 1 ? new Promise<string>(() => {}) : signed("RS256");
        },
      });
      client.on("connecting", ({ code, reason }) => states.add(`connecting ${code} ${reason}`));
      client.on("connected", () => states.add("connected"));
      client.connect();
      await states.atLeast(4, "a change of state");
      assert.deepEqual(states.all, [
        "connecting 0 connect called",
        "connected",
        "connecting 3005 connection expired",
        "connected",
      ]);
    });
  });
}

test("a key that is none is named before the server starts", async (t) => {
  const configuration = { "client.token.ecdsa_public_key": RSA_PEM };
  const file = configurationFile(t, configuration);
  for (const command of ["serve", "checkconfig"]) {
    const { code, stdout, stderr } = run([command, "--config", file]);
    assert.equal(code, 2);
    assert.equal(stdout, "");
    assert.match(
      stderr,
      /client\.token\.ecdsa_public_key: expected an ECDSA public key .*, got a key of type RSA$/m,
    );
  }
});
