// SPDX-License-Identifier: Apache-2.0
// TLS on the real listeners: https, wss and the SDK over it, resumption, client certificates,
// reload, and what is no TLS.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import https from "node:https";
import { connect as connectTcp, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import tls from "node:tls";
import WebSocket from "ws";
import { eventually, within } from "./harness/deadline.ts";
import { type Cleanup, type Configuration, run, Server, VARIANTS } from "./harness/server.ts";

let folder = "";
const path = (name: string) => join(folder, name);
const text = (name: string) => readFileSync(path(name), "utf8");

function openssl(...args: string[]): void {
  const result = spawnSync("openssl", args, { cwd: folder, encoding: "utf8" });
  assert.equal(result.status, 0, result.stderr);
}

/** NAME.pem and NAME.key, signed by the tests' authority. */
function issue(name: string, ...more: string[]): void {
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  const request = ["-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`];
  openssl("req", ...curve, ...request);
  writeFileSync(path("ext"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
  const signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "ext"];
  const out = ["-out", `${name}.pem`, "-days", "30"];
  openssl("x509", "-req", "-in", `${name}.csr`, ...out, ...signed, ...more);
}

before(() => {
  folder = mkdtempSync(join(tmpdir(), "sanjay-tls-"));
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  const own = ["-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca", "-days", "30"];
  openssl("req", "-x509", ...curve, ...own);
  issue("one");
  issue("two");
  issue("client");
});
after(() => rmSync(folder, { recursive: true }));

/** The files the server reads; a reload finds what was copied over them. */
function install(t: Cleanup, name: string): { certificate: string; key: string } {
  const own = mkdtempSync(join(tmpdir(), "sanjay-tls-"));
  t.after(() => rmSync(own, { recursive: true }));
  const files = { certificate: join(own, "cert.pem"), key: join(own, "key.pem") };
  replace(files, name);
  return files;
}

function replace(files: { certificate: string; key: string }, name: string): void {
  writeFileSync(files.certificate, text(`${name}.pem`));
  writeFileSync(files.key, text(`${name}.key`));
}

interface Answer {
  status: number;
  body: string;
}

function get(server: Server, target: string, options: https.RequestOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const url = `https://127.0.0.1:${server.port}${target}`;
    https
      .get(url, { ca: text("ca.pem"), agent: false, ...options }, (response) => {
        let body = "";
        response.on("data", (chunk) => (body += String(chunk)));
        response.on("end", () => resolve({ status: response.statusCode!, body }));
      })
      .on("error", reject);
  });
}

async function socketTo(
  t: Cleanup,
  server: Server,
  options: tls.ConnectionOptions = {},
): Promise<tls.TLSSocket> {
  const to = { host: "127.0.0.1", port: server.port, ca: text("ca.pem") };
  const socket = tls.connect({ ...to, ...options });
  t.after(() => socket.destroy());
  await within(once(socket, "secureConnect"), "a handshake");
  return socket;
}

/** All that comes until the other side ends. */
async function everything(socket: Socket): Promise<string> {
  let all = "";
  socket.on("data", (chunk) => (all += String(chunk)));
  await within(once(socket, "close"), "the end of a connection");
  return all;
}

/** A client of the protocol over wss: connected and subscribed. */
async function subscriber(
  t: Cleanup,
  server: Server,
): Promise<{ messages: string[]; socket: WebSocket }> {
  const url = `wss://127.0.0.1:${server.port}/connection/websocket`;
  const socket = new WebSocket(url, { ca: text("ca.pem") });
  t.after(() => socket.terminate());
  const messages: string[] = [];
  socket.on("message", (data) => messages.push(String(data)));
  await within(once(socket, "open"), "a WebSocket");
  socket.send('{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"news"}}');
  await eventually("subscribed", async () => messages.join("\n"), (all) => all.includes('"id":2'));
  return { messages, socket };
}

function publish(server: Server, data: unknown): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const url = `https://127.0.0.1:${server.port}/api/publish`;
    const request = https.request(
      url,
      { method: "POST", ca: text("ca.pem"), agent: false },
      (response) => {
        let body = "";
        response.on("data", (chunk) => (body += String(chunk)));
        response.on("end", () => resolve({ status: response.statusCode!, body }));
      },
    );
    request.on("error", reject);
    request.end(JSON.stringify({ channel: "news", data }));
  });
}

async function metric(server: Server, name: string): Promise<number> {
  const { body } = await get(server, "/metrics");
  const line = body.split("\n").find((l) => l.startsWith(`${name} `));
  return Number(line?.split(" ").at(-1));
}

