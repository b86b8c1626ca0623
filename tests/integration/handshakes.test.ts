// SPDX-License-Identifier: Apache-2.0
// Handshakes that are wrong, or merely unusual, and the exact answer to each (RFC 6455 §4.2, RFC
// 9112). A refusal is one whole response that repeats nothing of the request, and then the end.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { until } from "./harness/deadline.ts";
import { descriptors, residentBytes } from "./harness/process.ts";
import { DRIVERS, SANITIZED, Server } from "./harness/server.ts";
import { exchange, frame, Opcode, upgradeRequest, Wire } from "./harness/wire.ts";
import { Witness } from "./harness/witness.ts";

const PATH = "/connection/websocket";
const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
/** Stands in every request: nothing of a request may come back raw. */
const CANARY = "canary-5d41402a";

const LINES = {
  host: "Host: 127.0.0.1",
  upgrade: "Upgrade: websocket",
  connection: "Connection: Upgrade",
  version: "Sec-WebSocket-Version: 13",
  key: `Sec-WebSocket-Key: ${KEY}`,
  more: `X-Probe: ${CANARY}`,
};

/** A good handshake but for the lines given; an empty one is left out. */
function request(
  changes: Partial<typeof LINES> = {},
  line = `GET ${PATH} HTTP/1.1`,
  body = "",
): string {
  const lines = Object.values({ ...LINES, ...changes }).filter((header) => header !== "");
  return [line, ...lines, "", body].join("\r\n");
}

const more = (header: string) => request({ more: `${LINES.more}\r\n${header}` });
const target = (t: string) => request({}, `GET ${t} HTTP/1.1`);

const ACCEPTED: Record<string, string> = {
  "the plain handshake": request(),
  "names in another case": request({
    host: "hOsT: 127.0.0.1",
    upgrade: "UPGRADE: websocket",
    connection: "connection: Upgrade",
    key: `SEC-WEBSOCKET-KEY: ${KEY}`,
  }),
  "values in another case": request({
    upgrade: "Upgrade: WebSocket",
    connection: "Connection: UPGRADE",
  }),
  "headers in another order": [
    `GET ${PATH} HTTP/1.1`,
    ...Object.values(LINES).reverse(),
    "",
    "",
  ].join("\r\n"),
  "Connection as a list": request({ connection: "Connection: keep-alive, Upgrade" }),
  "Connection as a list with holes": request({ connection: "Connection: ,, upgrade ,\tclose," }),
  "Connection over two headers": request({
    connection: "Connection: keep-alive\r\nConnection: Upgrade",
  }),
  "Upgrade as a list": request({ upgrade: "Upgrade: h2c, websocket" }),
  "Upgrade over two headers": request({ upgrade: "Upgrade: h2c\r\nUpgrade: websocket" }),
  "no blank behind the colons": request({ upgrade: "Upgrade:websocket", host: "Host:127.0.0.1" }),
  "blanks around the values": request({
    upgrade: "Upgrade: \t websocket \t ",
    key: `Sec-WebSocket-Key:   ${KEY}   `,
  }),
  "a Host with a port": request({ host: "Host: example.com:8000" }),
  "a Host that is an IPv6 address": request({ host: "Host: [::1]:8000" }),
  // RFC 9112 §3.2: a client whose target has no authority sends an empty Host.
  "an empty Host": request({ host: "Host:" }),
  "an empty line before the request": `\r\n${request()}`,
  "a target in absolute form": target(`http://127.0.0.1${PATH}`),
  "a query": target(`${PATH}?cf_protocol=json&x=${CANARY}`),
  "a query that is no form": target(`${PATH}?%zz&&==%`),
  "bytes of UTF-8 in a header": more("X-Name: J\xc3\xb6rg"),
  "an extension, which is declined": more("Sec-WebSocket-Extensions: permessage-deflate"),
  "a malformed extension, which is declined as well": more("Sec-WebSocket-Extensions: ;;=,\""),
  "a sub-protocol nobody speaks, which is not confirmed": more("Sec-WebSocket-Protocol: chat"),
  "Content-Length: 0": more("Content-Length: 0"),
};

const huge = "x".repeat(64 * 1024);

