// SPDX-License-Identifier: Apache-2.0
// A client that does what a script says, over the response to one HTTP request.
import { request } from "node:http";
import type { Message } from "./codec.ts";

/** No server under test takes longer for anything a script waits for. */
const PATIENCE_MS = 6_000;

export interface Asking {
  method?: string;
  path: string;
  body?: string;
  headers?: Record<string, string>;
}

/** The answer to a request that ends. */
export async function ask(url: string, how: Asking): Promise<Message> {
  const response = await fetch(url + how.path, {
    method: how.method ?? "POST",
    body: how.body,
    headers: how.headers,
  });
  const body = await response.text();
  const headers: Message = {};
  response.headers.forEach((value, name) => {
    if (how.headers?.Origin && name.startsWith("access-control-")) headers[name] = value;
  });
  // What a refusal says in words is every server's own.
  return { status: response.status, ...headers, ...(response.ok && body ? { body } : {}) };
}

export class StreamClient {
  private readonly arrived: Message[] = [];
  private text = "";
  private ended = false;
  private wake: () => void = () => {};
  private connect: Message = {};

  private constructor(private readonly stop: () => void) {}

  /** What the head of the response says, and a client if it is a stream. */
  static open(url: string, how: Asking): Promise<{ client: StreamClient; got: Message }> {
    return new Promise((resolve, reject) => {
      const asked = request(url + how.path, {
        method: how.method ?? "POST",
        headers: how.headers,
      });
      const client = new StreamClient(() => asked.destroy());
      asked.on("error", (error) => (client.ended ? undefined : reject(error)));
      asked.on("response", (response) => {
        response.setEncoding("utf8");
        const streams = response.statusCode === 200;
        response.on("data", (piece) => (streams ? client.take_in(piece) : undefined));
        response.on("close", () => client.finish());
        const { "content-type": type, "cache-control": cache } = response.headers;
        const got = response.statusCode === 200 ? { type, cache } : {};
        resolve({ client, got: { status: response.statusCode!, ...got } });
      });
      asked.end(how.body);
    });
  }

  /** Session and node, as the reply to connect has them. */
  get name(): { session?: unknown; node?: unknown } {
    return { session: this.connect.session, node: this.connect.node };
  }

  /** The next `count` messages; fewer, and why, if no more come. */
  async take(count: number): Promise<Message[]> {
    const end = Date.now() + PATIENCE_MS;
    while (this.arrived.length < count && !this.ended && Date.now() < end) {
      const timer = setTimeout(() => this.wake(), end - Date.now());
      await new Promise<void>((resolve) => (this.wake = resolve));
      clearTimeout(timer);
    }
    const taken = this.arrived.splice(0, count);
    if (taken.length < count) taken.push(this.ended ? { ended: true } : { late: true });
    return taken;
  }

  close(): void {
    this.ended = true;
    this.stop();
  }

  private take_in(piece: string): void {
    const lines = (this.text + piece).split("\n");
    this.text = lines.pop()!;
    for (const line of lines.map((l) => l.trim().replace(/^data: /, ""))) {
      if (line === "") continue;
      const message = JSON.parse(line) as Message;
      if ("connect" in message) this.connect = message.connect as Message;
      this.arrived.push(message);
    }
    this.wake();
  }

  private finish(): void {
    this.ended = true;
    this.wake();
  }
}
