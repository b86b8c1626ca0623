// SPDX-License-Identifier: Apache-2.0
// Frames made to exhaust or confuse: endless fragments, impossible lengths, floods of control
// frames. Each costs its sender the connection, with the right code, and nobody else anything.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { residentBytes } from "./harness/process.ts";
import { DRIVERS, SANITIZED, Server } from "./harness/server.ts";
import { frame, frameHead, Opcode, Wire } from "./harness/wire.ts";
import { percentile, Witness } from "./harness/witness.ts";

const CLIENT = "/connection/websocket"; // messages of 64 KiB in 1,024 fragments
const ECHO = "/echo"; // messages of 16 MiB

const repeated = (count: number, bytes: Buffer) =>
  Buffer.concat(Array.from({ length: count }, () => bytes));
const begin = (bytes: string | Buffer, opcode: number = Opcode.Text) =>
  frame(opcode, bytes, { fin: false });
const goOn = (bytes: string | Buffer) => frame(Opcode.Continuation, bytes, { fin: false });

const closing = (code: number, reason: string | Buffer = "") => {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(code);
  return frame(Opcode.Close, Buffer.concat([head, Buffer.from(reason)]));
};

interface Attack {
  what: string;
  path?: string;
  bytes: Buffer[];
  code: number;
  reason?: string;
}

const bit = (n: number) => 1n << BigInt(n);
const head = (form: 7 | 16 | 64, length: bigint) => frameHead(Opcode.Binary, form, length);

const ATTACKS: Attack[] = [
  // Endless messages.
  {
    what: "a message in 1,025 fragments of one byte",
    path: CLIENT,
    bytes: [begin("x"), repeated(1024, goOn("x"))],
    code: 1008,
    reason: "too many fragments",
  },
  {
    what: "a message in 1,025 empty fragments",
    path: CLIENT,
    bytes: [begin(""), repeated(1024, goOn(""))],
    code: 1008,
    reason: "too many fragments",
  },
  {
    what: "a message whose 1,025th fragment is the last",
    path: CLIENT,
    bytes: [begin(""), repeated(1023, goOn("")), frame(Opcode.Continuation, "x")],
    code: 1008,
  },
  {
    what: "100,000 fragments of one byte",
    bytes: [begin("x", Opcode.Binary), repeated(100_000, goOn("x"))],
    code: 1008,
  },
  {
    what: "100,000 empty fragments",
    bytes: [begin("", Opcode.Binary), repeated(100_000, goOn(""))],
    code: 1008,
  },
  {
    what: "fragments that are too long together",
    path: CLIENT,
    bytes: [begin("x".repeat(32_768)), goOn("x".repeat(32_768)), goOn("x")],
    code: 1009,
  },
  // Lengths; the head alone decides.
  { what: "2^64 - 1 bytes", bytes: [head(64, bit(64) - 1n)], code: 1002 },
  { what: "2^63 bytes", bytes: [head(64, bit(63))], code: 1002 },
  { what: "2^63 - 1 bytes", bytes: [head(64, bit(63) - 1n)], code: 1009 },
  { what: "2^62 bytes", bytes: [head(64, bit(62))], code: 1009 },
  { what: "2^32 bytes", bytes: [head(64, bit(32))], code: 1009 },
  { what: "2^32 + 1 bytes", bytes: [head(64, bit(32) + 1n)], code: 1009 },
  { what: "16 MiB and a byte", bytes: [head(64, bit(24) + 1n)], code: 1009 },
  { what: "64 KiB and a byte", path: CLIENT, bytes: [head(64, bit(16) + 1n)], code: 1009 },
  {
    what: "a last fragment of 2^63 - 1 bytes",
    bytes: [begin("x", Opcode.Binary), frameHead(Opcode.Continuation, 64, bit(63) - 1n)],
    code: 1009,
  },
  { what: "65,535 in the form of 64 bits", bytes: [head(64, 65_535n)], code: 1002 },
  { what: "0 in the form of 64 bits", bytes: [head(64, 0n)], code: 1002 },
  { what: "125 in the form of 16 bits", bytes: [head(16, 125n)], code: 1002 },
  // Control frames.
  ...[Opcode.Close, Opcode.Ping, Opcode.Pong].flatMap((opcode): Attack[] => [
    { what: `control frame ${opcode} in fragments`, bytes: [begin("", opcode)], code: 1002 },
    {
      what: `control frame ${opcode} of 126 bytes`,
      bytes: [frame(opcode, "x".repeat(126))],
      code: 1002,
    },
    {
      what: `control frame ${opcode} with a length of 64 bits`,
      bytes: [frameHead(opcode, 64, bit(63) - 1n)],
      code: 1002,
    },
    {
      what: `control frame ${opcode} without a mask`,
      bytes: [frame(opcode, "", { masked: false })],
      code: 1002,
    },
    {
      what: `control frame ${opcode} with a reserved bit`,
      bytes: [frame(opcode, "", { reserved: 4 })],
      code: 1002,
    },
  ]),
  // Bits and opcodes without meaning.
  ...[1, 2, 4, 7].map(
    (reserved): Attack => ({
      what: `reserved bits ${reserved}`,
      bytes: [frame(Opcode.Text, "x", { reserved })],
      code: 1002,
    }),
  ),
  {
    what: "a reserved bit in a continuation",
    bytes: [begin("x"), frame(Opcode.Continuation, "x", { reserved: 4 })],
    code: 1002,
  },
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map(
    (opcode): Attack => ({ what: `opcode ${opcode}`, bytes: [frame(opcode, "")], code: 1002 }),
  ),
  // Sequences.
  {
    what: "a binary message inside a text",
    bytes: [begin("a"), frame(Opcode.Binary, "b")],
    code: 1002,
  },
  {
    what: "a continuation of what has ended",
    bytes: [begin("a"), frame(Opcode.Continuation, "b"), frame(Opcode.Continuation, "c")],
    code: 1002,
  },
  // Close frames.
  ...[0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535].map(
    (code): Attack => ({ what: `close code ${code}`, bytes: [closing(code)], code: 1002 }),
  ),
  {
    what: "a close reason that ends inside a character",
    bytes: [closing(1000, Buffer.of(0xe2, 0x82))],
    code: 1007,
  },
];

