// SPDX-License-Identifier: Apache-2.0
// A client that does what a script says, over one WebSocket.
import { once } from "node:events";
import WebSocket from "ws";
import { within } from "../../integration/harness/deadline.ts";
import { type Codec, codecs, type Encoding, type Message } from "./codec.ts";

/** No server under test takes longer for anything a script waits for. */
const PATIENCE_MS = 6_000;

export interface Opening {
  path?: string;
  protocols?: string[];
  headers?: Record<string, string>;
}

export class ScriptedClient {
  /** Set by a successful reply to connect: the client can be asked whether there is more. */
  connected = false;
  private readonly codec: Codec;
  private readonly arrived: Message[] = [];
  private end: Message | undefined;
  private nextId = 1;
  private wake: () => void = () => {};

  private constructor(private readonly socket: WebSocket, encoding: Encoding) {
    this.codec = codecs[encoding];
    socket.on("message", (data: Buffer, binary: boolean) => {
      try {
        this.arrived.push(...this.codec.decode(data, binary));
      } catch (error) {
        this.arrived.push({ undecodable: String(error), data: data.toString("latin1") });
      }
      this.wake();
    });
    socket.on("close", (code, reason) => {
      this.end = { closed: { code, reason: String(reason) } };
      this.wake();
    });
    socket.on("error", () => {}); // shows as the close
  }

  /** An open client, or the status of the answer that refused it. */
  static async open(
    url: string,
    encoding: Encoding,
    opening: Opening,
  ): Promise<{ client?: ScriptedClient; got: Message }> {
    const protocols =
      opening.protocols ?? (encoding === "protobuf" ? ["centrifuge-protobuf"] : []);
    const socket = new WebSocket(url, protocols, { headers: opening.headers });
    const client = new ScriptedClient(socket, encoding);
    const refusal = new Promise<number>((resolve) => {
      socket.once("unexpected-response", (_, response) => {
        response.resume();
        resolve(response.statusCode!);
      });
      socket.once("close", () => resolve(0));
    });
    const opened = once(socket, "open").then(() => 101, () => 0);
    const status = await within(Promise.race([opened, refusal]), "the handshake's answer");
    if (status !== 101) {
      socket.terminate();
      return { got: { status } };
    }
    return { client, got: { status, protocol: socket.protocol } };
  }

  /** The command with the next id, if it has none yet. */
  numbered(command: Message): Message {
    return "id" in command ? command : { id: this.nextId++, ...command };
  }

  send(commands: Message[]): void {
    this.socket.send(this.codec.encode(commands));
  }

  sendRaw(frame: string | Buffer): void {
    this.socket.send(frame);
  }

  /** The next `count` replies; fewer, and why, if no more come. */
  async take(count: number): Promise<Message[]> {
    const complete = async () => {
      while (this.arrived.length < count && !this.end) await this.change();
    };
    const late = await inTime(complete());
    const taken = this.arrived.splice(0, count);
    if (taken.length < count) taken.push(this.end ?? { late });
    return taken;
  }

  /** All that comes before the reply with that id, which is left out. */
  async takeBefore(id: number): Promise<Message[]> {
    const taken: Message[] = [];
    for (;;) {
      const [next] = await this.take(1);
      if (next === undefined || next.id === id) return taken;
      taken.push(next);
      if ("closed" in next || "late" in next) return taken;
    }
  }

  async closed(): Promise<Message[]> {
    const complete = async () => {
      while (!this.end) await this.change();
    };
    const late = await inTime(complete());
    return [...this.arrived.splice(0), this.end ?? { late }];
  }

  get isClosed(): boolean {
    return this.end !== undefined;
  }

  terminate(): void {
    this.socket.terminate();
  }

  close(): void {
    this.socket.close();
  }

  private async change(): Promise<void> {
    await new Promise<void>((resolve) => (this.wake = resolve));
  }
}

async function inTime(promise: Promise<void>): Promise<string> {
  const nothing = "nothing came";
  await within(promise, nothing, PATIENCE_MS).catch(() => {});
  return nothing;
}
