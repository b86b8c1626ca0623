// SPDX-License-Identifier: Apache-2.0
// Whose address a connection has, and how many an address and the server may have. Every address
// of 127.0.0.0/8 is this machine, so clients and proxies are told apart by where they connect from.
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { describe, test } from "node:test";
import { within } from "./harness/deadline.ts";
import { type Cleanup, type Configuration, Server, VARIANTS } from "./harness/server.ts";
import { frame, Opcode, upgradeRequest, Wire } from "./harness/wire.ts";

const PATH = "/connection/websocket";
const PROXY = "127.0.0.99";

type Headers = Record<string, string>;

interface Attempt {
  wire: Wire;
  status: number;
  head: string;
}

/** Connects from an address and asks for a WebSocket, with bytes before the request if given. */
async function attempt(
  t: Cleanup,
  server: Server,
  from: string,
  { headers = {}, before = "" }: { headers?: Headers; before?: string | Buffer } = {},
): Promise<Attempt> {
  const wire = await Wire.open(t, server, from);
  wire.send(Buffer.from(before), Buffer.from(upgradeRequest(PATH, headers)));
  const head = await wire.head();
  return { wire, head, status: Number(head.split(" ")[1]) };
}

function forwarded(list: string): { headers: Headers } {
  return { headers: { "X-Forwarded-For": list } };
}

/** A header of the PROXY protocol, version 2, for an IPv4 client. */
function proxyV2(client: string): Buffer {
  const address = Buffer.from(client.split(".").map(Number));
  const signature = Buffer.from("0d0a0d0a000d0a515549540a", "hex");
  const tail = Buffer.from("7f00000112678000", "hex"); // our address, both ports
  return Buffer.concat([signature, Buffer.from([0x21, 0x11, 0, 12]), address, tail]);
}

const proxyV1 = (client: string) => `PROXY TCP4 ${client} 127.0.0.1 4711 8000\r\n`;

function retryAfter(head: string): number {
  return Number(/^retry-after: (\d+)$/im.exec(head)?.[1]);
}

