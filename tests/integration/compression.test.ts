// SPDX-License-Identifier: Apache-2.0
// permessage-deflate (RFC 7692) between the real server and another implementation of it, with
// every combination of parameters, and what hostile clients send.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { describe, test } from "node:test";
import { constants, deflateRawSync } from "node:zlib";
import WebSocket, { type PerMessageDeflateOptions } from "ws";
import { post, publish } from "./harness/api.ts";
import { Arrivals, within } from "./harness/deadline.ts";
import { residentBytes } from "./harness/process.ts";
import { RawClient } from "./harness/raw_client.ts";
import { connected, sdkClient, Subscriber } from "./harness/sdk.ts";
import { type Cleanup, DRIVERS, SANITIZED, Server, VARIANTS } from "./harness/server.ts";
import { ended, frame, Opcode, upgradeRequest } from "./harness/wire.ts";
import { Witness } from "./harness/witness.ts";

const RSV1 = 4;
const MIN_SIZE = 256;
const OFFER = { "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits" };
const CONFIGURATION = { "websocket.compression": true, "echo.path": "/echo" };
const KEPT = { ...CONFIGURATION, "websocket.compression_context_takeover": true };

/** Whole DEFLATE blocks, 00 00 ff ff at their end: more may follow. */
function blocks(message: Buffer | string): Buffer {
  return deflateRawSync(message, { finishFlush: constants.Z_SYNC_FLUSH, level: 9 });
}

/** What permessage-deflate sends for a message: the same without that end. */
const deflated = (message: Buffer | string) => blocks(message).subarray(0, -4);

/** Text that shrinks to a part, but by far not to a hundredth, which the server would refuse. */
const words = (bytes: number) =>
  Array.from({ length: Math.ceil(bytes / 6) }, (_, i) => `word${(i * i * 31 + i) % 99_991} `)
    .join("")
    .slice(0, bytes);

interface Message {
  data: Buffer;
  binary: boolean;
}

class EchoClient {
  readonly messages = new Arrivals<Message>();
  private constructor(readonly socket: WebSocket) {
    socket.on("message", (data: Buffer, binary) => this.messages.add({ data, binary }));
    socket.on("error", () => {}); // shows as its close
    socket.on("close", (code) => this.messages.end(`the server closed with ${code}`));
  }

  static async open(
    t: Cleanup,
    server: Server,
    perMessageDeflate: PerMessageDeflateOptions | boolean,
  ): Promise<EchoClient> {
    const options = { perMessageDeflate, maxPayload: 32 * 2 ** 20 };
    const client = new EchoClient(new WebSocket(`ws://127.0.0.1:${server.port}/echo`, options));
    t.after(() => client.socket.terminate());
    await within(once(client.socket, "open"), "an open WebSocket");
    return client;
  }

  async echoes(data: Buffer | string, compress?: boolean): Promise<void> {
    const binary = typeof data !== "string";
    this.socket.send(data, compress === undefined ? {} : { compress });
    const back = await this.messages.take("the echo");
    assert.equal(back.binary, binary);
    assert.ok(back.data.equals(Buffer.from(data)), `${Buffer.from(data).length} bytes`);
  }
}

/** Sends bytes behind an upgrade with an offer; the close code that comes back, or none. */
async function closeCode(
  t: Cleanup,
  server: Server,
  path: string,
  pieces: Iterable<Buffer>,
): Promise<number | undefined> {
  const socket = connect(server.port, "127.0.0.1");
  t.after(() => socket.destroy());
  socket.on("error", () => {});
  const received: Buffer[] = [];
  socket.on("data", (data) => received.push(data));
  socket.write(upgradeRequest(path, OFFER));
  const over = ended(socket);
  for (const piece of pieces) {
    if (socket.closed || !socket.writable) break;
    if (!socket.write(piece)) await Promise.race([once(socket, "drain").catch(() => {}), over]);
  }
  await within(over, "the server's end");
  const all = Buffer.concat(received);
  const at = all.indexOf("\r\n\r\n") + 4;
  assert.match(all.subarray(0, at).toString(), /Sec-WebSocket-Extensions: permessage-deflate/);
  for (let i = at; i + 4 <= all.length; ) {
    if (all[i] === 0x88) return all.readUInt16BE(i + 2);
    const short = all[i + 1]!;
    i += short < 126 ? 2 + short : 4 + all.readUInt16BE(i + 2);
  }
  return undefined;
}