for (const variant of VARIANTS) {
  const start = (
    t: Cleanup,
    files: { certificate: string; key: string },
    configuration: Configuration = {},
  ) =>
    Server.start(t, {
      ...variant,
      tls: true,
      configuration: {
        "http_server.tls.enabled": true,
        "http_server.tls.cert_pem_file": files.certificate,
        "http_server.tls.key_pem_file": files.key,
        "prometheus.enabled": true,
        ...configuration,
      },
    });

  describe(`TLS (${variant.io}, shards: ${variant.shards})`, () => {
    test("https, the API and clients over wss", async (t) => {
      const server = await start(t, install(t, "one"));
      assert.equal((await get(server, "/health")).status, 200);
      const { messages } = await subscriber(t, server);
      const large = "x".repeat(200_000);
      assert.equal((await publish(server, { large })).status, 200);
      const all = async () => messages.join("\n");
      await eventually("the publication", all, (text) => text.includes(large));
      assert.equal(await metric(server, "sanjay_tls_connections"), 2);
    });

    test("versions, protocols and resumption", async (t) => {
      const server = await start(t, install(t, "one"));
      for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
        const limits = { minVersion: version, maxVersion: version };
        let ticket: Buffer | undefined;
        const socket = tls.connect({
          host: "127.0.0.1",
          port: server.port,
          ca: text("ca.pem"),
          ALPNProtocols: ["h2", "http/1.1"],
          ...limits,
        });
        const ticketCame = once(socket, "session").then(([came]) => (ticket = came as Buffer));
        await within(once(socket, "secureConnect"), "a handshake");
        assert.equal(socket.alpnProtocol, "http/1.1");
        assert.equal(socket.getProtocol(), version);
        await within(ticketCame, "a ticket");
        socket.end();
        // On whichever shard it comes to.
        for (let i = 0; i < 4; i += 1) {
          const again = await socketTo(t, server, { session: ticket, ...limits });
          assert.ok(again.isSessionReused(), `${version}, ${i}`);
          again.end();
          if (version === "TLSv1.3") break; // a ticket is for one use
        }
      }
      assert.ok((await metric(server, "sanjay_tls_resumptions_total")) >= 5);
      await assert.rejects(socketTo(t, server, { ALPNProtocols: ["h2"] }));
      const versions = { minVersion: "TLSv1", maxVersion: "TLSv1.1" } as const;
      const old = { ...versions, ciphers: "ALL@SECLEVEL=0" };
      await assert.rejects(socketTo(t, server, old));
    });

    test("clients must show a certificate where one is asked for", async (t) => {
      const server = await start(t, install(t, "one"), {
        "http_server.tls.client_ca_pem_file": path("ca.pem"),
        "prometheus.enabled": false,
      });
      const own = { cert: text("client.pem"), key: text("client.key") };
      assert.equal((await get(server, "/health", own)).status, 200);
      await assert.rejects(get(server, "/health"));
    });

    test("a plain request is told so, in the clear", async (t) => {
      const server = await start(t, install(t, "one"));
      const socket = connectTcp(server.port, "127.0.0.1");
      socket.write("GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
      const answer = await everything(socket);
      assert.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n/);
      assert.match(answer, /this port speaks TLS/);
    });

    test("a reload under traffic drops nobody and shows the new certificate", async (t) => {
      const files = install(t, "one");
      const server = await start(t, files);
      const clients = await Promise.all(Array.from({ length: 5 }, () => subscriber(t, server)));
      let closed = 0;
      for (const { socket } of clients) socket.on("close", () => (closed += 1));
      const shown = async () => {
        const socket = await socketTo(t, server);
        const { CN } = socket.getPeerCertificate().subject;
        socket.destroy();
        return CN;
      };
      assert.equal(await shown(), "one");
      for (let n = 0; n < 60; n += 1) {
        if (n === 20) {
          replace(files, "two");
          server.signal("SIGHUP");
        }
        if (n === 40) {
          writeFileSync(files.key, text("one.key"));
          server.signal("SIGHUP");
        }
        assert.equal((await publish(server, { n })).status, 200);
      }
      await server.logged(/configuration reloaded/);
      const refused = await server.logged(/configuration not reloaded/);
      assert.match(String(refused.reason), /tls\.key_pem_file: .*does not belong to the cert/);
      await eventually("the new certificate", shown, (name) => name === "two");
      for (const { messages } of clients) {
        const all = async () => messages.join("\n");
        await eventually("the last publication", all, (text) => text.includes('{"n":59}'));
        const found = [...(await all()).matchAll(/"data":\{"n":(\d+)\}/g)];
        const numbers = found.map((match) => Number(match[1]));
        assert.deepEqual(numbers, Array.from({ length: 60 }, (_, n) => n));
      }
      assert.equal(closed, 0);
    });

    test("a handshake that does not end is ended", async (t) => {
      const server = await start(t, install(t, "one"));
      const socket = connectTcp(server.port, "127.0.0.1");
      const ended = everything(socket);
      socket.write("\x16\x03\x01");
      await ended;
      await eventually(
        "it is counted",
        () => metric(server, 'sanjay_tls_handshakes_total{result="timed_out"}'),
        (count) => count === 1,
      );
    });
  });
}

test("bad certificates are refused by checkconfig and at start, with key and path", () => {
  issue("expired", "-days", "-1");
  const check = (certificate: string, key: string) =>
    run(["checkconfig", "--config", configuration(certificate, key)]);
  const configuration = (certificate: string, key: string) => {
    writeFileSync(
      path("check.toml"),
      "client.allowed_origins = []\nhttp_server.tls.enabled = true\n" +
        `http_server.tls.cert_pem_file = ${JSON.stringify(certificate)}\n` +
        `http_server.tls.key_pem_file = ${JSON.stringify(key)}\n`,
    );
    return path("check.toml");
  };
  assert.equal(check(path("one.pem"), path("one.key")).code, 0);
  const mismatch = check(path("one.pem"), path("two.key"));
  assert.notEqual(mismatch.code, 0);
  assert.ok(mismatch.stderr.includes(`http_server.tls.key_pem_file: ${path("two.key")}: `));
  const missing = run(["serve", "--config", configuration(path("none.pem"), path("one.key"))]);
  assert.notEqual(missing.code, 0);
  assert.ok(missing.stderr.includes(`http_server.tls.cert_pem_file: ${path("none.pem")}: `));
});