for (const variant of VARIANTS) {
  describe(`addresses (${variant.io}, shards: ${variant.shards})`, () => {
    const start = (t: Cleanup, configuration: Configuration) =>
      Server.start(t, { ...variant, configuration });

    test("an address may have N connections, the next gets 429, a close makes room", async (t) => {
      const server = await start(t, { "client.connection_limit_per_address": 3 });
      const held: Wire[] = [];
      for (let n = 0; n < 3; n += 1) {
        const { wire, status } = await attempt(t, server, "127.0.0.1");
        assert.equal(status, 101);
        held.push(wire);
      }
      const refused = await attempt(t, server, "127.0.0.1");
      assert.equal(refused.status, 429);
      assert.ok(retryAfter(refused.head) >= 1 && retryAfter(refused.head) <= 5, refused.head);
      await refused.wire.ended();
      assert.equal((await attempt(t, server, "127.0.0.2")).status, 101, "another address");

      held[0]!.send(frame(Opcode.Close, Buffer.from([0x03, 0xe8])));
      assert.equal(await held[0]!.closeCode(), 1000);
      await held[0]!.ended();
      // The server hears of our end a moment after we do; a refused attempt holds no place.
      const again = async () => {
        while ((await attempt(t, server, "127.0.0.1")).status !== 101);
      };
      await within(again(), "the place of the closed connection");
      assert.equal((await attempt(t, server, "127.0.0.1")).status, 429, "and only that one");
    });

    test("many addresses do not disturb one another", async (t) => {
      const server = await start(t, { "client.connection_limit_per_address": 2 });
      const addresses = Array.from({ length: 40 }, (_, n) => `127.0.1.${n + 1}`);
      const outcomes = await Promise.all(
        addresses.map(async (from) => {
          const three = [1, 2, 3].map(() => attempt(t, server, from));
          return (await Promise.all(three)).map(({ status }) => status).sort();
        }),
      );
      assert.deepEqual(outcomes, addresses.map(() => [101, 101, 429]));
    });

    test("the connections of the process are limited too", async (t) => {
      const server = await start(t, { "client.connection_limit": 2 });
      assert.equal((await attempt(t, server, "127.0.0.1")).status, 101);
      assert.equal((await attempt(t, server, "127.0.0.2")).status, 101);
      const refused = await attempt(t, server, "127.0.0.3");
      assert.equal(refused.status, 503);
      assert.ok(retryAfter(refused.head) >= 1, refused.head);
    });

    test("who is refused and stays on takes no place of others", async (t) => {
      const server = await start(t, {
        "client.connection_limit": 3,
        "client.connection_limit_per_address": 1,
      });
      assert.equal((await attempt(t, server, "127.0.0.1")).status, 101);
      for (let n = 0; n < 5; n += 1) {
        const where = { port: server.port, host: "127.0.0.1", localAddress: "127.0.0.1" };
        const socket = connect({ ...where, allowHalfOpen: true }); // hears the end, does not end
        t.after(() => socket.destroy());
        socket.resume();
        await within(once(socket, "end"), "the end of the refusal");
      }
      assert.equal((await attempt(t, server, "127.0.0.2")).status, 101);
      assert.equal((await attempt(t, server, "127.0.0.3")).status, 101);
      assert.equal((await attempt(t, server, "127.0.0.4")).status, 503);
    });

    test("new connections beyond the rate get 503", async (t) => {
      const rate = 5;
      const server = await start(t, { "client.connection_rate_limit": rate });
      const begin = performance.now();
      const attempts = await Promise.all(
        Array.from({ length: 60 }, () => attempt(t, server, "127.0.0.1")),
      );
      const seconds = (performance.now() - begin) / 1000;
      const admitted = attempts.filter(({ status }) => status === 101).length;
      assert.ok(admitted >= rate, `${admitted} were admitted`);
      assert.ok(admitted <= rate + rate * seconds, `${admitted} in ${seconds} s were admitted`);
      for (const { status, head } of attempts) {
        if (status === 101) continue;
        assert.equal(status, 503);
        assert.ok(retryAfter(head) >= 1, head);
      }
      assert.equal((await fetch(`${server.url}/health`)).status, 200);
    });

    test("X-Forwarded-For counts from a trusted proxy only", async (t) => {
      const server = await start(t, {
        "client.connection_limit_per_address": 1,
        "http_server.trusted_proxies": [PROXY],
      });
      const status = async (from: string, list: string) =>
        (await attempt(t, server, from, forwarded(list))).status;
      assert.equal(await status(PROXY, "203.0.113.1"), 101);
      assert.equal(await status(PROXY, "203.0.113.1"), 429);
      assert.equal(await status(PROXY, "198.51.100.77, 203.0.113.1"), 429, "invented by him");
      assert.equal(await status(PROXY, `203.0.113.1:5000, ${PROXY}`), 429, "two proxies");
      assert.equal(await status(PROXY, "203.0.113.2"), 101);
      assert.equal(await status("127.0.0.5", "203.0.113.3"), 101);
      assert.equal(await status("127.0.0.5", "203.0.113.4"), 429, "a stranger is himself");
      assert.equal(await status(PROXY, "203.0.113.3"), 101, "whoever he named has lost nothing");
      assert.equal((await attempt(t, server, PROXY)).status, 101);
      assert.equal((await attempt(t, server, PROXY)).status, 101, "the proxy is not counted");
    });

    test("a PROXY header names the client, and is required of a trusted proxy", async (t) => {
      const server = await start(t, {
        "client.connection_limit_per_address": 1,
        "http_server.trusted_proxies": [PROXY],
        "http_server.proxy_protocol": true,
      });
      const status = async (from: string, before: string | Buffer, list = "203.0.113.200") =>
        (await attempt(t, server, from, { before, ...forwarded(list) })).status;
      assert.equal(await status(PROXY, proxyV1("203.0.113.1")), 101);
      assert.equal(await status(PROXY, proxyV2("203.0.113.1"), "203.0.113.201"), 429);
      assert.equal(await status(PROXY, proxyV2("203.0.113.2")), 101);
      assert.equal(await status(PROXY, proxyV1("203.0.113.2"), "203.0.113.202"), 429);
      assert.equal(await status(PROXY, ""), 400, "missing");
      assert.equal(await status(PROXY, "PROXY TCP4 nowhere\r\n"), 400);
      assert.equal(await status("127.0.0.5", proxyV1("203.0.113.3")), 400);
      assert.equal(await status("127.0.0.6", proxyV2("203.0.113.3")), 400);
      assert.equal(await status("127.0.0.7", ""), 101, "anybody else is an ordinary client");
    });
  });
}
