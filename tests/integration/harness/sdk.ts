// SPDX-License-Identifier: Apache-2.0
// The real JavaScript SDK, as an application uses it.
import {
  Centrifuge,
  type Options,
  type PublicationContext,
  type Subscription,
} from "centrifuge";
import WebSocket from "ws";
import { Arrivals, DEADLINE_MS } from "./deadline.ts";
import type { Cleanup, Server } from "./server.ts";

export function sdkClient(t: Cleanup, server: Server, options: Partial<Options> = {}): Centrifuge {
  const client = new Centrifuge(server.websocketUrl, {
    websocket: WebSocket,
    minReconnectDelay: 20,
    maxReconnectDelay: 200,
    timeout: DEADLINE_MS,
    ...options,
  });
  t.after(() => client.disconnect());
  return client;
}

export async function connected(client: Centrifuge): Promise<Centrifuge> {
  client.connect();
  await client.ready(DEADLINE_MS);
  return client;
}

export class Subscriber {
  readonly publications = new Arrivals<PublicationContext>();

  private constructor(readonly subscription: Subscription) {
    subscription.on("publication", (publication) => this.publications.add(publication));
  }

  static async join(client: Centrifuge, channel: string): Promise<Subscriber> {
    const subscriber = new Subscriber(client.newSubscription(channel));
    subscriber.subscription.subscribe();
    await subscriber.subscription.ready(DEADLINE_MS);
    return subscriber;
  }

  /** The data of the next `count` publications, all of them being there. */
  async data(count: number): Promise<unknown[]> {
    const publications = await this.publications.atLeast(count, "publication");
    return publications.map((publication) => publication.data);
  }
}
