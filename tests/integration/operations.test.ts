// SPDX-License-Identifier: Apache-2.0
// What an operator sees and does: metrics, probes, the internal port, reload, logs, genconfig.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import WebSocket from "ws";
import { post, publish } from "./harness/api.ts";
import { eventually, within } from "./harness/deadline.ts";
import { metricBecomes, metrics } from "./harness/metrics.ts";
import { RawClient } from "./harness/raw_client.ts";
import { connected, sdkClient, Subscriber } from "./harness/sdk.ts";
import {
  type Cleanup,
  type Configuration,
  configurationFile,
  run,
  Server,
  startWithInternalPort,
  VARIANTS,
} from "./harness/server.ts";
import { secondsFromNow, token } from "./harness/token.ts";
import { Opcode, upgradeRequest, Wire } from "./harness/wire.ts";

const PATH = "/connection/websocket";
const SECRET = "the secret that signs the tokens of these tests";
const NEW_SECRET = "the secret that signs tokens after the reload";
const KEY = "an API key for operators";
const NEW_KEY = "another API key for operators";

/** A request on a connection of its own, which it gives back at once. */
async function get(url: string, method = "GET"): Promise<Response> {
  return fetch(url, { method, headers: { Connection: "close" } });
}

async function statusOf(url: string): Promise<number> {
  const response = await get(url);
  await response.arrayBuffer();
  return response.status;
}

/** The status with which a WebSocket is refused, or 101. */
async function upgradeStatus(url: string, headers: Record<string, string> = {}): Promise<number> {
  const socket = new WebSocket(url, { headers });
  socket.on("error", () => {});
  const opened = once(socket, "open").then(() => 101);
  const refused = once(socket, "unexpected-response").then(([, r]) => Number(r.statusCode));
  const status = await within(Promise.race([opened, refused]), "the answer to an upgrade");
  socket.terminate();
  return status;
}

