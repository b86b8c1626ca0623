// SPDX-License-Identifier: Apache-2.0
// Many subscribers of which a few stop reading, or all but stop, while much is broadcast: those are
// given up at a bound, memory stays within the sum of the bounds, everyone else gets everything.
// (scripts/soak stalled is the same at full size.)
import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { publish } from "./harness/api.ts";
import { within } from "./harness/deadline.ts";
import { residentBytes } from "./harness/process.ts";
import { type Cleanup, SANITIZED, Server, VARIANTS } from "./harness/server.ts";
import { ended, frame, Opcode, upgradeRequest } from "./harness/wire.ts";
import { Witness } from "./harness/witness.ts";

const CHANNEL = "flood";
const READERS = 188;
const STALLED = 2; // 1 % read nothing
const CRAWLING = 10; // 5 % read 1 KiB a second
const MESSAGES = 512;
const MESSAGE_BYTES = 16_384; // 8 MiB: more than the queue and both kernels' buffers hold
const IN_FLIGHT = 8;
const QUEUE_BYTES = 262_144;
const WRITE_TIMEOUT_MS = 2000;

/** A subscriber that keeps of each publication nothing but its number, so many fit in a process. */
class Reader {
  readonly socket: Socket;
  readonly numbers: number[] = [];
  closeCode: number | undefined;
  private bytes: Buffer = Buffer.alloc(0); // of a frame whose beginning is not all there
  private toSkip = 0; // of a frame that has said its number
  private upgraded = false;
  private opened = false;
  private wake: () => void = () => {};

  constructor(t: Cleanup, server: Server) {
    this.socket = connect(server.port, "127.0.0.1");
    t.after(() => this.socket.destroy());
    this.socket.on("error", () => {}); // shows as the end
    this.socket.on("data", (data) => this.read(data));
    this.socket.write(upgradeRequest("/connection/websocket"));
    const commands = `{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"${CHANNEL}"}}`;
    this.socket.write(frame(Opcode.Text, commands));
  }

  get isSubscribed(): Promise<void> {
    return this.when(() => this.opened);
  }

  reaches(count: number): Promise<void> {
    return this.when(() => this.numbers.length >= count);
  }

  /** From now on takes about 1 KiB a second from its socket, as a phone in a tunnel. */
  crawl(t: Cleanup): void {
    this.socket.removeAllListeners("data");
    this.socket.on("readable", () => {});
    const timer = setInterval(() => {
      const data = this.socket.read(1024);
      if (data) this.read(data);
    }, 1000);
    t.after(() => clearInterval(timer));
    this.resume = () => {
      clearInterval(timer);
      this.socket.removeAllListeners("readable");
      this.socket.on("data", (data) => this.read(data));
      this.socket.resume();
    };
  }

  stall(): void {
    this.socket.pause();
  }

  resume = (): void => {
    this.socket.resume();
  };

  private async when(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise<void>((resolve) => (this.wake = resolve));
  }

  private read(data: Buffer): void {
    let rest = this.bytes.length === 0 ? data : Buffer.concat([this.bytes, data]);
    this.bytes = Buffer.alloc(0);
    if (!this.upgraded) {
      const end = rest.indexOf("\r\n\r\n");
      if (end >= 0) this.upgraded = true;
      rest = end < 0 ? rest : rest.subarray(end + 4);
    }
    while (this.upgraded && rest.length > 0) {
      const skipped = Math.min(this.toSkip, rest.length);
      this.toSkip -= skipped;
      rest = rest.subarray(skipped);
      const taken = this.take(rest);
      if (taken === 0) break;
      rest = rest.subarray(taken);
    }
    this.bytes = Buffer.from(rest);
    this.wake();
  }

  /** Looks at the beginning of a frame, if it is there; returns how many bytes that took. */
  private take(bytes: Buffer): number {
    if (bytes.length < 4) return 0;
    const short = bytes[1]!;
    const start = short === 126 ? 4 : 2;
    const length = short === 126 ? bytes.readUInt16BE(2) : short;
    const seen = Math.min(length, 400); // both replies, or where the number is
    if (bytes.length < start + seen) return 0;
    const text = bytes.subarray(start, start + seen).toString("latin1");
    if ((bytes[0]! & 0x0f) === Opcode.Close) {
      this.closeCode = bytes.readUInt16BE(start);
    } else if (text.includes('"id":2')) {
      this.opened = true;
    } else {
      const number = /"n":(\d+)/.exec(text)?.[1];
      if (number !== undefined) this.numbers.push(Number(number));
    }
    this.toSkip = length - seen;
    return start + seen;
  }
}

const inOrder = (numbers: readonly number[]) => numbers.every((n, i) => n === i);

for (const { io, shards } of VARIANTS) {
  const name = `${io}, shards: ${shards}`;

  test(`readers that stop or crawl cost the others nothing (${name})`, async (t) => {
    const server = await Server.start(t, {
      io,
      shards,
      configuration: {
        "client.queue_max_size": QUEUE_BYTES,
        "websocket.write_timeout": `${WRITE_TIMEOUT_MS}ms`,
      },
    });
    const witness = await Witness.join(t, server);
    const join = (count: number) => Array.from({ length: count }, () => new Reader(t, server));
    const [readers, stalled, crawling] = [join(READERS), join(STALLED), join(CRAWLING)];
    const all = [...readers, ...stalled, ...crawling];
    await within(Promise.all(all.map((reader) => reader.isSubscribed)), "all subscribed");
    const base = residentBytes(server.pid);
    stalled.forEach((reader) => reader.stall());
    crawling.forEach((reader) => reader.crawl(t));

    const text = "x".repeat(MESSAGE_BYTES);
    const start = performance.now();
    let peak = base;
    for (let n = 0; n < MESSAGES; n += 1) {
      await publish(server, { channel: CHANNEL, data: { n, text } });
      if (n % IN_FLIGHT !== IN_FLIGHT - 1) continue;
      const everyone = Promise.all(readers.map((reader) => reader.reaches(n + 1)));
      await within(everyone, `publication ${n} everywhere`);
      peak = Math.max(peak, residentBytes(server.pid));
      await witness.isServed();
    }
    const seconds = (performance.now() - start) / 1000;
    const published = (MESSAGES * MESSAGE_BYTES) / 2 ** 20;
    const grown = (peak - base) / 2 ** 20;
    t.diagnostic(
      `${(published / seconds).toFixed(1)} MiB/s to ${all.length} subscribers, ` +
        `at most ${grown.toFixed(1)} MiB more memory`,
    );

    for (const reader of readers) {
      assert.equal(reader.numbers.length, MESSAGES);
      assert.ok(inOrder(reader.numbers), "in order");
      assert.equal(reader.socket.closed, false);
    }
    // Whoever is looked after again gets what the kernels still hold, and the end.
    const givenUp = [...stalled, ...crawling];
    givenUp.forEach((reader) => reader.resume());
    await within(Promise.all(givenUp.map(({ socket }) => ended(socket))), "their ends");
    for (const reader of givenUp) {
      assert.ok(reader.numbers.length < MESSAGES, "given up before all was sent");
      assert.ok(inOrder(reader.numbers), "a beginning without a gap");
      assert.ok(reader.closeCode === undefined || reader.closeCode === 3008, "slow, or cut");
    }
    // Their queues, what is under way to the others, and what an allocator keeps.
    const bound = (givenUp.length * QUEUE_BYTES + 2 * IN_FLIGHT * MESSAGE_BYTES) / 2 ** 20 + 8;
    if (!SANITIZED) assert.ok(grown < bound, `${grown} MiB of ${bound}`);
    await witness.isServed();
  });
}
