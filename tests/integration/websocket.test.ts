// SPDX-License-Identifier: Apache-2.0
// HTTP and RFC 6455 below the protocol: handshakes that must fail, and the echo endpoint.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { describe, test } from "node:test";
import WebSocket from "ws";
import { Arrivals, within } from "./harness/deadline.ts";
import { DRIVERS, Server } from "./harness/server.ts";
import { frame, Opcode, upgradeRequest, Wire } from "./harness/wire.ts";

const PATH = "/connection/websocket";

for (const io of DRIVERS) {
  describe(`WebSocket (${io})`, () => {
    const server = Server.forSuite({ io, arguments: ["--echo", "/echo"] });

    test("the handshake proves that the server understood it", async (t) => {
      const wire = await Wire.open(t, server);
      const head = await wire.request(upgradeRequest(PATH));
      assert.match(head, /^HTTP\/1\.1 101 /);
      // The example of RFC 6455, section 1.3.
      assert.match(head, /^sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r?$/im);
      assert.match(head, /^upgrade: websocket\r?$/im);
      assert.match(head, /^connection: upgrade\r?$/im);
    });

    test("the handshake may arrive byte by byte, with a frame right behind it", async (t) => {
      const wire = await Wire.open(t, server);
      wire.socket.setNoDelay(true);
      const bytes = Buffer.concat([
        Buffer.from(upgradeRequest("/echo")),
        frame(Opcode.Text, "early"),
      ]);
      for (const byte of bytes) wire.socket.write(Buffer.of(byte));
      assert.deepEqual((await wire.frame()).payload.toString(), "early");
    });

    const refused: Array<[string, string, RegExp]> = [
      ["no Upgrade header", upgradeRequest(PATH, { Upgrade: undefined }), /^HTTP\/1\.1 4(00|26) /],
      ["no Connection header", upgradeRequest(PATH, { Connection: undefined }), /^HTTP\/1\.1 400 /],
      ["no key", upgradeRequest(PATH, { "Sec-WebSocket-Key": undefined }), /^HTTP\/1\.1 400 /],
      ["a short key", upgradeRequest(PATH, { "Sec-WebSocket-Key": "AAAA" }), /^HTTP\/1\.1 400 /],
      [
        "another version",
        upgradeRequest(PATH, { "Sec-WebSocket-Version": "8" }),
        /^HTTP\/1\.1 426 (.|\r\n)*sec-websocket-version: 13/i,
      ],
      ["no Host header", upgradeRequest(PATH, { Host: undefined }), /^HTTP\/1\.1 400 /],
      ["POST", upgradeRequest(PATH, {}, `POST ${PATH} HTTP/1.1`), /^HTTP\/1\.1 40[05] /],
      ["HTTP/1.0", upgradeRequest(PATH, {}, `GET ${PATH} HTTP/1.0`), /^HTTP\/1\.. (400|426|505) /],
      ["an unknown path", upgradeRequest("/nowhere"), /^HTTP\/1\.1 404 /],
      ["a broken request line", "GET\r\n\r\n", /^HTTP\/1\.1 400 /],
      ["a header without colon", `GET ${PATH} HTTP/1.1\r\nHost\r\n\r\n`, /^HTTP\/1\.1 400 /],
      [
        "an endless header",
        upgradeRequest(PATH, { "X-Long": "x".repeat(100_000) }),
        /^HTTP\/1\.1 4(00|31) /,
      ],
    ];
    for (const [what, request, expected] of refused) {
      test(`a handshake with ${what} is refused`, async (t) => {
        const wire = await Wire.open(t, server);
        assert.match(await wire.request(request), expected);
      });
    }

    test("a fragmented message is put together, with a ping in between", async (t) => {
      const wire = await Wire.upgrade(t, server, "/echo");
      wire.send(
        frame(Opcode.Text, "one ", { fin: false }),
        frame(Opcode.Continuation, "two ", { fin: false }),
        frame(Opcode.Ping, "still there?"),
        frame(Opcode.Continuation, "three"),
      );
      const pong = await wire.frame();
      assert.deepEqual([pong.opcode, pong.payload.toString()], [Opcode.Pong, "still there?"]);
      const message = await wire.frame();
      assert.deepEqual(
        [message.fin, message.opcode, message.payload.toString()],
        [true, Opcode.Text, "one two three"],
      );
    });

    test("a character may be cut by a fragment's end", async (t) => {
      const wire = await Wire.upgrade(t, server, "/echo");
      const text = Buffer.from("€");
      wire.send(frame(Opcode.Text, text.subarray(0, 2), { fin: false }));
      wire.send(frame(Opcode.Continuation, text.subarray(2)));
      assert.equal((await wire.frame()).payload.toString(), "€");
    });

    test("frames of every length form come back", async (t) => {
      const wire = await Wire.upgrade(t, server, "/echo");
      for (const size of [0, 1, 125, 126, 127, 65_535, 65_536, 100_000]) {
        const payload = randomBytes(size);
        wire.send(frame(Opcode.Binary, payload));
        const { opcode, payload: echoed } = await wire.frame();
        assert.equal(opcode, Opcode.Binary);
        assert.ok(echoed.equals(payload), `${size} bytes`);
      }
    });

    test("a message of 16 MiB comes back", async (t) => {
      const socket = new WebSocket(`${server.url.replace("http", "ws")}/echo`, {
        maxPayload: 32 << 20,
      });
      t.after(() => socket.terminate());
      await within(once(socket, "open"), "an open WebSocket");
      const message = randomBytes(16 << 20);
      socket.send(message);
      const [echoed] = await within(once(socket, "message"), "the echo");
      assert.ok(message.equals(echoed));
    });

    test("many messages in one write come back in order", async (t) => {
      const wire = await Wire.upgrade(t, server, "/echo");
      wire.send(...Array.from({ length: 1000 }, (_, n) => frame(Opcode.Text, `${n}`)));
      const frames = await wire.frames.atLeast(1000, "echo");
      assert.deepEqual(
        frames.map(({ payload }) => payload.toString()),
        Array.from({ length: 1000 }, (_, n) => `${n}`),
      );
    });

    test("an unasked pong is ignored", async (t) => {
      const wire = await Wire.upgrade(t, server, "/echo");
      wire.send(frame(Opcode.Pong, "hm"), frame(Opcode.Text, "next"));
      assert.equal((await wire.frame()).payload.toString(), "next");
    });

    const code = (n: number, reason = "") => {
      const head = Buffer.alloc(2);
      head.writeUInt16BE(n);
      return Buffer.concat([head, Buffer.from(reason)]);
    };
    for (const n of [1000, 1001, 1011, 3000, 4999]) {
      test(`close ${n} is answered with ${n}, then the connection ends`, async (t) => {
        const wire = await Wire.upgrade(t, server, "/echo");
        wire.send(frame(Opcode.Close, code(n, "reason")));
        assert.equal(await wire.closeCode(), n);
        await wire.ended();
      });
    }

    test("a close without a code is answered without one", async (t) => {
      const wire = await Wire.upgrade(t, server, "/echo");
      wire.send(frame(Opcode.Close, ""));
      const { opcode, payload } = await wire.frame();
      assert.equal(opcode, Opcode.Close);
      assert.ok(payload.length === 0 || payload.readUInt16BE(0) === 1000);
      await wire.ended();
    });

    const invalid = Buffer.from([0xce, 0xba, 0xed, 0xa0, 0x80, 0x65]); // a lone surrogate
    const faults: Array<[string, Buffer[], number]> = [
      ["invalid UTF-8", [frame(Opcode.Text, invalid)], 1007],
      [
        "invalid UTF-8 across fragments",
        [frame(Opcode.Text, "ok", { fin: false }), frame(Opcode.Continuation, Buffer.of(0xff))],
        1007,
      ],
      ["a text that ends inside a character", [frame(Opcode.Text, Buffer.of(0xe2, 0x82))], 1007],
      ["an invalid close reason", [frame(Opcode.Close, Buffer.of(3, 232, 0xff))], 1007],
      ["a frame without a mask", [frame(Opcode.Text, "bare", { masked: false })], 1002],
      ["a reserved bit", [frame(Opcode.Text, "hm", { reserved: 1 })], 1002],
      ["a reserved opcode", [frame(3, "hm")], 1002],
      ["a reserved control opcode", [frame(11, "")], 1002],
      ["a fragmented ping", [frame(Opcode.Ping, "hm", { fin: false })], 1002],
      ["a ping of 126 bytes", [frame(Opcode.Ping, "x".repeat(126))], 1002],
      ["a continuation of nothing", [frame(Opcode.Continuation, "hm")], 1002],
      [
        "a new message inside a fragmented one",
        [frame(Opcode.Text, "a", { fin: false }), frame(Opcode.Text, "b")],
        1002,
      ],
      ["a close of one byte", [frame(Opcode.Close, Buffer.of(3))], 1002],
      ["close code 1005", [frame(Opcode.Close, code(1005))], 1002],
      ["close code 999", [frame(Opcode.Close, code(999))], 1002],
    ];
    for (const [what, frames, expected] of faults) {
      test(`${what} is closed with ${expected}`, async (t) => {
        const wire = await Wire.upgrade(t, server, "/echo");
        wire.send(...frames);
        assert.equal(await wire.closeCode(), expected);
        await wire.ended();
      });
    }

    test("a peer that just vanishes disturbs nobody", async (t) => {
      const stays = await Wire.upgrade(t, server, "/echo");
      for (let n = 0; n < 50; n += 1) {
        const wire = await Wire.upgrade(t, server, "/echo");
        wire.send(frame(Opcode.Text, "x".repeat(50_000)).subarray(0, n * 1000));
        wire.socket.resetAndDestroy();
      }
      stays.send(frame(Opcode.Text, "here"));
      assert.equal((await stays.frame()).payload.toString(), "here");
    });

    test("permessage-deflate is either declined or works", async (t) => {
      const socket = new WebSocket(`${server.url.replace("http", "ws")}/echo`, {
        perMessageDeflate: { threshold: 0 },
      });
      t.after(() => socket.terminate());
      const echoes = new Arrivals<string>();
      socket.on("message", (data) => echoes.add(data.toString()));
      await within(once(socket, "open"), "an open WebSocket");
      socket.send("y".repeat(10_000));
      assert.equal(await echoes.take("the echo"), "y".repeat(10_000));
    });
  });
}
