// SPDX-License-Identifier: Apache-2.0
// Clients without a WebSocket: HTTP-stream, SSE and their emulation, and those that only listen.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createConnection } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Centrifuge, type TransportName } from "centrifuge";
import { type Browser, chromium } from "playwright-core";
import { publish } from "./harness/api.ts";
import { Arrivals, DEADLINE_MS, within } from "./harness/deadline.ts";
import { metricBecomes } from "./harness/metrics.ts";
import { connected, Subscriber } from "./harness/sdk.ts";
import { type Cleanup, type Configuration, ROOT, Server, VARIANTS } from "./harness/server.ts";

const STREAMS: Configuration = {
  "http_stream.enabled": true,
  "sse.enabled": true,
  "uni_http_stream.enabled": true,
  "uni_sse.enabled": true,
  "uni_websocket.enabled": true,
  "init.enabled": true,
  // What a client that only listens may wish for.
  "channel.without_namespace.allow_subscribe_for_client": true,
  "channel.without_namespace.allow_subscribe_for_anonymous": true,
};

/** The body in the pieces in which it comes. */
async function* textOf(response: Response): AsyncGenerator<string> {
  const reader = response.body!.getReader();
  const decoder = new TextDecoder();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield decoder.decode(value, { stream: true });
  }
}

/** What browsers have and this Node has not: events of a stream, by fetch. */
class EventSource {
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onerror: ((error: unknown) => void) | null = null;
  private readonly abort = new AbortController();

  constructor(url: string) {
    this.run(url).catch((error) => this.abort.signal.aborted || this.onerror?.(error));
  }

  close(): void {
    this.abort.abort();
  }

  private async run(url: string): Promise<void> {
    const response = await fetch(url, { signal: this.abort.signal });
    assert.equal(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
    this.onopen?.();
    let text = "";
    for await (const bytes of textOf(response)) {
      text += bytes;
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        const data = /^data: (.*)$/m.exec(text.slice(0, end));
        text = text.slice(end + 2);
        if (data) this.onmessage?.({ data: data[1]! });
      }
    }
    this.onerror?.(new Error("the stream has ended"));
  }
}

function streamClient(t: Cleanup, server: Server, transport: TransportName): Centrifuge {
  const endpoint = `${server.url}/connection/${transport}`;
  const client = new Centrifuge([{ transport, endpoint }], {
    emulationEndpoint: `${server.url}/emulation`,
    eventsource: EventSource,
    fetch,
    readableStream: ReadableStream,
    minReconnectDelay: 20,
    maxReconnectDelay: 200,
    timeout: DEADLINE_MS,
  });
  t.after(() => client.disconnect());
  return client;
}

/** The lines of a response that does not end, as they come. */
async function linesOf(t: Cleanup, url: string, body?: string): Promise<Arrivals<string>> {
  const abort = new AbortController();
  t.after(() => abort.abort());
  const request = body === undefined ? {} : { method: "POST", body };
  const response = await within(fetch(url, { ...request, signal: abort.signal }), "the head");
  assert.equal(response.status, 200);
  const lines = new Arrivals<string>();
  const read = async () => {
    let text = "";
    for await (const bytes of textOf(response)) {
      const parts = (text + bytes).split("\n");
      text = parts.pop()!;
      for (const line of parts.filter((part) => part.trim() !== "")) lines.add(line);
    }
    lines.add("the end");
  };
  read().catch((error) => lines.end(String(error)));
  return lines;
}