describe("echo, every combination of parameters", () => {
  const servers = {
    none: Server.forSuite({ configuration: CONFIGURATION }),
    kept: Server.forSuite({ configuration: KEPT }),
  };
  const windows = [undefined, 9, 10, 11, 12, 13, 14, 15];
  for (const [policy, server] of Object.entries(servers)) {
    for (const serverNoContextTakeover of [false, true]) {
      for (const clientNoContextTakeover of [false, true]) {
        const offered = `server: ${!serverNoContextTakeover}, client: ${!clientNoContextTakeover}`;
        test(`contexts: ${policy}; offered by the ${offered}`, async (t) => {
          for (const serverMaxWindowBits of windows) {
            for (const clientMaxWindowBits of windows) {
              const client = await EchoClient.open(t, server, {
                ...(serverNoContextTakeover && { serverNoContextTakeover }), // false would insist
                ...(clientNoContextTakeover && { clientNoContextTakeover }),
                ...(serverMaxWindowBits && { serverMaxWindowBits }),
                ...(clientMaxWindowBits && { clientMaxWindowBits }),
                threshold: 0,
              });
              const { extensions } = client.socket;
              assert.equal(extensions, "permessage-deflate");
              for (const data of [words(MIN_SIZE - 1), words(MIN_SIZE), words(20_000), ""]) {
                await client.echoes(data);
                await client.echoes(Buffer.from(data));
              }
              await client.echoes(words(20_000));
              client.socket.terminate();
            }
          }
        });
      }
    }
  }

  for (const [policy, server] of Object.entries(servers)) {
    test(`contexts: ${policy}; large, empty, random and fragmented messages`, async (t) => {
      const client = await EchoClient.open(t, server, { threshold: 0 });
      const sizes = [0, 1, 125, 126, 255, 256, 65_535, 65_536, 65_537, 1_000_000, 5_000_000];
      for (const size of sizes) {
        await client.echoes(words(size));
        await client.echoes(randomBytes(size));
        await client.echoes(words(size), false); // not compressed, in between
      }
      const parts = [words(5000), "", words(100), randomBytes(5000).toString("hex"), ""];
      parts.forEach((part, i) => client.socket.send(part, { fin: i === parts.length - 1 }));
      const back = await client.messages.take("the joined message");
      assert.equal(back.data.toString(), parts.join(""));
      assert.equal(client.socket.readyState, WebSocket.OPEN);
    });
  }
});

for (const { io, shards } of VARIANTS) {
  describe(`clients of the protocol (${io}, shards: ${shards})`, () => {
    for (const [policy, configuration] of Object.entries({ none: CONFIGURATION, kept: KEPT })) {
      const server = Server.forSuite({ io, shards, configuration });

      test(`contexts: ${policy}; everybody receives everything, compressed or not`, async (t) => {
        const channel = "compressed";
        const encodings = ["json", "protobuf"] as const;
        const subscribers: Subscriber[] = [];
        for (const _ of encodings) {
          const client = await connected(sdkClient(t, server)); // ws offers compression
          subscribers.push(await Subscriber.join(client, channel));
        }
        const plain = await RawClient.open(t, server.websocketUrl, { perMessageDeflate: false });
        assert.equal(plain.socket.extensions, "");
        await plain.call({ connect: {} });
        await plain.call({ subscribe: { channel } });
        const narrow = await RawClient.open(t, server.websocketUrl, {
          perMessageDeflate: { serverMaxWindowBits: 9, threshold: 0 },
        });
        assert.equal(narrow.socket.extensions, "permessage-deflate");
        await narrow.call({ connect: {} });
        await narrow.call({ subscribe: { channel } });
        const sent: object[] = [];
        for (let n = 0; n < 40; n += 1) {
          const data = { n, text: n % 3 === 0 ? "short" : words(300 + n * 400) };
          sent.push(data);
          if (n % 2 === 0) await publish(server, { channel, data });
          else await narrow.call({ publish: { channel, data } });
        }
        for (const subscriber of subscribers) {
          assert.deepEqual(await subscriber.data(sent.length), sent);
        }
        for (const data of sent) {
          assert.deepEqual((await plain.push()).pub?.data, data);
          assert.deepEqual((await narrow.push()).pub?.data, data);
        }
      });
    }
  });
}

test("a publication takes fewer bytes on the wire", async (t) => {
  const server = await Server.start(t, { configuration: CONFIGURATION });
  const bytes: number[] = [];
  for (const perMessageDeflate of [false, true]) {
    const client = await RawClient.open(t, server.websocketUrl, { perMessageDeflate });
    await client.call({ connect: {} });
    await client.call({ subscribe: { channel: "size" } });
    const { _socket: socket } = client.socket as unknown as { _socket: { bytesRead: number } };
    const before = socket.bytesRead;
    await publish(server, { channel: "size", data: { text: words(10_000) } });
    await client.push();
    bytes.push(socket.bytesRead - before);
    client.socket.terminate();
  }
  t.diagnostic(`${bytes[0]} bytes, compressed ${bytes[1]}`);
  assert.ok(bytes[1]! < bytes[0]! / 2);
});

