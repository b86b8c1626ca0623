// SPDX-License-Identifier: Apache-2.0
// Bytes on a TCP connection, for what no well-behaved library would send.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Arrivals, within } from "./deadline.ts";
import type { Cleanup, Server } from "./server.ts";

export const Opcode = {
  Continuation: 0,
  Text: 1,
  Binary: 2,
  Close: 8,
  Ping: 9,
  Pong: 10,
} as const;

export interface Frame {
  fin: boolean;
  opcode: number;
  payload: Buffer;
}

/** Encodes one frame (RFC 6455, section 5.2) as a client does, or wrongly on purpose. */
export function frame(
  opcode: number,
  payload: string | Buffer,
  { fin = true, masked = true, reserved = 0 } = {},
): Buffer {
  const body = Buffer.from(payload);
  const length = Buffer.alloc(body.length < 126 ? 1 : body.length < 65_536 ? 3 : 9);
  if (length.length === 1) length[0] = body.length;
  else if (length.length === 3) length.writeUInt16BE(body.length, 1);
  else length.writeBigUInt64BE(BigInt(body.length), 1);
  if (length.length > 1) length[0] = length.length === 3 ? 126 : 127;
  const first = Buffer.from([(fin ? 0x80 : 0) | (reserved << 4) | opcode]);
  if (!masked) return Buffer.concat([first, length, body]);
  length[0]! |= 0x80;
  const mask = randomBytes(4);
  const hidden = Buffer.from(body.map((byte, i) => byte ^ mask[i % 4]!));
  return Buffer.concat([first, length, mask, hidden]);
}

/** The head of a masked frame alone, with its length in a form of 7, 16 or 64 bits. */
export function frameHead(opcode: number, form: 7 | 16 | 64, length: bigint, fin = true): Buffer {
  const octets = { 7: 0, 16: 2, 64: 8 }[form];
  const head = Buffer.alloc(2 + octets + 4);
  head[0] = (fin ? 0x80 : 0) | opcode;
  head[1] = 0x80 | (form === 7 ? Number(length) : form === 16 ? 126 : 127);
  if (form === 16) head.writeUInt16BE(Number(length), 2);
  if (form === 64) head.writeBigUInt64BE(length, 2);
  return head; // the mask is zero
}

/** The socket's end, however it came about; once() would make a reset an error. */
export function ended(socket: Socket): Promise<void> {
  return new Promise((resolve) => (socket.closed ? resolve() : socket.once("close", resolve)));
}

/** Sends bytes on a connection of their own and returns all that comes back until its end. */
export async function exchange(server: Server, ...parts: Array<string | Buffer>): Promise<string> {
  const socket = connect(server.port, "127.0.0.1");
  socket.on("error", () => {}); // shows as the end
  socket.setEncoding("latin1");
  let answer = "";
  socket.on("data", (data) => (answer += data));
  for (const part of parts) {
    socket.write(typeof part === "string" ? Buffer.from(part, "latin1") : part);
  }
  try {
    await within(ended(socket), "the end of a connection");
  } catch (error) {
    throw new Error(`${(error as Error).message}, so far: ${answer}`);
  } finally {
    socket.destroy();
  }
  return answer;
}

/** A request head for the WebSocket handshake; a header set to undefined is left out. */
export function upgradeRequest(
  path: string,
  headers: Record<string, string | undefined> = {},
  requestLine = `GET ${path} HTTP/1.1`,
): string {
  const all = {
    Host: "127.0.0.1",
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    ...headers,
  };
  const lines = Object.entries(all).flatMap(([k, v]) => (v === undefined ? [] : [`${k}: ${v}`]));
  return [requestLine, ...lines, "", ""].join("\r\n");
}

/** One TCP connection: an HTTP head is read first, WebSocket frames after a switch. */
export class Wire {
  readonly frames = new Arrivals<Frame>();
  private readonly heads = new Arrivals<string>();
  private readonly end: Promise<unknown>;
  private upgraded = false;
  private bodyBytes = 0; // of the response whose head came last, still to be skipped
  private received: Buffer = Buffer.alloc(0);

  private constructor(readonly socket: Socket) {
    socket.on("data", (data) => this.read(data));
    socket.on("error", () => {}); // shows as the end
    this.end = ended(socket).then(() => {
      this.heads.end("the connection ended");
      this.frames.end("the connection ended");
    });
  }

  /** Connects, from the address `from` if that matters: all of 127.0.0.0/8 is this machine. */
  static async open(t: Cleanup, server: Server, from?: string): Promise<Wire> {
    const wire = new Wire(connect({ port: server.port, host: "127.0.0.1", localAddress: from }));
    t.after(() => wire.socket.destroy());
    await within(once(wire.socket, "connect"), "a TCP connection");
    return wire;
  }

  static async upgrade(t: Cleanup, server: Server, path: string): Promise<Wire> {
    const wire = await Wire.open(t, server);
    const head = await wire.request(upgradeRequest(path));
    if (!head.startsWith("HTTP/1.1 101 ")) throw new Error(`no upgrade: ${head}`);
    return wire;
  }

  /** Sends a request and returns the head of the answer. */
  async request(text: string): Promise<string> {
    this.socket.write(text);
    return this.head();
  }

  /** The status of the answer that comes next. */
  async status(): Promise<number> {
    return Number((await this.head()).split(" ")[1]);
  }

  async head(): Promise<string> {
    return this.heads.take("a response head");
  }

  send(...parts: Buffer[]): void {
    this.socket.write(Buffer.concat(parts));
  }

  async frame(): Promise<Frame> {
    return this.frames.take("a frame");
  }

  /** The code of the close frame that comes next. */
  async closeCode(): Promise<number> {
    return (await this.close()).code;
  }

  async close(): Promise<{ code: number; reason: string }> {
    const { payload } = await this.frames.take("a close frame", (f) => f.opcode === Opcode.Close);
    const code = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
    return { code, reason: payload.subarray(2).toString() };
  }

  async ended(): Promise<void> {
    await within(this.end, "the connection's end");
  }

  private read(data: Buffer): void {
    this.received = this.received.length === 0 ? data : Buffer.concat([this.received, data]);
    while (!this.upgraded) {
      const skipped = Math.min(this.bodyBytes, this.received.length);
      this.received = this.received.subarray(skipped);
      this.bodyBytes -= skipped;
      const end = this.received.indexOf("\r\n\r\n");
      if (end < 0) return;
      const head = this.received.subarray(0, end).toString("latin1");
      this.received = this.received.subarray(end + 4);
      this.upgraded = head.startsWith("HTTP/1.1 101 ");
      this.bodyBytes = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
      this.heads.add(head);
    }
    this.readFrames();
  }

  private readFrames(): void {
    for (;;) {
      const bytes = this.received;
      if (bytes.length < 2) return;
      const short = bytes[1]! & 0x7f;
      const start = short === 126 ? 4 : short === 127 ? 10 : 2;
      if (bytes.length < start) return;
      const length =
        short === 126 ? bytes.readUInt16BE(2)
        : short === 127 ? Number(bytes.readBigUInt64BE(2))
        : short;
      if (bytes.length < start + length) return;
      this.frames.add({
        fin: (bytes[0]! & 0x80) !== 0,
        opcode: bytes[0]! & 0x0f,
        payload: bytes.subarray(start, start + length),
      });
      this.received = bytes.subarray(start + length);
    }
  }
}