const REFUSED: Array<[what: string, request: string, status: number]> = [
  // The request line.
  ["POST", request({}, `POST ${PATH} HTTP/1.1`), 405],
  ["PUT", request({}, `PUT ${PATH} HTTP/1.1`), 405],
  ["HEAD", request({}, `HEAD ${PATH} HTTP/1.1`), 405],
  ["OPTIONS", request({}, `OPTIONS ${PATH} HTTP/1.1`), 405],
  ["TRACE", request({}, `TRACE ${PATH} HTTP/1.1`), 405],
  // Methods are case-sensitive (RFC 9110 §9.1), so this is none that is allowed.
  ["the method get", request({}, `get ${PATH} HTTP/1.1`), 405],
  ["no method", request({}, ` ${PATH} HTTP/1.1`), 400],
  ["a method with a bracket", request({}, `GE(T ${PATH} HTTP/1.1`), 400],
  ["a method with a NUL", request({}, `GE\0T ${PATH} HTTP/1.1`), 400],
  ["two blanks in the request line", request({}, `GET  ${PATH} HTTP/1.1`), 400],
  ["a tab in the request line", request({}, `GET\t${PATH} HTTP/1.1`), 400],
  ["a blank behind the version", request({}, `GET ${PATH} HTTP/1.1 `), 400],
  ["a blank before the request line", request({}, ` GET ${PATH} HTTP/1.1`), 400],
  ["no version", request({}, `GET ${PATH}`), 400],
  // RFC 6455 §4.2.1: HTTP/1.1 or higher.
  ["HTTP/1.0", request({}, `GET ${PATH} HTTP/1.0`), 400],
  // There is no HTTP/1.2; a server may refuse what it does not know (RFC 9110 §15.6.6).
  ["HTTP/1.2", request({}, `GET ${PATH} HTTP/1.2`), 505],
  ["HTTP/2.0", request({}, `GET ${PATH} HTTP/2.0`), 505],
  ["HTTP/0.9", request({}, `GET ${PATH} HTTP/0.9`), 505],
  ["the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505],
  ["HTTP/1.10", request({}, `GET ${PATH} HTTP/1.10`), 400],
  ["HTTP/1", request({}, `GET ${PATH} HTTP/1`), 400],
  ["http/1.1", request({}, `GET ${PATH} http/1.1`), 400],
  ["another protocol", request({}, `GET ${PATH} ICAP/1.0`), 400],
  ["the first bytes of TLS", "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n", 400],
  ["two empty lines before the request", `\r\n\r\n${request()}`, 400],
  // The target.
  ["an unknown path", target("/nowhere"), 404],
  ["a path that differs in case", target("/Connection/WebSocket"), 404],
  ["a path with a slash behind", target(`${PATH}/`), 404],
  ["a path with an escaped letter", target("/connection/%77ebsocket"), 404],
  ["a path with a broken escape", target("/connection/%zz"), 404],
  ["a path with an escaped NUL", target(`${PATH}%00`), 404],
  ["a path through ..", target(`/x/..${PATH}`), 404],
  ["a target without a slash", target("connection/websocket"), 400],
  ["a fragment", target(`${PATH}#${CANARY}`), 400],
  ["the target *", target("*"), 404],
  ["a target in authority form", target("127.0.0.1:80"), 400],
  ["CONNECT", request({}, "CONNECT 127.0.0.1:80 HTTP/1.1"), 400],
  ["another scheme", target(`ftp://127.0.0.1${PATH}`), 400],
  ["an absolute target without a host", target(`http://${PATH}`), 400],
  ["a control byte in the target", target(`${PATH}?\x01`), 400],
  ["DEL in the target", target(`${PATH}?\x7f`), 400],
  ["a NUL in the target", target(`${PATH}?\0`), 400],
  ["a bare CR in the target", target(`${PATH}?\rX: y`), 400],
  ["a target of 7,000 bytes", target(`${PATH}?${"x".repeat(7000)}`), 414],
  ["a target of 64 KiB", target(`${PATH}?${huge}`), 414],
  ["an encoding nobody speaks", target(`${PATH}?cf_protocol=xml`), 400],
  // Host.
  ["no Host", request({ host: "" }), 400],
  ["two Hosts", request({ host: "Host: a\r\nHost: b" }), 400],
  ["two equal Hosts", request({ host: "Host: a\r\nHost: a" }), 400],
  ["a Host with a path", request({ host: "Host: a/b" }), 400],
  ["a Host with a user", request({ host: "Host: user@a" }), 400],
  ["a Host with a blank", request({ host: "Host: a b" }), 400],
  ["a list of Hosts", request({ host: "Host: a, b" }), 400],
  // Upgrade and Connection.
  ["no Upgrade", request({ upgrade: "" }), 400],
  ["an empty Upgrade", request({ upgrade: "Upgrade:" }), 400],
  ["another Upgrade", request({ upgrade: "Upgrade: h2c" }), 400],
  ["an Upgrade that only begins so", request({ upgrade: "Upgrade: websockets" }), 400],
  ["an Upgrade with a version", request({ upgrade: "Upgrade: websocket/13" }), 400],
  ["no Connection", request({ connection: "" }), 400],
  ["another Connection", request({ connection: "Connection: keep-alive" }), 400],
  ["a Connection that only ends so", request({ connection: "Connection: no-upgrade" }), 400],
  // Version and key.
  ["no version header", request({ version: "" }), 400],
  ["version 12", request({ version: "Sec-WebSocket-Version: 12" }), 426],
  ["version 14", request({ version: "Sec-WebSocket-Version: 14" }), 426],
  ["version 013", request({ version: "Sec-WebSocket-Version: 013" }), 426],
  ["a version that is a word", request({ version: "Sec-WebSocket-Version: new" }), 426],
  ["a list of versions", request({ version: "Sec-WebSocket-Version: 13, 8" }), 426],
  [
    "two versions",
    request({ version: "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 13" }),
    400,
  ],
  ["no key", request({ key: "" }), 400],
  ["an empty key", request({ key: "Sec-WebSocket-Key:" }), 400],
  ["a key of 15 bytes", request({ key: "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA" }), 400],
  ["a key of 17 bytes", request({ key: "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAA=" }), 400],
  ["a key of 18 bytes", request({ key: `Sec-WebSocket-Key: ${"A".repeat(24)}` }), 400],
  ["a key without padding", request({ key: `Sec-WebSocket-Key: ${KEY.slice(0, 22)}` }), 400],
  ["a key in base64url", request({ key: "Sec-WebSocket-Key: -_hlIHNhbXBsZSBub25jZQ==" }), 400],
  ["a key with a blank", request({ key: "Sec-WebSocket-Key: dGhlIHNhbXBs SBub25jZQ==" }), 400],
  ["two keys", request({ key: `${LINES.key}\r\n${LINES.key}` }), 400],
  ["a list of keys", request({ key: `${LINES.key}, ${KEY}` }), 400],
  // Sub-protocols.
  ["an empty sub-protocol", more("Sec-WebSocket-Protocol:"), 400],
  ["a sub-protocol that is no token", more("Sec-WebSocket-Protocol: a/b"), 400],
  // The header block.
  ["a header without a colon", more(CANARY), 400],
  ["a header without a name", more(`: ${CANARY}`), 400],
  ["a blank before the colon", more("X-A : b"), 400],
  ["a blank before Host's colon", request({ host: "Host : a" }), 400],
  ["a tab before the colon", more("X-A\t: b"), 400],
  ["a blank within a name", more("X A: b"), 400],
  ["a name with a byte of UTF-8", more("X-\xc3\xb6: b"), 400],
  ["a folded header", more("X-A: b\r\n c"), 400],
  ["a header folded with a tab", more("X-A: b\r\n\tc"), 400],
  ["a folded first header", request({}, `GET ${PATH} HTTP/1.1\r\n X: y`), 400],
  ["a NUL in a name", more("X-\0A: b"), 400],
  ["a NUL in a value", more("X-A: b\0c"), 400],
  ["a control byte in a value", more("X-A: b\x01c"), 400],
  ["DEL in a value", more("X-A: b\x7fc"), 400],
  ["a bare CR in a value", more("X-A: b\rX-B: c"), 400],
  ["a CR at a value's end", more("X-A: b\r"), 400],
  ["a bare LF between headers", more("X-A: b\nX-B: c"), 400],
  ["a bare LF at the end", request().replace(/\r\n\r\n$/, "\n\n"), 400],
  ["LF instead of CR LF all over", request().replaceAll("\r\n", "\n"), 400],
  ["3,000 headers", more(Array.from({ length: 3000 }, () => "A: b").join("\r\n")), 431],
  ["65 headers", more(Array.from({ length: 59 }, () => "A: b").join("\r\n")), 431],
  ["a header of 64 KiB", more(`X-A: ${huge}`), 431],
  ["a name of 64 KiB", more(`${huge}: a`), 431],
  // Bodies and expectations.
  ["a body", more("Content-Length: 4") + "body", 400],
  ["a body in chunks", more("Transfer-Encoding: chunked") + "4\r\nbody\r\n0\r\n\r\n", 400],
  ["a body beyond the limit", more("Content-Length: 1048577"), 413],
  ["another transfer coding", more("Transfer-Encoding: gzip, chunked"), 501],
  ["an unknown expectation", more("Expect: 200-ok"), 417],
  ["two expectations", more("Expect: 100-continue, 200-ok"), 417],
];

/** The status of the one response that the bytes are, after checking that it is one. */
function checkRefusal(answer: string, head: boolean): number {
  assert.doesNotMatch(answer, new RegExp(CANARY), "nothing of the request comes back");
  assert.ok(!answer.includes(KEY), "nothing of the request comes back");
  assert.equal(answer.split("HTTP/1.1 ").length, 2, `one response: ${answer}`);
  const end = answer.indexOf("\r\n\r\n");
  const lines = answer.slice(0, end).split("\r\n");
  for (const line of lines.slice(1)) assert.match(line, /^[A-Za-z-]+: [\x20-\x7e]*$/);
  const status = Number(/^HTTP\/1\.1 (\d{3}) [\x20-\x7e]+$/.exec(lines[0]!)?.[1]);
  const value = (name: string) =>
    lines
      .filter((line) => line.toLowerCase().startsWith(`${name}: `))
      .map((line) => line.slice(name.length + 2));
  assert.equal(value("content-length").length, 1, answer);
  // HEAD has the length of what GET would have got, and no body (RFC 9110 §9.3.2).
  if (head) assert.equal(answer.length - end - 4, 0, answer);
  else assert.equal(Number(value("content-length")), answer.length - end - 4, answer);
  assert.deepEqual(value("sec-websocket-version"), status === 426 ? ["13"] : []);
  if (status === 405) assert.deepEqual(value("allow"), ["GET"]);
  assert.ok(value("connection").includes("close"), answer);
  return status;
}

for (const io of DRIVERS) {
  describe(`handshakes (${io})`, () => {
    const server = Server.forSuite({ io, arguments: ["--echo", "/echo"] });
    const witness = Witness.forSuite(server);

    for (const [what, text] of Object.entries(ACCEPTED)) {
      test(`${what} is accepted`, async (t) => {
        const wire = await Wire.open(t, server);
        wire.socket.write(Buffer.from(text, "latin1"));
        const head = await wire.head();
        assert.match(head, /^HTTP\/1\.1 101 Switching Protocols\r\n/);
        assert.match(head, /^sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r?$/im);
        assert.doesNotMatch(head, /^sec-websocket-(extensions|protocol)/im);
        assert.doesNotMatch(head, new RegExp(CANARY));
        wire.send(frame(Opcode.Text, '{"id":1,"connect":{}}'));
        assert.match((await wire.frame()).payload.toString(), /^\{"id":1,"connect":\{/);
        await witness.isServed();
      });
    }

    for (const [what, text, expected] of REFUSED) {
      test(`${what}: ${expected}`, async () => {
        // A path that is no upgrade's is a plain request, whose connection would stay open.
        const plain = expected === 404;
        const bytes = plain ? text.replace("Connection: Upgrade", "Connection: close") : text;
        const answer = await exchange(server, bytes);
        assert.equal(checkRefusal(answer, text.startsWith("HEAD ")), expected, answer);
        await witness.isServed();
      });
    }

    test("an origin that is not allowed: 403", async (t) => {
      const origin = "https://good.example";
      const strict = await Server.start(t, {
        io,
        configuration: { "client.allowed_origins": [origin, "https://*.apps.example"] },
      });
      const good = await Witness.join(t, strict);
      const refused = [
        "https://evil.example",
        "http://good.example",
        "https://good.example:8443",
        "https://good.example.evil.example",
        "https://evilgood.example",
        "https://apps.example",
        "https://x.apps.example.evil.example",
        "https://good.example/",
        "https://good.example, https://evil.example",
        "null",
        "",
      ];
      for (const value of refused) {
        const answer = await exchange(strict, more(`Origin: ${value}`));
        assert.equal(checkRefusal(answer, false), 403, value);
      }
      const twice = await exchange(strict, more(`Origin: ${origin}\r\nOrigin: ${origin}`));
      assert.equal(checkRefusal(twice, false), 400);
      for (const value of [origin, "HTTPS://GOOD.example:443", "https://a.apps.example"]) {
        const wire = await Wire.open(t, strict);
        assert.match(await wire.request(more(`Origin: ${value}`)), /^HTTP\/1\.1 101 /, value);
      }
      await good.isServed();
    });

    test("a sub-protocol cannot bring headers into the answer", async (t) => {
      const probes = [
        "centrifuge-json\r\nX-Injected: yes",
        "centrifuge-json, a\r\n\tb",
        "centrifuge-json\rX-Injected: yes",
        "centrifuge-json\nX-Injected: yes",
        "centrifuge-json%0d%0aX-Injected: yes",
        "centrifuge-json;X-Injected",
      ];
      for (const probe of probes) {
        const wire = await Wire.open(t, server);
        wire.socket.write(Buffer.from(more(`Sec-WebSocket-Protocol: ${probe}`), "latin1"));
        const head = await wire.head();
        assert.doesNotMatch(head, /injected/i);
        // Only the first is well formed: the client's own second header, which is nobody's matter.
        if (probe !== probes[0]) assert.match(head, /^HTTP\/1\.1 400 /, probe);
        else assert.match(head, /^sec-websocket-protocol: centrifuge-json\r?$/im);
      }
      const twice = "Sec-WebSocket-Protocol: x\r\nSec-WebSocket-Protocol: centrifuge-json, y";
      const wire = await Wire.open(t, server);
      const head = await wire.request(more(twice));
      assert.equal(head.match(/^sec-websocket-protocol: centrifuge-json\r?$/gim)?.length, 1);
      await witness.isServed();
    });

    test("Expect: 100-continue without a body gets no 100", async (t) => {
      const wire = await Wire.open(t, server);
      assert.match(await wire.request(more("Expect: 100-continue")), /^HTTP\/1\.1 101 /);
      await witness.isServed();
    });

    test("bytes behind the handshake belong to the WebSocket", async (t) => {
      const wire = await Wire.open(t, server);
      wire.send(
        Buffer.from(upgradeRequest("/echo")),
        frame(Opcode.Text, "first"),
        frame(Opcode.Ping, "second"),
      );
      assert.match(await wire.head(), /^HTTP\/1\.1 101 /);
      assert.equal((await wire.frame()).payload.toString(), "first");
      assert.equal((await wire.frame()).opcode, Opcode.Pong);
      // A request there is no request: 'G' is a frame with reserved bits.
      const other = await Wire.open(t, server);
      other.send(Buffer.from(upgradeRequest("/echo") + "GET /health HTTP/1.1\r\nHost: a\r\n\r\n"));
      assert.match(await other.head(), /^HTTP\/1\.1 101 /);
      assert.equal(await other.closeCode(), 1002);
      await other.ended();
      await witness.isServed();
    });

    test("10,000 refused handshakes leave descriptors and memory as they were", async (t) => {
      const wrong = request({ key: "Sec-WebSocket-Key: wrong" });
      await witness.isServed();
      const files = descriptors(server.pid);
      const refuse = async (count: number) => {
        for (let n = 0; n < count; n += 1) {
          assert.match(await exchange(server, wrong), /^HTTP\/1\.1 400 /);
        }
      };
      const refuseMany = (each: number) =>
        Promise.all(Array.from({ length: 50 }, () => refuse(each)));
      await refuseMany(20); // fills the caches of slots and allocator
      await until("descriptors come back", () => descriptors(server.pid) <= files);
      const before = residentBytes(server.pid);
      await witness.isServedUntil(refuseMany(200));
      await until("descriptors come back", () => descriptors(server.pid) <= files);
      const grown = residentBytes(server.pid) - before;
      t.diagnostic(`resident memory grew by ${Math.round(grown / 1024)} KiB`);
      if (!SANITIZED) assert.ok(grown < 4 << 20, `resident memory grew by ${grown} bytes`);
    });
  });
}