/** Not UTF-8, whatever stands before and behind (RFC 3629 §4). */
const NO_TEXTS: Array<{ what: string; bytes: Buffer }> = [
  { what: "a lone continuation byte", bytes: Buffer.of(0x80) },
  { what: "an overlong NUL", bytes: Buffer.of(0xc0, 0x80) },
  { what: "an overlong slash of 3 bytes", bytes: Buffer.of(0xe0, 0x80, 0xaf) },
  { what: "a surrogate", bytes: Buffer.of(0xed, 0xa0, 0x80) },
  { what: "a code point beyond U+10FFFF", bytes: Buffer.of(0xf4, 0x90, 0x80, 0x80) },
  { what: "a character of 5 bytes", bytes: Buffer.of(0xf8, 0x88, 0x80, 0x80, 0x80) },
  { what: "a character broken off", bytes: Buffer.of(0xf0, 0x9f, 0x98) },
  { what: "0xff", bytes: Buffer.of(0xff) },
];

for (const io of DRIVERS) {
  describe(`hostile frames (${io})`, () => {
    const server = Server.forSuite({ io, arguments: ["--echo", ECHO] });
    const witness = Witness.forSuite(server);

    for (const { what, path = ECHO, bytes, code, reason } of ATTACKS) {
      test(`${what}: ${code}`, async (t) => {
        const wire = await Wire.upgrade(t, server, path);
        // What stands behind the fault must have no effect.
        wire.send(...bytes, frame(Opcode.Text, "ignored"));
        const close = await wire.close();
        assert.equal(close.code, code);
        if (reason) assert.equal(close.reason, reason);
        await wire.ended();
        const echoed = wire.frames.all.filter(({ payload }) => String(payload) === "ignored");
        assert.equal(echoed.length, 0);
        await witness.isServed();
      });
    }

    test("a message in 1,024 fragments is one message", async (t) => {
      const wire = await Wire.upgrade(t, server, CLIENT);
      const command = '{"id":1,"connect":{}}';
      wire.send(begin(command), repeated(1022, goOn("")), frame(Opcode.Continuation, ""));
      assert.match((await wire.frame()).payload.toString(), /^\{"id":1,"connect":\{/);
      await witness.isServed();
    });

    test("100,000 empty messages come back", async (t) => {
      const wire = await Wire.upgrade(t, server, ECHO);
      wire.send(repeated(100_000, frame(Opcode.Text, "")));
      const frames = await wire.frames.atLeast(100_000, "echo");
      assert.ok(frames.every(({ fin, payload }) => fin && payload.length === 0));
      await witness.isServed();
    });

    for (const { what, bytes } of NO_TEXTS) {
      test(`${what} is no text, wherever fragments cut it: 1007`, async (t) => {
        const text = Buffer.concat([Buffer.from("κόσμε"), bytes, Buffer.from("x")]);
        for (let cut = 0; cut <= text.length; cut += 1) {
          const wire = await Wire.upgrade(t, server, ECHO);
          wire.send(
            begin(text.subarray(0, cut)),
            goOn(""),
            frame(Opcode.Continuation, text.subarray(cut)),
          );
          assert.equal(await wire.closeCode(), 1007, `cut at ${cut}`);
          await wire.ended();
        }
        await witness.isServed();
      });
    }

    test("text that cannot become valid is not waited for", async (t) => {
      const wire = await Wire.upgrade(t, server, ECHO);
      wire.send(frameHead(Opcode.Text, 16, 1000n), Buffer.from("so far fine"), Buffer.of(0xff));
      assert.equal(await wire.closeCode(), 1007);
      await witness.isServed();
    });

    test("broken messages leave no memory behind", async (t) => {
      // Whole, half, and in fragments; closed by a fault, or by vanishing.
      const attack = async () => {
        const wire = await Wire.upgrade(t, server, ECHO);
        const body = Buffer.alloc(200_000, "x");
        wire.send(frame(Opcode.Text, body, { fin: false }), frame(3, ""));
        assert.equal(await wire.closeCode(), 1002);
        const other = await Wire.upgrade(t, server, ECHO);
        other.send(frameHead(Opcode.Binary, 64, bit(24)), body, body);
        other.socket.resetAndDestroy();
        await wire.ended();
      };
      const round = () => Promise.all(Array.from({ length: 20 }, attack));
      for (let n = 0; n < 3; n += 1) await round(); // what the allocator keeps for the next time
      const before = residentBytes(server.pid);
      for (let n = 0; n < 15; n += 1) await round();
      await witness.isServed();
      const grown = residentBytes(server.pid) - before;
      t.diagnostic(`resident memory grew by ${Math.round(grown / 1024)} KiB`);
      if (!SANITIZED) assert.ok(grown < 16 << 20, `resident memory grew by ${grown} bytes`);
    });

    for (const [what, opcode] of [["pings", Opcode.Ping], ["pongs", Opcode.Pong]] as const) {
      test(`a flood of ${what} is closed with 1008 and felt by nobody`, async (t) => {
        const flood = repeated(100_000, frame(opcode, "flood"));
        const before = residentBytes(server.pid);
        const attack = async () => {
          const end = performance.now() + 1000;
          let floods = 0;
          for (; floods === 0 || performance.now() < end; floods += 1) {
            const wire = await Wire.upgrade(t, server, CLIENT);
            wire.send(flood);
            const close = await wire.close();
            assert.deepEqual(close, { code: 1008, reason: "too many control frames" });
            const pongs = wire.frames.all.length;
            assert.ok(pongs < 200, `${pongs} answers`);
            if (opcode === Opcode.Pong) assert.equal(pongs, 0);
            await wire.ended();
          }
          return floods;
        };
        const attacked = attack();
        const times = await witness.isServedUntil(attacked);
        t.diagnostic(
          `${await attacked} floods of 100,000; served in ${percentile(times, 0.5).toFixed(1)} ` +
            `ms (p99 ${percentile(times, 0.99).toFixed(1)} ms)`,
        );
        assert.ok(percentile(times, 0.99) < 1000, "the good client's p99");
        const grown = residentBytes(server.pid) - before;
        if (!SANITIZED) assert.ok(grown < 16 << 20, `resident memory grew by ${grown} bytes`);
      });
    }

    test("pings at a client's usual pace are each answered", async (t) => {
      const wire = await Wire.upgrade(t, server, ECHO);
      for (let n = 0; n < 100; n += 1) {
        wire.send(frame(Opcode.Ping, `${n}`));
        const { opcode, payload } = await wire.frame();
        assert.deepEqual([opcode, String(payload)], [Opcode.Pong, `${n}`]);
      }
      await witness.isServed();
    });
  });
}