for (const variant of VARIANTS) {
  const { io, shards } = variant;
  const start = (t: Cleanup, configuration: Configuration = {}) =>
    Server.start(t, { ...variant, configuration });

  describe(`metrics (${io}, shards: ${shards})`, () => {
    test("count what clients and the API did, exactly", async (t) => {
      const server = await start(t);
      const before = await metrics(server);
      assert.equal(before.get("sanjay_clients"), 0);
      assert.equal(before.get("sanjay_deliveries_total"), 0);

      const clients = await Promise.all(
        Array.from({ length: 5 }, () => RawClient.connect(t, server.websocketUrl)),
      );
      for (const client of clients) await client.call({ subscribe: { channel: "news" } });
      await clients[0]!.call({ subscribe: { channel: "chat" } });
      await publish(server, { channel: "news", data: { n: 1 } });
      await clients[1]!.call({ publish: { channel: "chat", data: { n: 2 } } });
      await clients[2]!.call({ subscribe: { channel: "no:such" } });
      for (const client of clients) await client.push();
      await clients[0]!.push();

      const now = await metrics(server);
      const driver = io === "uring" ? "io_uring" : "epoll";
      const expected: Record<string, number> = {
        [`sanjay_io_driver_info{driver="${driver}"}`]: 1,
        sanjay_shards: shards,
        sanjay_clients: 5,
        'sanjay_transport_connections{transport="websocket"}': 5,
        'sanjay_transport_messages_received_total{transport="websocket"}': 13,
        sanjay_upgrades_total: 5,
        sanjay_subscriptions: 6,
        sanjay_channels: 2,
        'sanjay_commands_total{command="connect"}': 5,
        'sanjay_commands_total{command="subscribe"}': 7,
        'sanjay_commands_total{command="publish"}': 1,
        'sanjay_command_errors_total{code="102"}': 1,
        sanjay_publications_total: 2,
        sanjay_publications_refused_total: 0,
        sanjay_deliveries_total: 6,
        'sanjay_api_calls_total{method="publish"}': 1,
        'sanjay_api_calls_total{method="info"}': 0,
        sanjay_api_unauthorized_total: 0,
        sanjay_slow_disconnects_total: 0,
        sanjay_write_queue_bytes: 0,
        sanjay_config_reloads_total: 0,
      };
      for (const [name, value] of Object.entries(expected)) {
        assert.equal(now.get(name), value, name);
      }
      for (const reason of ["connection_limit", "address_limit", "rate_limit", "origin"]) {
        assert.equal(now.get(`sanjay_refusals_total{reason="${reason}"}`), 0, reason);
      }
      assert.ok(now.get("sanjay_connections")! >= 6, "clients and this connection");
      assert.ok(now.get("sanjay_received_bytes_total")! > 1000);
      assert.ok(now.get("sanjay_sent_bytes_total")! > 1000);
      assert.ok(now.get("process_resident_memory_bytes")! > 1 << 20);
      assert.ok(now.get("sanjay_loop_turns_total")! > 10);
      // Twice to one shard or more each, and every delivery in time.
      assert.ok(now.get("sanjay_delivery_seconds_count")! >= 2);
      assert.ok(now.get("sanjay_delivery_seconds_sum")! < 5);

      clients[0]!.socket.close();
      clients[1]!.socket.terminate();
      await metricBecomes(server, "sanjay_clients", 3);
      await metricBecomes(server, "sanjay_subscriptions", 3);
      await metricBecomes(server, "sanjay_channels", 1);
      const text = await (await get(`${server.url}/metrics`)).text();
      assert.match(text, /^# HELP sanjay_clients /m);
    });

    test("count refusals by their reason", async (t) => {
      const server = await Server.start(t, {
        ...variant,
        dev: false,
        configuration: {
          "client.insecure": true,
          "client.allowed_origins": ["https://good.example"],
          "client.connection_limit_per_address": 2,
          "client.connection_rate_limit": 4,
          "http_api.key": KEY,
          "prometheus.enabled": true,
        },
      });
      const count = async (reason: string) =>
        (await metrics(server)).get(`sanjay_refusals_total{reason="${reason}"}`);
      const attempt = async (from: string, headers = {}) => {
        const wire = await Wire.open(t, server, from);
        return Number((await wire.request(upgradeRequest(PATH, headers))).split(" ")[1]);
      };
      assert.equal(await attempt("127.0.0.7", { Origin: "https://bad.example" }), 403);
      assert.equal(await attempt("127.0.0.7", { "Sec-WebSocket-Version": "12" }), 426);
      await eventually("its places are free", () => attempt("127.0.0.7"), (s) => s === 101);
      const limited = (await count("address_limit"))!;
      assert.equal(await attempt("127.0.0.7"), 101);
      assert.equal(await attempt("127.0.0.7"), 429);
      assert.equal(await count("origin"), 1);
      assert.equal(await count("malformed"), 1);
      assert.equal(await count("address_limit"), limited + 1);

      // Many at once are more than four a second, whenever the second began.
      const many = Array.from({ length: 40 }, (_, n) => attempt(`127.0.1.${n + 1}`));
      const statuses = await Promise.all(many);
      const refused = statuses.filter((status) => status === 503).length;
      assert.ok(refused > 0, `${statuses}`);
      assert.equal(statuses.filter((status) => status === 101).length, 40 - refused);
      assert.equal(await count("rate_limit"), refused);
      const wrong = await post(server, "/api/info", {}, { "X-API-Key": "wrong" });
      assert.equal(wrong.status, 401);
      assert.equal((await metrics(server)).get("sanjay_api_unauthorized_total"), 1);
    });

    test("are off unless wanted", async (t) => {
      const off = await start(t, { "prometheus.enabled": false });
      assert.equal(await statusOf(`${off.url}/metrics`), 404);
    });
  });

  describe(`health (${io}, shards: ${shards})`, () => {
    test("live, ready and startup answer 200 with JSON, HEAD without it", async (t) => {
      const server = await start(t);
      for (const probe of ["live", "ready", "startup"]) {
        const response = await get(`${server.url}/health/${probe}`);
        assert.equal(response.status, 200, probe);
        assert.equal(response.headers.get("content-type"), "application/json");
        assert.equal(response.headers.get("cache-control"), "no-store");
        assert.deepEqual(await response.json(), { status: "ok" });
        const head = await get(`${server.url}/health/${probe}`, "HEAD");
        assert.equal(head.status, 200);
        assert.equal(head.headers.get("content-length"), "15");
        assert.equal(await head.text(), "");
        assert.equal((await get(`${server.url}/health/${probe}`, "POST")).status, 405);
      }
      assert.equal(await statusOf(`${server.url}/health/nothing`), 404);
    });

    test("at the limit it is not ready, but still answers plain requests", async (t) => {
      const server = await start(t, { "client.connection_limit": 6 });
      const clients = await Promise.all(
        Array.from({ length: 6 }, () => RawClient.connect(t, server.websocketUrl)),
      );
      const ready = await get(`${server.url}/health/ready`);
      assert.equal(ready.status, 503);
      const { status, reasons } = (await ready.json()) as { status: string; reasons: string[] };
      assert.equal(status, "failed");
      assert.match(reasons.join(), /connections, the limit/);
      assert.equal((await get(`${server.url}/health/ready`, "HEAD")).status, 503);
      assert.equal(await statusOf(`${server.url}/health/live`), 200);
      assert.equal(await statusOf(`${server.url}/health/startup`), 200);
      assert.equal(await upgradeStatus(server.websocketUrl), 503);
      const api = await post(server, "/api/publish", { channel: "news", data: 1 }, {
        Connection: "close",
      });
      assert.deepEqual(await api.json(), { result: {} });
      for (const client of clients.slice(0, 3)) client.socket.close();
      const ask = () => statusOf(`${server.url}/health/ready`);
      await eventually("ready again", ask, (code) => code === 200);
      assert.equal(await upgradeStatus(server.websocketUrl), 101);
    });

    test("while it drains nobody is told that it is ready", async (t) => {
      const { server, internal } = await startWithInternalPort(t, variant);
      const slow = await Wire.upgrade(t, server, PATH);
      slow.socket.allowHalfOpen = true; // it will answer neither the Close frame nor the FIN
      assert.equal(await statusOf(`${internal.url}/health/ready`), 200);
      server.signal("SIGTERM");
      await slow.frames.take("the close frame", (frame) => frame.opcode === Opcode.Close);
      assert.equal(await statusOf(`${internal.url}/health/ready`), 503);
      assert.equal(await statusOf(`${internal.url}/health/live`), 200);
      const upgrade = await upgradeStatus(server.websocketUrl).catch(() => "refused");
      assert.notEqual(upgrade, 101);
      await server.stopped();
    });

    test("can be turned off", async (t) => {
      const server = await start(t, { "health.enabled": false });
      for (const path of ["", "/live", "/ready", "/startup"]) {
        assert.equal(await statusOf(`${server.url}/health${path}`), 404, path);
      }
    });
  });

  describe(`internal port (${io}, shards: ${shards})`, () => {
    const pages = ["/health", "/health/live", "/health/ready", "/metrics"];

    test("has the API, metrics and health, which leave the public one", async (t) => {
      const { server, internal } = await startWithInternalPort(t, variant);
      const client = await RawClient.connect(t, server.websocketUrl);
      for (const page of pages) {
        assert.equal(await statusOf(internal.url + page), 200, page);
        assert.equal(await statusOf(server.url + page), 404, page);
      }
      const outside = await post(server, "/api/info", {});
      assert.equal(outside.status, 404);
      const inside = await fetch(`${internal.url}/api/info`, { method: "POST", body: "{}" });
      assert.equal(inside.status, 200);
      await client.call({ subscribe: { channel: "news" } });
      await fetch(`${internal.url}/api/publish`, {
        method: "POST",
        body: '{"channel":"news","data":"from inside"}',
      });
      assert.equal((await client.push()).pub?.data, "from inside");
    });

    test("has no WebSocket and no demonstration page", async (t) => {
      const { server, internal } = await startWithInternalPort(t, variant);
      const status = await upgradeStatus(`ws://127.0.0.1:${internal.port}${PATH}`);
      assert.ok(status >= 400 && status < 500, `${status}`);
      assert.equal(await statusOf(`${internal.url}/demo/`), 404);
      assert.equal(await statusOf(`${server.url}/demo/`), 200);
      assert.equal(await upgradeStatus(server.websocketUrl), 101);
    });

    test("does not keep from the public one what is external", async (t) => {
      const { server, internal } = await startWithInternalPort(t, {
        ...variant,
        configuration: {
          "http_api.external": true,
          "prometheus.external": true,
          "health.external": true,
        },
      });
      for (const { url } of [server, internal]) {
        for (const page of pages) assert.equal(await statusOf(url + page), 200, url + page);
        const info = await fetch(`${url}/api/info`, { method: "POST", body: "{}" });
        assert.equal(info.status, 200);
      }
    });
  });

  describe(`reload (${io}, shards: ${shards})`, () => {
    const BASE: Configuration = {
      "client.allowed_origins": ["https://old.example"],
      "client.token.hmac_secret_key": SECRET,
      "channel.without_namespace.allow_subscribe_for_client": true,
      "http_api.key": KEY,
      "prometheus.enabled": true,
    };
    const tokenBy = (secret: string) => token(secret, { sub: "ann", exp: secondsFromNow(600) });
    const rewrite = (path: string, configuration: Configuration) => {
      const lines = Object.entries(configuration).map(([k, v]) => `${k} = ${JSON.stringify(v)}\n`);
      writeFileSync(path, lines.join(""));
    };
    const reloadable = async (t: Cleanup) => {
      const path = configurationFile(t, BASE);
      const arguments_ = ["--config", path];
      const server = await Server.start(t, { ...variant, dev: false, arguments: arguments_ });
      return { server, path };
    };
    const connectStatus = async (t: Cleanup, server: Server, secret: string) => {
      const client = await RawClient.open(t, server.websocketUrl);
      client.send({ connect: { token: tokenBy(secret) } });
      const reply = client.replyTo(1).then(() => "connected");
      return Promise.race([reply.catch(() => "refused"), client.closed().then((c) => c.code)]);
    };
    const apiStatus = async (server: Server, key: string) =>
      (await post(server, "/api/info", {}, { "X-API-Key": key, Connection: "close" })).status;

    test("takes keys, origins, rules and limits over; clients stay connected", async (t) => {
      const { server, path } = await reloadable(t);
      const client = await RawClient.connect(t, server.websocketUrl, { token: tokenBy(SECRET) });
      await client.call({ subscribe: { channel: "news" } });
      const origin = (name: string) => () =>
        upgradeStatus(server.websocketUrl, { Origin: `https://${name}.example` });
      assert.equal(await origin("old")(), 101);
      assert.equal(await origin("new")(), 403);
      assert.equal(await apiStatus(server, NEW_KEY), 401);
      const denied = await client.call({ publish: { channel: "news", data: 1 } });
      assert.equal(denied.error?.code, 103);

      rewrite(path, {
        ...BASE,
        "client.allowed_origins": ["https://new.example"],
        "client.token.hmac_secret_key": NEW_SECRET,
        "client.connection_limit": 1000,
        "channel.without_namespace.allow_publish_for_client": true,
        "http_api.key": NEW_KEY,
        "log.level": "debug",
      });
      server.signal("SIGHUP");
      const { changed, need_restart } = await server.logged(/configuration reloaded/);
      assert.deepEqual(String(changed).split(" ").sort(), [
        "channel.without_namespace.allow_publish_for_client",
        "client.allowed_origins",
        "client.connection_limit",
        "client.token.hmac_secret_key",
        "http_api.key",
        "log.level",
      ]);
      assert.equal(need_restart, "");

      // Each shard takes the new options over in its next turn.
      await eventually("the new key", () => apiStatus(server, NEW_KEY), (s) => s === 200);
      await eventually("no old key", () => apiStatus(server, KEY), (s) => s === 401);
      await eventually("the new origin", origin("new"), (s) => s === 101);
      await eventually("no old origin", origin("old"), (s) => s === 403);
      const attempt = (secret: string) => () => connectStatus(t, server, secret);
      await eventually("the new secret", attempt(NEW_SECRET), (s) => s === "connected");
      await eventually("no old secret", attempt(SECRET), (s) => s === 3500);
      const published = async () => client.call({ publish: { channel: "news", data: "allowed" } });
      await eventually("the new rule", published, (reply) => reply.error === undefined);
      assert.equal((await client.push()).pub?.data, "allowed");
      assert.equal(client.socket.readyState, WebSocket.OPEN);
      const now = await metrics(server);
      assert.equal(now.get("sanjay_config_reloads_total"), 1);
      assert.equal(now.get("sanjay_connections_max"), 1000);
    });

    test("a smaller limit of connections shows at once in readiness", async (t) => {
      const { server, path } = await reloadable(t);
      const clients = 3;
      for (let n = 0; n < clients; n += 1) {
        await RawClient.connect(t, server.websocketUrl, { token: tokenBy(SECRET) });
      }
      assert.equal(await statusOf(`${server.url}/health/ready`), 200);
      rewrite(path, { ...BASE, "client.connection_limit": clients });
      server.signal("SIGHUP");
      await server.logged(/configuration reloaded/);
      assert.equal(await statusOf(`${server.url}/health/ready`), 503);
      const status = () => upgradeStatus(server.websocketUrl);
      await eventually("full", status, (s) => s === 503);
      assert.equal((await metrics(server)).get("sanjay_clients"), clients);
    });

    test("a broken file is refused, and all goes on as before", async (t) => {
      const { server, path } = await reloadable(t);
      const client = await RawClient.connect(t, server.websocketUrl, { token: tokenBy(SECRET) });
      for (const [text, reason] of [
        ["[client\n", /:1:/],
        ['http_api.key = "x"\nclient.pign = 1\n', /client\.pign/],
        ['client.pong_timeout = "1h"\n', /client\.pong_timeout/],
        ['client.token.rsa_public_key = "/nowhere/key.pem"\n', /rsa_public_key/],
      ] as const) {
        writeFileSync(path, text);
        server.signal("SIGHUP");
        const record = await server.logged(/configuration not reloaded/);
        assert.equal(record.level, "error");
        assert.match(String(record.reason), reason);
      }
      rmSync(path);
      server.signal("SIGHUP");
      await server.logged(/configuration not reloaded/);
      assert.equal(await apiStatus(server, KEY), 200);
      assert.equal(await connectStatus(t, server, SECRET), "connected");
      await client.call({ subscribe: { channel: "news" } });
      const now = await metrics(server);
      assert.equal(now.get("sanjay_config_reload_failures_total"), 5);
      assert.equal(now.get("sanjay_config_reloads_total"), 0);
    });

    test("what needs a restart is named and keeps its value", async (t) => {
      const { server, path } = await reloadable(t);
      rewrite(path, { ...BASE, "client.queue_max_size": 2048, "node.name": "another" });
      server.signal("SIGHUP");
      const { changed, need_restart } = await server.logged(/configuration reloaded/);
      assert.equal(changed, "");
      assert.deepEqual(String(need_restart).split(" ").sort(), [
        "client.queue_max_size",
        "node.name",
      ]);
      const info = await post(server, "/api/info", {}, { "X-API-Key": KEY });
      assert.doesNotMatch(await info.text(), /another/);
    });
  });

  test(`a log of level trace is JSON without secrets (${io}, shards: ${shards})`, async (t) => {
    const configuration = {
      "client.token.hmac_secret_key": SECRET,
      "client.token.hmac_previous_secret_key": NEW_SECRET,
      "client.allowed_origins": ["*"],
      "channel.without_namespace.allow_subscribe_for_client": true,
      "http_api.key": KEY,
      "log.level": "trace",
    };
    const path = configurationFile(t, configuration);
    const server = await Server.start(t, {
      ...variant,
      dev: false,
      arguments: ["--config", path],
    });
    const good = token(SECRET, { sub: "ann", exp: secondsFromNow(600) });
    const forged = token("a secret of somebody else", { sub: "eve", exp: secondsFromNow(600) });
    const client = await connected(sdkClient(t, server, { token: good }));
    const subscriber = await Subscriber.join(client, "news");
    await post(server, "/api/publish", { channel: "news", data: 1 }, { "X-API-Key": KEY });
    await post(server, `/api/info?api_key=${encodeURIComponent(KEY)}`, {});
    await post(server, "/api/info", {}, { Authorization: `apikey ${NEW_KEY}` });
    await subscriber.data(1);
    const eve = await RawClient.open(t, server.websocketUrl);
    eve.send({ connect: { token: forged } });
    assert.equal((await eve.closed()).code, 3500);
    const wire = await Wire.open(t, server);
    await wire.request('nonsense\n{"level":"forged"}\r\n\r\n');
    writeFileSync(path, `http_api.key = 1\nclient.token.hmac_secret_key = "${NEW_SECRET}"\n[`);
    server.signal("SIGHUP");
    await server.logged(/configuration not reloaded/);
    writeFileSync(path, `client.token.hmac_secret_key = "${NEW_SECRET}"\nlog.level = "trace"\n`);
    server.signal("SIGHUP");
    await server.logged(/configuration reloaded/);
    await server.stop();

    assert.ok(server.output.length >= 4, server.output.join("\n"));
    for (const line of server.output) {
      const record = JSON.parse(line) as Record<string, unknown>;
      assert.match(String(record.time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, line);
      assert.match(String(record.level), /^(trace|debug|info|warn|error)$/, line);
      assert.ok(typeof record.message === "string" && record.message !== "", line);
    }
    const log = server.output.join("\n");
    assert.doesNotMatch(log, /forged/);
    for (const secret of [SECRET, NEW_SECRET, KEY, NEW_KEY, good, forged]) {
      assert.ok(!log.includes(secret) && !log.includes(encodeURIComponent(secret)), "a secret");
      const signature = secret.split(".")[2];
      assert.ok(signature === undefined || !log.includes(signature), "a signature");
    }
  });
}

test("genconfig, serve, gentoken: a client connects with what they made", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "sanjay-genconfig-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "sanjay.toml");
  const generated = run(["genconfig", "--config", path]);
  assert.equal(generated.code, 0, generated.stderr);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const text = readFileSync(path, "utf8");
  assert.equal(run(["genconfig", "--config", path]).code, 2, "it is there already");
  assert.equal(readFileSync(path, "utf8"), text);
  assert.equal(run(["checkconfig", "--config", path]).code, 0);

  const server = await Server.start(t, { dev: false, arguments: ["--config", path] });
  const args = ["gentoken", "--user", "ann", "--ttl", "10m", "--quiet", "--config", path];
  const made = run(args);
  assert.equal(made.code, 0, made.stderr);
  const client = await connected(sdkClient(t, server, { token: made.stdout.trim() }));
  const subscriber = await Subscriber.join(client, "news");
  const key = /key = "([^"]+)"\n$/.exec(text)![1]!;
  const sent = await post(server, "/api/publish", { channel: "news", data: "hello" }, {
    "X-API-Key": key,
  });
  assert.deepEqual(await sent.json(), { result: {} });
  assert.deepEqual(await subscriber.data(1), ["hello"]);
  const stranger = await RawClient.open(t, server.websocketUrl);
  stranger.send({ connect: {} });
  assert.ok((await stranger.closed()).code >= 3000, "nobody connects without a token");
});
