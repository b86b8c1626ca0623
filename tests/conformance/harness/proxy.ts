// SPDX-License-Identifier: Apache-2.0
// A TCP proxy, to cut connections as a network does.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { Cleanup } from "./target.ts";

export class Proxy {
  private readonly sockets = new Set<Socket>();
  private down = false;
  port = 0;

  static async start(t: Cleanup, to: { port: number }): Promise<Proxy> {
    const proxy = new Proxy();
    const listener = createServer((client) => proxy.relay(client, to.port));
    listener.listen(0, "127.0.0.1");
    await once(listener, "listening");
    proxy.port = (listener.address() as AddressInfo).port;
    t.after(() => {
      listener.close();
      proxy.cut();
    });
    return proxy;
  }

  /** Ends every connection, and each new one at once until restore(). */
  cut(): void {
    this.down = true;
    for (const socket of this.sockets) socket.destroy();
  }

  restore(): void {
    this.down = false;
  }

  private relay(client: Socket, port: number): void {
    if (this.down) {
      client.destroy();
      return;
    }
    const server = connect(port, "127.0.0.1");
    for (const [from, to] of [[client, server], [server, client]] as const) {
      this.sockets.add(from);
      from.on("error", () => {}); // shows as the close
      from.on("close", () => {
        this.sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  }
}
