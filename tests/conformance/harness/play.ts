// SPDX-License-Identifier: Apache-2.0
// Plays a session against a server and writes down what came back.
import { createHmac } from "node:crypto";
import { ScriptedClient } from "./client.ts";
import type { Encoding, Message } from "./codec.ts";
import { API_KEY, BASE, SECRET } from "./configuration.ts";
import { actual, Names, normal } from "./normal.ts";
import type { Session, Step } from "./session.ts";
import { ask, StreamClient } from "./stream_client.ts";
import { merged, startTarget, type Target, url } from "./target.ts";

export interface Entry {
  /** What was done, as its author wrote it. */
  step: Step | { left_over: string };
  /** What came of it. */
  got: unknown[];
}

const BARRIER_ID = 1_000_000;

/** The transcript of a session, played with a server of its own. */
export async function play(session: Session, encoding: Encoding): Promise<Entry[]> {
  const ends: Array<() => unknown> = [];
  try {
    const configuration = merged(BASE, session.configuration ?? {});
    const target = await startTarget({ after: (end) => ends.unshift(end) }, configuration);
    return await new Play(target, encoding).run(session.steps);
  } finally {
    for (const end of ends) await end();
  }
}

class Play {
  private readonly names = new Names();
  private readonly clients = new Map<string, ScriptedClient>();
  private readonly streams = new Map<string, StreamClient>();
  private readonly transcript: Entry[] = [];

  constructor(private readonly target: Target, private readonly encoding: Encoding) {}

  async run(steps: Step[]): Promise<Entry[]> {
    try {
      for (const step of steps) {
        const got = await this.take(step);
        this.note(step, got);
        // Whatever follows would only repeat that something is missing, each time after a wait.
        if (got.some((message) => "late" in message || "gone" in message)) break;
      }
      for (const [name, client] of this.clients) {
        if (!client.connected || client.isClosed) continue;
        const rest = await this.before(client);
        if (rest.length > 0) this.note({ left_over: name }, rest);
      }
    } finally {
      for (const client of this.clients.values()) client.terminate();
      for (const client of this.streams.values()) client.close();
    }
    return this.transcript;
  }

  private note(step: Entry["step"], got: Message[]): void {
    this.transcript.push({ step, got: normal(got, this.names) as unknown[] });
  }

  private async take(step: Step): Promise<Message[]> {
    if ("open" in step) return this.open(step.open, step);
    if ("api" in step) return [await this.api(step.api, step.body, step.headers)];
    if ("history" in step) return this.fill(step.history);
    if ("stream" in step) return this.stream(step);
    if ("heard" in step) return this.streams.get(step.heard)!.take(step.count);
    if ("emulate" in step) return [await this.emulate(step.emulate, step.commands)];
    if ("request" in step) {
      const body = step.body?.replace(/^<x:(\d+)>$/, (_, count) => "x".repeat(Number(count)));
      return [await ask(url(this.target), { ...step, method: step.request, body })];
    }
    const client = this.client(step);
    if (client === undefined) return [{ gone: "this client is not open" }];
    if ("send" in step) return this.send(client, step.commands);
    if ("call" in step) return this.call(client, step.command);
    if ("text" in step) {
      client.sendRaw(String(this.actual(step.frame)));
      return [];
    }
    if ("bytes" in step) {
      client.sendRaw(Buffer.from(step.hex, "hex"));
      return [];
    }
    if ("frames" in step) {
      const got = await client.take(step.count);
      return step.unordered ? sorted(got, this.names) : got;
    }
    if ("settle" in step) return this.before(client, step.through);
    if ("hangup" in step) client.close();
    return client.closed();
  }

  private async open(name: string, how: { path?: string }): Promise<Message[]> {
    const path = how.path ?? "/connection/websocket";
    const address = url(this.target).replace("http", "ws") + path;
    const { client, got } = await ScriptedClient.open(address, this.encoding, how);
    if (client) this.clients.set(name, client);
    return [got];
  }

  private async stream(step: { stream: string; path: string; method: string;
    commands: Array<Message | string>; }): Promise<Message[]> {
    const { path, method } = step;
    const body = method === "POST" ? { body: this.lines(step.commands) } : {};
    const { client, got } = await StreamClient.open(url(this.target), { path, method, ...body });
    this.streams.set(step.stream, client);
    return [got];
  }

  private emulate(name: string, commands: Array<Message | string>): Promise<Message> {
    const { session, node } = this.streams.get(name)!.name;
    const body = JSON.stringify({ session, node, data: this.lines(commands) });
    const headers = { "Content-Type": "application/json" };
    return ask(url(this.target), { path: "/emulation", body, headers });
  }

  private lines(commands: Array<Message | string>): string {
    const line = (command: Message | string) =>
      typeof command === "string" ? command : JSON.stringify(this.actual(command));
    return commands.map(line).join("\n");
  }

  private client(step: Step): ScriptedClient | undefined {
    const [name] = Object.values(step);
    const client = this.clients.get(name as string);
    const talks = ["send", "call", "text", "bytes", "settle"].some((kind) => kind in step);
    return client?.isClosed && talks ? undefined : client;
  }

  private send(client: ScriptedClient, commands: Message[]): Message[] {
    client.send(commands.map((command) => client.numbered(this.actual(command) as Message)));
    return [];
  }

  private async call(client: ScriptedClient, command: Message): Promise<Message[]> {
    this.send(client, [command]);
    const got = await client.take(1);
    if (got[0] && "connect" in got[0]) client.connected = true;
    return got;
  }

  /**
   * All that comes before the reply to a command that every server answers at once, or to one that
   * goes the way of the channel's publications. Asked twice: a server of several threads may answer
   * the first before it looks at what another thread has sent it meanwhile, but not the second.
   */
  private async before(client: ScriptedClient, through?: string): Promise<Message[]> {
    const request = through
      ? { history: { channel: through } }
      : { unsubscribe: { channel: "barrier" } };
    const got: Message[] = [];
    for (let asked = 0; asked < 2 && !client.isClosed; asked += 1) {
      client.send([{ id: BARRIER_ID, ...request }]);
      got.push(...(await client.takeBefore(BARRIER_ID)));
    }
    return got;
  }

  private async api(method: string, body: unknown, headers = {}): Promise<Message> {
    const response = await fetch(`${url(this.target)}/api/${method}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-API-Key": API_KEY, ...headers },
      body: typeof body === "string" ? body : JSON.stringify(this.actual(body)),
    });
    const text = await response.text();
    return { status: response.status, body: parsed(text) };
  }

  private async fill({ channel, from, to }: { channel: string; from: number; to: number }) {
    const commands = [];
    for (let n = from; n <= to; n += 1) commands.push({ publish: { channel, data: { n } } });
    // In pieces that are small enough for every server.
    for (let i = 0; i < commands.length; i += 100) {
      const answer = await this.api("batch", { commands: commands.slice(i, i + 100) });
      const { replies } = answer.body as { replies?: Array<{ publish?: unknown }> };
      if (!replies?.every((reply) => reply.publish)) return [{ unpublished: answer }];
    }
    return [];
  }

  private actual(value: unknown): unknown {
    return actual(value, this.names, sign);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function sorted(messages: Message[], names: Names): Message[] {
  const text = (message: Message) => JSON.stringify(normal(message, names));
  return [...messages].sort((a, b) => (text(a) < text(b) ? -1 : 1));
}

const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");

export function sign(claims: Message, key = SECRET): string {
  const text = `${encoded({ alg: "HS256", typ: "JWT" })}.${encoded(claims)}`;
  return `${text}.${createHmac("sha256", key).update(text).digest("base64url")}`;
}