for (const io of DRIVERS) {
  test(`bombs cost bounded memory and are answered with 1009 (${io})`, async (t) => {
    const server = await Server.start(t, { io, shards: 1, configuration: CONFIGURATION });
    const witness = await Witness.join(t, server);
    await witness.isServed();
    const base = residentBytes(server.pid);
    let peak = base;
    const watched = async (what: string, path: string, pieces: Iterable<Buffer>, code: number) => {
      assert.equal(await closeCode(t, server, path, pieces), code, what);
      peak = Math.max(peak, residentBytes(server.pid));
      await witness.isServed();
    };
    const client = "/connection/websocket";
    const text = (payload: Buffer) => [frame(Opcode.Text, payload, { reserved: RSV1 })];

    // 10 KiB that would become 10 MiB.
    const bomb = deflated(Buffer.alloc(10 * 2 ** 20));
    assert.ok(bomb.length < 11_000);
    for (let i = 0; i < 20; i += 1) await watched("a bomb", client, text(bomb), 1009);
    if (!SANITIZED) assert.ok(peak - base < 4 * 2 ** 20, `${peak - base} bytes`);
    // The echo endpoint takes messages of 16 MiB, but none that grow a thousandfold.
    await watched("a bomb for the echo", "/echo", text(bomb), 1009);
    // 10 MiB in fragments, which would become 10 GiB.
    const part = blocks(Buffer.alloc(10 * 2 ** 20));
    const large = Buffer.concat([...Array.from({ length: 1023 }, () => part), bomb]);
    function* fragments() {
      for (let at = 0; at < large.length; at += 16_384) {
        const first = at === 0;
        const opcode = first ? Opcode.Binary : Opcode.Continuation;
        const fin = at + 16_384 >= large.length;
        yield frame(opcode, large.subarray(at, at + 16_384), { fin, reserved: first ? RSV1 : 0 });
      }
    }
    await watched("a bomb in fragments", client, fragments(), 1009);
    await watched("a bomb in fragments for the echo", "/echo", fragments(), 1009);

    const grown = (peak - base) / 2 ** 20;
    t.diagnostic(`at most ${grown.toFixed(1)} MiB more memory`);
    // The echo's 16 MiB of what came and 16 MiB of what it becomes, twice while that grows.
    if (!SANITIZED) assert.ok(grown < 64, `${grown} MiB`);
  });
}

test("what is not DEFLATE, not UTF-8 or not allowed is answered with its code", async (t) => {
  const server = await Server.start(t, { shards: 1, configuration: CONFIGURATION });
  const witness = await Witness.join(t, server);
  const hello = deflated("Hello");
  const text = (payload: Buffer) => [frame(Opcode.Text, payload, { reserved: RSV1 })];
  const cases: Array<[string, Buffer[], number]> = [
    ["garbage", text(Buffer.from([7])), 1007],
    ["cut off", text(deflated(words(500)).subarray(0, 50)), 1007],
    ["nothing", text(Buffer.alloc(0)), 1007],
    ["bad UTF-8", text(deflated(Buffer.from([0xff]))), 1007],
    ["a compressed ping", [frame(Opcode.Ping, "", { reserved: RSV1 })], 1002],
    ["RSV2", [frame(Opcode.Text, hello, { reserved: 2 })], 1002],
    [
      "RSV1 on a continuation",
      [
        frame(Opcode.Text, hello.subarray(0, 3), { fin: false, reserved: RSV1 }),
        frame(Opcode.Continuation, hello.subarray(3), { reserved: RSV1 }),
      ],
      1002,
    ],
  ];
  for (const [what, pieces, code] of cases) {
    assert.equal(await closeCode(t, server, "/echo", pieces), code, what);
    await witness.isServed();
  }
});

test("a flood of small bombs costs others little", async (t) => {
  const server = await Server.start(t, { shards: 1, configuration: CONFIGURATION });
  const witness = await Witness.join(t, server);
  const client = await EchoClient.open(t, server, { threshold: 0 });
  const small = Buffer.alloc(64 * 1024, "x");
  const COUNT = 2000;
  for (let i = 0; i < COUNT; i += 1) client.socket.send(small);
  const all = client.messages.atLeast(COUNT, "echo");
  const times = await witness.isServedUntil(all);
  t.diagnostic(`the slowest of ${times.length} round trips: ${times.at(-1)!.toFixed(1)} ms`);
});

test("idle connections without contexts take little more memory", async (t) => {
  const COUNT = 1000;
  const perConnection: number[] = [];
  for (const offer of [{}, OFFER]) {
    const server = await Server.start(t, { shards: 1, configuration: CONFIGURATION });
    await post(server, "/api/info", {});
    const base = residentBytes(server.pid);
    const sockets = Array.from({ length: COUNT }, () => connect(server.port, "127.0.0.1"));
    t.after(() => sockets.forEach((socket) => socket.destroy()));
    const opened = sockets.map(async (socket) => {
      socket.write(upgradeRequest("/connection/websocket", offer));
      socket.write(frame(Opcode.Text, '{"id":1,"connect":{}}'));
      let answer = "";
      while (!answer.includes('"client"')) answer += (await once(socket, "data"))[0];
    });
    await within(Promise.all(opened), "all connected");
    perConnection.push((residentBytes(server.pid) - base) / COUNT);
    sockets.forEach((socket) => socket.destroy());
    await server.stop();
  }
  const more = perConnection[1]! - perConnection[0]!;
  t.diagnostic(`${perConnection.map((n) => n.toFixed(0)).join(", ")} bytes each`);
  if (!SANITIZED) assert.ok(more < 1024, `${more} bytes more for each`);
});