for (const variant of VARIANTS) {
  describe(`streams over HTTP (${variant.io}, ${variant.shards} shards)`, () => {
    const server = Server.forSuite({ ...variant, configuration: STREAMS });

    for (const transport of ["http_stream", "sse"] as const) {
      test(`the SDK subscribes, publishes and receives over ${transport}`, async (t) => {
        const channel = `room-${transport}`;
        const [a, b] = [streamClient(t, server, transport), streamClient(t, server, transport)];
        await Promise.all([connected(a), connected(b)]);
        const [atA, atB] = [await Subscriber.join(a, channel), await Subscriber.join(b, channel)];
        await atA.subscription.publish({ n: 1 });
        await b.publish(channel, { n: 2 });
        await publish(server, { channel, data: { n: 3 } });
        for (const subscriber of [atA, atB]) {
          assert.deepEqual(await subscriber.data(3), [{ n: 1 }, { n: 2 }, { n: 3 }]);
        }
        await metricBecomes(
          server, `sanjay_transport_connections{transport="${transport}"}`, 2);
        a.disconnect();
        await metricBecomes(
          server, `sanjay_transport_connections{transport="${transport}"}`, 1);
      });
    }

    test("clients that only listen hear what they wished for", async (t) => {
      const wish = JSON.stringify({ subs: { news: {} } });
      const streams = await Promise.all([
        linesOf(t, `${server.url}/connection/uni_http_stream`, wish),
        linesOf(t, `${server.url}/connection/uni_sse?cf_connect=${encodeURIComponent(wish)}`),
      ]);
      for (const stream of streams) {
        const line = await stream.take("connect");
        assert.match(line, /^(data: )?{"connect":{"client":"[^"]+".*"subs":{"news":{}}/);
      }
      await publish(server, { channel: "news", data: { n: 1 } });
      const push = '{"channel":"news","pub":{"data":{"n":1}}}';
      assert.deepEqual(await Promise.all(streams.map((s) => s.take("push"))), [
        push,
        `data: ${push}`,
      ]);
    });

    test("an HTTP/1.0 client is sent the bare body", async (t) => {
      const socket = createConnection(server.port, "127.0.0.1");
      t.after(() => socket.destroy());
      const pieces = new Arrivals<string>();
      let text = "";
      socket.setEncoding("utf8").on("data", (piece) => pieces.add((text += piece)));
      const body = JSON.stringify({ id: 1, connect: {} });
      socket.write(`POST /connection/http_stream HTTP/1.0\r\nContent-Length: ${body.length}\r\n` +
        `\r\n${body}`);
      await pieces.take("the reply", (all) => all.endsWith("}\n"));
      assert.match(text, /\r\nConnection: close\r\n\r\n{"id":1,"connect":{.*}\n$/s);
      assert.doesNotMatch(text, /Transfer-Encoding/);
    });

    test("who guesses a session reaches nobody", async () => {
      const body = { session: "A".repeat(56), node: "none", data: "{}" };
      const status = async (fields: object) =>
        (await fetch(`${server.url}/emulation`, {
          method: "POST",
          body: JSON.stringify({ ...body, ...fields }),
        })).status;
      assert.equal(await status({}), 404);
      const info = await fetch(`${server.url}/api/info`, { method: "POST", body: "{}" });
      const { result } = (await info.json()) as { result: { nodes: Array<{ uid: string }> } };
      assert.equal(await status({ node: result.nodes[0]!.uid }), 204);
      await metricBecomes(server, 'sanjay_emulation_requests_total{result="unknown"}', 1);
    });
  });
}

test("a server that stops says so down every stream and ends it", async (t) => {
  const server = await Server.start(t, { configuration: STREAMS, shards: 2 });
  const url = `${server.url}/connection`;
  const connect = JSON.stringify({ id: 1, connect: {} });
  const streams = await Promise.all([
    linesOf(t, `${url}/http_stream`, connect),
    linesOf(t, `${url}/uni_sse`),
  ]);
  for (const stream of streams) await stream.take("connect");
  await server.stop();
  const end = '{"disconnect":{"code":3001,"reason":"shutdown"}}';
  assert.deepEqual(await Promise.all(streams.map((s) => s.take("why"))), [
    `{"push":${end}}`,
    `data: ${end}`,
  ]);
  for (const stream of streams) assert.equal(await stream.take("the end"), "the end");
});

describe("in a browser, on a page of another origin", () => {
  const sdk = readFileSync(
    join(ROOT, "tests/integration/node_modules/centrifuge/dist/centrifuge.js"));
  const executablePath = spawnSync("which", ["chromium"], { encoding: "utf8" }).stdout.trim();
  let browser: Browser;
  let origin: string;
  const pages = createServer((request, response) => {
    const script = request.url === "/sdk.js";
    response.setHeader("Content-Type", script ? "text/javascript" : "text/html");
    response.end(script ? sdk : '<!doctype html><script src="/sdk.js"></script>');
  });
  before(async () => {
    await new Promise<void>((resolve) => pages.listen(0, "127.0.0.1", resolve));
    origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
    browser = await chromium.launch({
      executablePath,
      args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
    });
  });
  after(async () => {
    await browser?.close();
    pages.close();
  });

  /** What the page is told: its client's state, and what it heard. */
  async function attempt(server: Server, transport: string): Promise<unknown> {
    const page = await browser.newPage();
    page.setDefaultTimeout(DEADLINE_MS);
    await page.goto(`${origin}/`);
    const heard = page.evaluate(
      ([url, name]) =>
        new Promise((resolve) => {
          // eslint-disable-next-line @typescript-eslint/no-explicit-any
          const client = new (globalThis as any).Centrifuge(
            [{ transport: name, endpoint: `${url}/connection/${name}` }],
            { emulationEndpoint: `${url}/emulation`, emulationCredentials: "include" },
          );
          client.on("error", () => resolve("refused"));
          const subscription = client.newSubscription("chat");
          subscription.on("publication", (event: { data: unknown }) => resolve(event.data));
          subscription.on("subscribed", () => subscription.publish({ from: name }));
          subscription.subscribe();
          client.connect();
        }),
      [server.url, transport],
    );
    const answer = await within(heard, `${transport} in the browser`);
    await page.close();
    return answer;
  }

  test("it is served if its origin is allowed, and else refused", async (t) => {
    const configuration = { ...STREAMS, "client.allowed_origins": [origin] };
    const server = await Server.start(t, { configuration, shards: 2 });
    for (const transport of ["http_stream", "sse"]) {
      assert.deepEqual(await attempt(server, transport), { from: transport });
    }
    const other = await Server.start(t, {
      configuration: { ...STREAMS, "client.allowed_origins": ["https://other.example"] },
    });
    for (const transport of ["http_stream", "sse"]) {
      assert.equal(await attempt(other, transport), "refused");
    }
  });
});
