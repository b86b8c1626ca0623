// SPDX-License-Identifier: Apache-2.0
// A server that is pointed at a configuration file of Centrifugo, in each of its three formats.
import assert from "node:assert/strict";
import { test } from "node:test";
import { post } from "./harness/api.ts";
import { connected, sdkClient, Subscriber } from "./harness/sdk.ts";
import { run, Server, temporaryFile } from "./harness/server.ts";

const SECRET = "0123456789abcdef0123456789abcdef";

const FILES: Record<string, string> = {
  "config.json": JSON.stringify({
    http_server: { port: "8000", internal_port: "" },
    client: { allowed_origins: ["*"], token: { hmac_secret_key: SECRET } },
    channel: {
      namespaces: [
        {
          name: "chat",
          history_size: 10,
          history_ttl: "1m0s",
          allow_subscribe_for_client: true,
          allow_history_for_subscriber: true,
        },
      ],
    },
    http_api: { key: "key" },
    engine: { type: "redis" },
    admin: { enabled: false },
    usage_stats: { disabled: true },
  }),
  "config.yaml": `
http_server: {port: "8000", internal_port: ""}
client:
  allowed_origins: "*"
  token:
    hmac_secret_key: ${SECRET}
channel:
  namespaces:
    - &open
      name: chat
      history_size: 10
      history_ttl: 1m0s
      allow_subscribe_for_client: true
      allow_history_for_subscriber: True
    - {<<: *open, name: news}
http_api:
  key: key
engine: {type: redis}
`,
  "config.toml": `
engine.type = "redis"
[http_server]
port = "8000"
internal_port = ""
[client]
allowed_origins = ["*"]
[client.token]
hmac_secret_key = "${SECRET}"
[[channel.namespaces]]
name = "chat"
history_size = 10
history_ttl = "1m0s"
allow_subscribe_for_client = true
allow_history_for_subscriber = true
[http_api]
key = "key"
`,
};

for (const [name, text] of Object.entries(FILES)) {
  test(`${name} is read as it is`, async (t) => {
    const file = temporaryFile(t, name, text);
    const server = await Server.start(t, { dev: false, arguments: ["-c", file] });
    const record = await server.logged(/set for Centrifugo/);
    assert.equal(record.level, "warn");
    assert.match(String(record.message), /engine\.type \(everything is kept in the memory/);

    const made = run(["gentoken", "-u", "ann", "-t", "60", "-q", "-c", file]);
    assert.equal(made.code, 0, made.stderr);
    const token = made.stdout.trim();
    const checked = run(["checktoken", "-c", file, token]);
    assert.match(checked.stdout, /^valid token for user "ann"\npayload: \{/, checked.stderr);

    const client = await connected(sdkClient(t, server, { token }));
    const subscriber = await Subscriber.join(client, "chat:one");
    const published = await post(
      server,
      "/api/publish",
      { channel: "chat:one", data: { n: 1 } },
      { "X-API-Key": "key" },
    );
    assert.equal(published.status, 200);
    assert.deepEqual(await subscriber.data(1), [{ n: 1 }]);
    const history = await subscriber.subscription.history({ limit: 10 });
    assert.deepEqual(history.publications.map((publication) => publication.data), [{ n: 1 }]);

    const strict = run(["serve", "--strict", "--port", "0", "-c", file]);
    assert.equal(strict.code, 2);
    assert.match(strict.stderr, /engine\.type/);
    assert.equal(run(["checkconfig", "-c", file]).code, 0);
    assert.equal(run(["checkconfig", "--strict", "-c", file]).code, 2);
  });
}

test("a file of another format ends with 2 and says which there are", (t) => {
  const file = temporaryFile(t, "config.ini", "");
  const { code, stderr } = run(["serve", "--port", "0", "-c", file]);
  assert.equal(code, 2);
  assert.match(stderr, /config\.ini: expected a file whose name ends in \.json, \.yaml, \.yml or/);
});

test("Centrifugo's variables and flags configure the server, and it says so", async (t) => {
  const environment = { CENTRIFUGO_CLIENT_TOKEN_HMAC_SECRET_KEY: SECRET };
  const made = run(["gensubtoken", "-u", "ann", "-s", "chat", "-q"], environment);
  assert.equal(made.code, 0, made.stderr);
  const checked = run(["checksubtoken", made.stdout.trim()], environment);
  assert.match(checked.stdout, /^valid subscription token for user "ann" and channel "chat"\n/);
  const file = temporaryFile(t, "config.json", "{}");
  const told = run(["checkconfig", "-c", file], environment);
  assert.match(told.stderr, /note: read as SANJAY_… .*: CENTRIFUGO_CLIENT_TOKEN_HMAC_SECRET_KEY/);

  const flags = ["--http_api.insecure", "--client.insecure=true", "--admin.enabled"];
  const server = await Server.start(t, { dev: false, arguments: flags });
  await server.logged(/--admin\.enabled \(there is no admin page/);
  const answer = await post(server, "/api/info", {});
  assert.equal(answer.status, 200);
});
