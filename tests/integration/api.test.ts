// SPDX-License-Identifier: Apache-2.0
// The server API over HTTP, and the health check.
import assert from "node:assert/strict";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { describe, test } from "node:test";
import { post, publish } from "./harness/api.ts";
import { within } from "./harness/deadline.ts";
import { DRIVERS, Server } from "./harness/server.ts";
import { Wire } from "./harness/wire.ts";

const KEY = "an API key for tests";

for (const io of DRIVERS) {
  describe(`server API (${io})`, () => {
    const configuration = { "http_api.key": KEY };
    const server = Server.forSuite({ io, dev: false, configuration });
    const publication = { channel: "news", data: { n: 1 } };

    test("X-API-Key opens it", async () => {
      const response = await post(server, "/api/publish", publication, { "X-API-Key": KEY });
      assert.equal(response.status, 200);
      assert.match(response.headers.get("content-type") ?? "", /^application\/json/);
      assert.deepEqual(await response.json(), { result: {} });
    });

    test("Authorization: apikey opens it, in any case", async () => {
      for (const scheme of ["apikey", "ApiKey"]) {
        const headers = { Authorization: `${scheme} ${KEY}` };
        const response = await post(server, "/api/publish", publication, headers);
        assert.deepEqual(await response.json(), { result: {} });
      }
    });

    test("the query parameter api_key opens it", async () => {
      const key = encodeURIComponent(KEY);
      const response = await post(server, `/api/publish?api_key=${key}`, publication);
      assert.deepEqual(await response.json(), { result: {} });
    });

    const wrongKeys: Array<Record<string, string>> = [
      {},
      { "X-API-Key": "" },
      { "X-API-Key": "wrong" },
      { "X-API-Key": `${KEY}x` },
      { "X-API-Key": KEY.slice(0, -1) },
      { Authorization: `Bearer ${KEY}` },
      { Authorization: "apikey wrong" },
      { Authorization: KEY },
    ];
    for (const headers of wrongKeys) {
      test(`${JSON.stringify(headers)} gets 401 and nothing else`, async () => {
        const response = await post(server, "/api/publish", publication, headers);
        assert.equal(response.status, 401);
        assert.equal(await response.text(), "");
      });
    }

    const wrongBodies: Record<string, string> = {
      "no JSON": "{",
      "an empty body": "",
      "another type": "[1]",
      "a channel that is no string": '{"channel":1,"data":{}}',
      "broken data": '{"channel":"news","data":{"a":tru}}',
      "something behind the JSON": '{"channel":"news","data":{}} x',
    };
    for (const [what, body] of Object.entries(wrongBodies)) {
      test(`${what} gets 400`, async () => {
        const response = await post(server, "/api/publish", body, { "X-API-Key": KEY });
        assert.equal(response.status, 400);
      });
    }

    const errors: Array<[string, object, number]> = [
      ["no channel", { data: {} }, 107],
      ["no data", { channel: "news" }, 107],
      ["a channel name of 256 bytes", { channel: "x".repeat(256), data: {} }, 107],
      ["an unknown namespace", { channel: "no:x", data: {} }, 102],
    ];
    for (const [what, body, code] of errors) {
      test(`${what} is error ${code} inside a 200`, async () => {
        const response = await post(server, "/api/publish", body, { "X-API-Key": KEY });
        assert.equal(response.status, 200);
        const { error } = (await response.json()) as { error: { code: number; message: string } };
        assert.equal(error.code, code);
        assert.ok(error.message);
      });
    }

    test("an unknown method or path gets 404", async () => {
      for (const path of ["/api/unknown", "/nowhere", "/api/publish/more"]) {
        const response = await post(server, path, {}, { "X-API-Key": KEY });
        assert.equal(response.status, 404, path);
      }
    });

    test("GET gets 405", async () => {
      const response = await fetch(`${server.url}/api/publish`, { headers: { "X-API-Key": KEY } });
      assert.equal(response.status, 405);
    });

    test("health answers {} without a key", async () => {
      const response = await fetch(`${server.url}/health`);
      assert.equal(response.status, 200);
      assert.deepEqual(await response.json(), {});
    });

    test("HEAD is answered as GET is, without the body, and the connection goes on", async (t) => {
      const socket = connect(server.port, "127.0.0.1");
      t.after(() => socket.destroy());
      socket.write("HEAD /health HTTP/1.1\r\nHost: x\r\n\r\n");
      socket.write("HEAD /nowhere HTTP/1.1\r\nHost: x\r\n\r\n");
      socket.write("GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
      const answers = await within(text(socket), "all three answers");
      const head = (status: string, type: string, length: number, connection: string) =>
        `HTTP/1.1 ${status}\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\n` +
        `Connection: ${connection}\r\n\r\n`;
      const json = "application/json\r\nCache-Control: no-store";
      assert.equal(
        answers,
        head("200 OK", json, 2, "keep-alive") +
          head("404 Not Found", "text/plain; charset=utf-8", 10, "keep-alive") +
          head("200 OK", json, 2, "close") + "{}",
      );
    });

    test("the demo page is for development only", async () => {
      assert.equal((await fetch(`${server.url}/demo/`)).status, 404);
    });

    test("requests may share a connection, and come before the answers", async (t) => {
      const wire = await Wire.open(t, server);
      const body = JSON.stringify(publication);
      const request =
        `POST /api/publish HTTP/1.1\r\nHost: x\r\nX-API-Key: ${KEY}\r\n` +
        `Content-Length: ${body.length}\r\n\r\n${body}`;
      assert.match(await wire.request(request), /^HTTP\/1\.1 200 /);
      wire.send(Buffer.from(request.repeat(3)));
      for (let n = 0; n < 3; n += 1) assert.match(await wire.head(), /^HTTP\/1\.1 200 /);
    });

    test("a body that is too long gets 413", async (t) => {
      const wire = await Wire.open(t, server);
      const head = await wire.request(
        `POST /api/publish HTTP/1.1\r\nHost: x\r\nX-API-Key: ${KEY}\r\n` +
          "Content-Length: 9999999999\r\n\r\n",
      );
      assert.match(head, /^HTTP\/1\.1 413 /);
    });

    test("a length that could be read in two ways gets 400", async (t) => {
      for (const headers of [
        "Content-Length: 2\r\nContent-Length: 3",
        "Content-Length: 2\r\nTransfer-Encoding: chunked",
        "Content-Length: +2",
      ]) {
        const wire = await Wire.open(t, server);
        const head = await wire.request(
          `POST /api/publish HTTP/1.1\r\nHost: x\r\nX-API-Key: ${KEY}\r\n${headers}\r\n\r\n{}`,
        );
        assert.match(head, /^HTTP\/1\.1 400 /, headers);
      }
    });
  });

  test(`in development mode no key is needed (${io})`, async (t) => {
    const server = await Server.start(t, { io });
    assert.deepEqual(await publish(server, { channel: "news", data: 0 }), { result: {} });
  });
}
