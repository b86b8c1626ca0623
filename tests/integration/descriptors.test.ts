// SPDX-License-Identifier: Apache-2.0
// No descriptors left: those who are in stay and are served, the rest are told or wait, the server
// does not spin, and room that becomes free is used.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { connect, type Socket } from "node:net";
import { describe, test } from "node:test";
import { until, within } from "./harness/deadline.ts";
import { cpuShare } from "./harness/process.ts";
import { type Cleanup, DRIVERS, SANITIZED, Server } from "./harness/server.ts";
import { ended, upgradeRequest, Wire } from "./harness/wire.ts";
import { Witness } from "./harness/witness.ts";

const OPEN_FILES = 1024;
const CONNECTIONS = OPEN_FILES - 256; // docs/limits.md
const CLIENTS = 2000;
const CPU_WINDOW_MS = 1500;
// Nothing is to be done, so even a sanitizer build on a busy machine stays far below.
const CPU_SHARE_MAX = SANITIZED ? 0.4 : 0.2;

/** A client that wants to upgrade; `status` is 0 when the connection ended without an answer. */
class Client {
  readonly status: Promise<number>;
  waiting = true;
  private readonly socket: Socket;

  constructor(t: Cleanup, server: Server) {
    this.socket = connect(server.port, "127.0.0.1");
    t.after(() => this.socket.destroy());
    this.socket.on("error", () => {}); // shows as the end
    this.socket.write(upgradeRequest("/connection/websocket"));
    const status = new Promise<number>((resolve) => {
      this.socket.once("data", (data) => resolve(Number(String(data).slice(9, 12))));
      ended(this.socket).then(() => resolve(0));
    });
    this.status = status.finally(() => (this.waiting = false));
  }

  leave(): void {
    this.socket.destroy();
  }
}

const HEALTH = "GET /health HTTP/1.1\r\nHost: a\r\n\r\n";

describe("descriptors", { concurrency: true }, () => {
  for (const io of DRIVERS) {
    test(`2,000 clients and ${OPEN_FILES} descriptors (${io})`, async (t) => {
      // They never connect; nobody shall end as stale during the test.
      const configuration = { "client.stale_close_delay": "60s" };
      const server = await Server.start(t, { io, openFiles: OPEN_FILES, configuration });
      const witness = await Witness.join(t, server);
      const health = await Wire.open(t, server);
      assert.match(await health.request(HEALTH), /^HTTP\/1\.1 200 /);

      const clients = Array.from({ length: CLIENTS }, () => new Client(t, server));
      const everyone = within(Promise.all(clients.map(({ status }) => status)), "all answers");
      await witness.isServedUntil(everyone);
      const answers = await everyone;
      const count = (status: number) => answers.filter((answer) => answer === status).length;
      t.diagnostic(`${count(101)} are in, ${count(503)} were told, ${count(0)} were turned away`);
      assert.equal(count(101), CONNECTIONS - 2, "the witness and the health check are in");
      assert.equal(count(101) + count(503) + count(0), CLIENTS);

      const share = await cpuShare(server.pid, CPU_WINDOW_MS);
      t.diagnostic(`the full server uses ${(share * 100).toFixed(1)} % of a CPU`);
      assert.ok(share < CPU_SHARE_MAX, `${share}`);
      assert.match(await health.request(HEALTH), /^HTTP\/1\.1 200 /);
      const probe = await Wire.open(t, server);
      assert.match(await probe.request(HEALTH), /^HTTP\/1\.1 200 (.|\r\n)*connection: close/i);
      await probe.ended();
      await witness.isServed();

      const inside = clients.filter((_, n) => answers[n] === 101);
      for (const client of inside.slice(0, 100)) client.leave();
      let admitted = 0;
      await until("as many as left get in", async () => {
        if ((await new Client(t, server).status) === 101) admitted += 1;
        return admitted === 100;
      });
      await witness.isServed();
    });

    // UBSan opens a pipe to look at an object's type and calls the object broken when it cannot.
    const skip = SANITIZED && "a sanitizer needs descriptors of its own";
    test(`accepting fails for want of descriptors (${io})`, { skip }, async (t) => {
      const server = await Server.start(t, { io });
      const witness = await Witness.join(t, server);
      const health = await Wire.open(t, server);
      const limitTo = (files: number) =>
        execFileSync("prlimit", ["--pid", `${server.pid}`, `--nofile=${files}:`]);
      limitTo(64);
      const clients = Array.from({ length: 200 }, () => new Client(t, server));
      const statuses = Promise.all(clients.map(({ status }) => status));
      const share = await cpuShare(server.pid, CPU_WINDOW_MS);
      const waiting = clients.filter((client) => client.waiting).length;
      t.diagnostic(`${waiting} wait; the server uses ${(share * 100).toFixed(1)} % of a CPU`);
      // Connections of an io_uring server are no descriptors of the process, so it has enough.
      if (io === "epoll") assert.ok(waiting > 100, `${waiting} wait`);
      assert.ok(share < CPU_SHARE_MAX, `${share}`);
      assert.match(await health.request(HEALTH), /^HTTP\/1\.1 200 /);
      await witness.isServed();
      // Those who wait in the kernel are let in as soon as there is room.
      limitTo(OPEN_FILES);
      assert.deepEqual(new Set(await within(statuses, "all answers")), new Set([101]));
      await witness.isServed();
    });
  }
});
