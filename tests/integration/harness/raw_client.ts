// SPDX-License-Identifier: Apache-2.0
// A client that says exactly what a test tells it to: Centrifuge JSON over one WebSocket.
import { once } from "node:events";
import WebSocket, { type ClientOptions } from "ws";
import { Arrivals, within } from "./deadline.ts";
import type { Cleanup } from "./server.ts";

export interface Reply {
  id?: number;
  error?: { code: number; message: string; temporary?: boolean };
  push?: { channel?: string; pub?: { data: unknown; info?: { user: string; client: string } } };
  [result: string]: unknown;
}

export interface Close {
  code: number;
  reason: string;
}

export class RawClient {
  readonly replies = new Arrivals<Reply>();
  private readonly closing: Promise<Close>;
  private nextId = 1;

  private constructor(readonly socket: WebSocket) {
    socket.on("message", (data) => {
      for (const line of data.toString().split("\n")) this.replies.add(JSON.parse(line));
    });
    this.closing = once(socket, "close").then(([code, reason]) => {
      this.replies.end(`the server closed with ${code} "${reason}"`);
      return { code, reason: String(reason) };
    });
    socket.on("error", () => {}); // a broken connection shows as its close
  }

  static async open(t: Cleanup, url: string, options: ClientOptions = {}): Promise<RawClient> {
    const client = new RawClient(new WebSocket(url, options));
    t.after(() => client.socket.terminate());
    const refused = client.closing.then(() => Promise.reject(new Error("refused")));
    await within(Promise.race([once(client.socket, "open"), refused]), "an open WebSocket");
    refused.catch(() => {});
    return client;
  }

  /** Opens and connects; the connect command carries `request`. */
  static async connect(t: Cleanup, url: string, request: object = {}): Promise<RawClient> {
    const client = await RawClient.open(t, url);
    const reply = await client.call({ connect: request });
    if (reply.error) throw new Error(`connect failed: ${JSON.stringify(reply.error)}`);
    return client;
  }

  sendText(text: string): void {
    this.socket.send(text);
  }

  /** Sends one command with the next id and returns that id. */
  send(command: object): number {
    const id = this.nextId++;
    this.sendText(JSON.stringify({ id, ...command }));
    return id;
  }

  async call(command: object): Promise<Reply> {
    return this.replyTo(this.send(command));
  }

  async replyTo(id: number): Promise<Reply> {
    return this.replies.take(`the reply to command ${id}`, (reply) => reply.id === id);
  }

  async push(): Promise<NonNullable<Reply["push"]>> {
    return (await this.replies.take("a push", (reply) => reply.push !== undefined)).push!;
  }

  async ping(): Promise<void> {
    await this.replies.take("a ping", (reply) => Object.keys(reply).length === 0);
  }

  pong(): void {
    this.sendText("{}");
  }

  async closed(): Promise<Close> {
    return within(this.closing, "the server's close");
  }
}
