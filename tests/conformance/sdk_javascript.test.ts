// SPDX-License-Identifier: Apache-2.0
// The JavaScript SDK, both builds of it, as an application uses it.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import * as json from "centrifuge";
import type { Centrifuge, Options, Subscription, SubscriptionOptions } from "centrifuge";
import * as protobuf from "centrifuge/build/protobuf";
import WebSocket from "ws";
import { Arrivals, within } from "../integration/harness/deadline.ts";
import { sign } from "./harness/play.ts";
import { API_KEY, BASE } from "./harness/configuration.ts";
import type { Encoding } from "./harness/codec.ts";
import { Proxy } from "./harness/proxy.ts";
import {
  type Cleanup, startTarget, TARGET, type Target, url, websocketUrl,
} from "./harness/target.ts";

/** The two builds declare the same things, each for itself. */
const SDK = { json, protobuf: protobuf as unknown as typeof json };
const soon = (seconds: number) => Math.floor(Date.now() / 1000) + seconds;
const FAST = { minReconnectDelay: 10, maxReconnectDelay: 50, timeout: 10_000 };
const READY_MS = 10_000;

for (const encoding of ["json", "protobuf"] as const) {
  describe(`the JavaScript SDK over ${encoding} with ${TARGET}`, { concurrency: 4 }, () => {
    let target: Target;
    const ends: Array<() => unknown> = [];
    before(async () => {
      target = await startTarget({ after: (end) => ends.unshift(end) }, BASE);
    });
    after(async () => {
      for (const end of ends) await end();
    });
    const client = (t: Cleanup, claims: object, options: Partial<Options> = {}, port?: number) =>
      newClient(t, encoding, websocketUrl(target, port), {
        token: sign({ ...claims }),
        ...options,
      });
    const api = (method: string, body: object) => call(target, method, body);

    test("subscribes, publishes and receives", async (t) => {
      const [a, b] = [client(t, { sub: "42", info: { name: "Ada" } }), client(t, { sub: "43" })];
      const [atA, atB] = [await subscribed(a, "js1"), await subscribed(b, "js1")];
      await atA.subscription.publish(payload(encoding, { n: 1 }));
      await b.publish("js1", payload(encoding, { n: 2 }));
      for (const { publications } of [atA, atB]) {
        const [one, two] = [await publications.take("n 1"), await publications.take("n 2")];
        assert.deepEqual([value(one.data), value(two.data)], [{ n: 1 }, { n: 2 }]);
        assert.equal(one.info?.user, "42");
        assert.deepEqual(value(one.info?.connInfo), { name: "Ada" });
        assert.equal(two.info?.user, "43");
      }
    });

    test("reads presence, its statistics and history", async (t) => {
      const [a, b] = [client(t, { sub: "42" }), client(t, { sub: "43" })];
      await subscribed(a, "presence:js2");
      const { subscription } = await subscribed(b, "presence:js2");
      const { clients } = await subscription.presence();
      assert.deepEqual(Object.values(clients).map(({ user }) => user).sort(), ["42", "43"]);
      const stats = await a.presenceStats("presence:js2");
      assert.deepEqual([stats.numClients, stats.numUsers], [2, 2]);
      for (const n of [1, 2, 3]) await a.publish("history:js2", payload(encoding, { n }));
      const top = await a.history("history:js2", {});
      assert.deepEqual([top.offset, top.publications.length], [3, 0]);
      const since = { offset: 1, epoch: top.epoch };
      const page = await a.history("history:js2", { limit: 1, since });
      assert.deepEqual(page.publications.map(({ data }) => value(data)), [{ n: 2 }]);
      const back = await a.history("history:js2", { limit: 2, reverse: true });
      assert.deepEqual(back.publications.map(({ offset }) => offset), [3, 2]);
    });

    test("recovers what it missed while the network was down", async (t) => {
      const proxy = await Proxy.start(t, target);
      const a = client(t, { sub: "42" }, {}, proxy.port);
      const { subscription, publications, events } = await subscribed(a, "recovery:js3");
      await api("publish", { channel: "recovery:js3", data: { n: 1 } });
      await publications.take("n 1");
      proxy.cut();
      await events.take("subscribing", (e) => e.type === "subscribing" && e.code === 1);
      for (const n of [2, 3]) await api("publish", { channel: "recovery:js3", data: { n } });
      proxy.restore();
      const again = await events.take("subscribed again", (e) => e.type === "subscribed");
      assert.deepEqual([again.wasRecovering, again.recovered], [true, true]);
      await api("publish", { channel: "recovery:js3", data: { n: 4 } });
      for (const n of [2, 3, 4]) {
        const publication = await publications.take(`n ${n}`);
        assert.deepEqual([value(publication.data), publication.offset], [{ n }, n]);
      }
      assert.equal(subscription.state, "subscribed");
    });

    test("is told when what it missed is gone", async (t) => {
      const proxy = await Proxy.start(t, target);
      const a = client(t, { sub: "42" }, {}, proxy.port);
      const { publications, events } = await subscribed(a, "small:js4");
      await api("publish", { channel: "small:js4", data: { n: 1 } });
      await publications.take("n 1");
      proxy.cut();
      await events.take("subscribing", (e) => e.type === "subscribing" && e.code === 1);
      for (const n of [2, 3, 4, 5, 6]) await api("publish", { channel: "small:js4", data: { n } });
      proxy.restore();
      const again = await events.take("subscribed again", (e) => e.type === "subscribed");
      assert.deepEqual([again.wasRecovering, again.recovered], [true, false]);
      await api("publish", { channel: "small:js4", data: { n: 7 } });
      const next = await publications.take("n 7");
      assert.deepEqual([value(next.data), next.offset], [{ n: 7 }, 7]);
    });

    test("gets the newest publication of a cache channel", async (t) => {
      for (const n of [1, 2]) await api("publish", { channel: "cache:js5", data: { n } });
      const a = client(t, { sub: "42" });
      const { publications } = await subscribed(a, "cache:js5", {
        since: { offset: 0, epoch: "" },
      });
      assert.deepEqual(value((await publications.take("the newest")).data), { n: 2 });
    });

    test("takes differences, whatever the edit", async (t) => {
      const channel = "delta:js15";
      const { publications } = await subscribed(client(t, { sub: "42" }), channel, {
        delta: "fossil",
      });
      // Centrifugo 6.9.1 cuts letters of several bytes in JSON.
      const latin = TARGET === "centrifugo" && encoding === "json";
      const states = edits(1000, latin ? "abpq 0" : "абпр😀😁x 0");
      for (let from = 0; from < states.length; from += 50) {
        const part = states.slice(from, from + 50);
        const commands = part.map((text) => ({ publish: { channel, data: { text } } }));
        await api("batch", { commands });
        for (const text of part) {
          assert.deepEqual(value((await publications.take("a state")).data), { text });
        }
      }
    });

    test("takes differences again after the network was down", async (t) => {
      const proxy = await Proxy.start(t, target);
      const a = client(t, { sub: "42" }, {}, proxy.port);
      const channel = "delta:js16";
      const { publications, events } = await subscribed(a, channel, { delta: "fossil" });
      const long = (n: number) => ({ text: "the same in all of them, and long enough", n });
      const publish = (n: number) => api("publish", { channel, data: long(n) });
      const expect = async (n: number) =>
        assert.deepEqual(value((await publications.take(`n ${n}`)).data), long(n));
      for (const n of [1, 2]) await publish(n);
      for (const n of [1, 2]) await expect(n);
      proxy.cut();
      await events.take("subscribing", (e) => e.type === "subscribing" && e.code === 1);
      for (const n of [3, 4]) await publish(n);
      proxy.restore();
      await events.take("subscribed again", (e) => e.type === "subscribed" && !!e.recovered);
      for (const n of [5, 6]) await publish(n);
      for (const n of [3, 4, 5, 6]) await expect(n);
    });

    test("gets only what its tags filter lets through", async (t) => {
      const proxy = await Proxy.start(t, target);
      const a = client(t, { sub: "42" }, {}, proxy.port);
      const channel = "filtered:js17";
      const { publications, events } = await subscribed(a, channel, {
        tagsFilter: { key: "size", cmp: "gte", val: "10" },
      });
      const publish = (n: number, size: string) =>
        api("publish", { channel, data: { n }, tags: { size } });
      await publish(1, "9.99");
      await publish(2, "10");
      proxy.cut();
      await events.take("subscribing", (e) => e.type === "subscribing" && e.code === 1);
      await publish(3, "x");
      await publish(4, "11");
      proxy.restore();
      await events.take("subscribed again", (e) => e.type === "subscribed" && !!e.recovered);
      await publish(5, "1");
      await publish(6, "100");
      for (const n of [2, 4, 6]) {
        const publication = await publications.take(`n ${n}`);
        assert.deepEqual([value(publication.data), publication.offset], [{ n }, n]);
      }
    });

    test("sees who joins and leaves", async (t) => {
      const [a, b] = [client(t, { sub: "42" }), client(t, { sub: "43" })];
      const { subscription } = await subscribed(a, "joins:js6");
      const seen = new Arrivals<string>();
      subscription.on("join", ({ info }) => seen.add(`join ${info.user}`));
      subscription.on("leave", ({ info }) => seen.add(`leave ${info.user}`));
      const other = await subscribed(b, "joins:js6");
      await seen.take("the join", (text) => text === "join 43");
      other.subscription.unsubscribe();
      await seen.take("the leave", (text) => text === "leave 43");
      other.subscription.subscribe();
      await seen.take("the join", (text) => text === "join 43");
      b.disconnect();
      await seen.take("the leave", (text) => text === "leave 43");
    });

    test("refreshes its token", async (t) => {
      const asked = new Arrivals<number>();
      const getToken = async () => {
        asked.add(asked.all.length);
        return sign({ sub: "42", exp: soon(asked.all.length > 1 ? 100 : 2) });
      };
      const a = client(t, {}, { token: "", getToken });
      a.connect();
      await a.ready(READY_MS);
      const first = a.state;
      await asked.atLeast(2, "request for a token");
      await a.publish("js7", payload(encoding, 1));
      assert.deepEqual([first, a.state], ["connected", "connected"]);
    });

    test("replaces an expired token", async (t) => {
      const getToken = async () => sign({ sub: "42", exp: soon(100) });
      const a = client(t, {}, { token: sign({ sub: "42", exp: soon(-10) }), getToken });
      const errors = new Arrivals<number>();
      a.on("error", ({ error }) => errors.add(error.code));
      a.connect();
      await errors.take("token expired", (code) => code === 109);
      await a.ready(READY_MS);
    });

    test("subscribes with a token and refreshes it", async (t) => {
      const asked = new Arrivals<string>();
      const getToken = async ({ channel }: { channel: string }) => {
        asked.add(channel);
        return sign({ sub: "42", channel, exp: soon(asked.all.length > 1 ? 100 : 2) });
      };
      const a = client(t, { sub: "42" });
      const { publications } = await subscribed(a, "$closed:js8", { getToken });
      await asked.atLeast(2, "request for a token");
      await api("publish", { channel: "$closed:js8", data: { n: 1 } });
      await publications.take("n 1");
    });

    test("has server-side subscriptions and recovers them", async (t) => {
      const proxy = await Proxy.start(t, target);
      const a = client(t, { sub: "42", channels: ["recovery:js9"] }, {}, proxy.port);
      const publications = new Arrivals<{ data: unknown; offset?: number }>();
      const subscriptions = new Arrivals<{ wasRecovering?: boolean; recovered?: boolean }>();
      a.on("publication", (publication) => publications.add(publication));
      a.on("subscribed", (context) => subscriptions.add(context));
      a.connect();
      await subscriptions.take("the subscription");
      await api("publish", { channel: "recovery:js9", data: { n: 1 } });
      await publications.take("n 1");
      const down = new Promise((resolve) => a.once("connecting", resolve));
      proxy.cut();
      await within(down, "the loss of the connection");
      await api("publish", { channel: "recovery:js9", data: { n: 2 } });
      proxy.restore();
      const again = await subscriptions.take("the subscription again");
      assert.deepEqual([again.wasRecovering, again.recovered], [true, true]);
      const missed = await publications.take("n 2");
      assert.deepEqual([value(missed.data), missed.offset], [{ n: 2 }, 2]);
    });

    test("is subscribed and unsubscribed by the server", async (t) => {
      const a = client(t, { sub: "js10" });
      const events = new Arrivals<string>();
      a.on("subscribed", ({ channel }) => events.add(`subscribed ${channel}`));
      a.on("unsubscribed", ({ channel }) => events.add(`unsubscribed ${channel}`));
      a.on("publication", ({ data }) => events.add(`got ${JSON.stringify(value(data))}`));
      a.connect();
      await a.ready(READY_MS);
      await api("subscribe", { user: "js10", channel: "closed:js10" });
      await events.take("subscribed", (text) => text === "subscribed closed:js10");
      await api("publish", { channel: "closed:js10", data: { n: 1 } });
      await events.take("a publication", (text) => text === 'got {"n":1}');
      await api("unsubscribe", { user: "js10", channel: "closed:js10" });
      await events.take("unsubscribed", (text) => text === "unsubscribed closed:js10");
      const own = await subscribed(a, "js10");
      await api("unsubscribe", { user: "js10", channel: "js10" });
      const end = await own.events.take("unsubscribed", (e) => e.type === "unsubscribed");
      assert.deepEqual([end.code, own.subscription.state], [2000, "unsubscribed"]);
    });

    test("is told the code of every error", async (t) => {
      const a = client(t, { sub: "42" });
      a.connect();
      await a.ready(READY_MS);
      for (const [channel, code] of [["closed:js11", 103], ["nowhere:js11", 102]] as const) {
        const subscription = a.newSubscription(channel);
        const end = new Promise<{ code: number }>((resolve) =>
          subscription.once("unsubscribed", resolve),
        );
        subscription.subscribe();
        assert.equal((await within(end, `the end of ${channel}`)).code, code);
      }
      await assert.rejects(a.presence("js11"), { code: 108 });
      await assert.rejects(a.history("js11", {}), { code: 108 });
      await assert.rejects(a.publish("closed:js11", payload(encoding, 1)), { code: 103 });
      const since = { offset: 1, epoch: "other" };
      await assert.rejects(a.history("history:js11", { limit: 1, since }), { code: 112 });
      assert.equal(a.state, "connected");
    });

    test("returns or stays away as the code says", async (t) => {
      const a = client(t, { sub: "js12" });
      const events = new Arrivals<string>();
      a.on("connecting", ({ code }) => events.add(`connecting ${code}`));
      a.on("connected", () => events.add("connected"));
      a.on("disconnected", ({ code }) => events.add(`disconnected ${code}`));
      a.connect();
      await events.take("connected", (text) => text === "connected");
      for (const code of [3011, 4001]) {
        await api("disconnect", { user: "js12", disconnect: { code, reason: "test" } });
        await events.take("connecting", (text) => text === `connecting ${code}`);
        await events.take("connected", (text) => text === "connected");
      }
      await api("disconnect", { user: "js12", disconnect: { code: 4501, reason: "test" } });
      await events.take("disconnected", (text) => text === "disconnected 4501");
      a.connect();
      await events.take("connected", (text) => text === "connected");
      await api("disconnect", { user: "js12" });
      await events.take("disconnected", (text) => text === "disconnected 3503");
    });

    test("gives up with a bad token, or when its application says so", async (t) => {
      const a = client(t, { sub: "42" }, { token: sign({ sub: "42" }, "another secret") });
      const end = new Promise<{ code: number }>((resolve) => a.once("disconnected", resolve));
      a.connect();
      assert.equal((await within(end, "the end")).code, 3500);
      const getToken = async () => Promise.reject(new SDK[encoding].UnauthorizedError("no"));
      const b = client(t, {}, { token: sign({ sub: "42", exp: soon(-10) }), getToken });
      const given = new Promise<{ code: number }>((resolve) => b.once("disconnected", resolve));
      b.connect();
      assert.equal((await within(given, "the end")).code, 1);
    });
  });
}

function newClient(
  t: Cleanup,
  encoding: Encoding,
  address: string,
  options: Partial<Options>,
): Centrifuge {
  const settings = { websocket: WebSocket, ...FAST, ...options };
  const client = new SDK[encoding].Centrifuge(address, settings);
  t.after(() => client.disconnect());
  return client;
}

interface Event {
  type: "subscribing" | "subscribed" | "unsubscribed";
  code?: number;
  wasRecovering?: boolean;
  recovered?: boolean;
}

interface Subscribed {
  subscription: Subscription;
  publications: Arrivals<{
    data: unknown;
    offset?: number;
    info?: { user: string; connInfo?: unknown };
  }>;
  /** What follows the first "subscribed". */
  events: Arrivals<Event>;
}

/** Connects if need be and subscribes. */
async function subscribed(
  client: Centrifuge,
  channel: string,
  options: Partial<SubscriptionOptions> = {},
): Promise<Subscribed> {
  client.connect();
  await client.ready(READY_MS);
  const delays = { minResubscribeDelay: 10, maxResubscribeDelay: 50 };
  const subscription = client.newSubscription(channel, { ...delays, ...options });
  const result: Subscribed = {
    subscription,
    publications: new Arrivals(),
    events: new Arrivals(),
  };
  subscription.on("publication", (publication) => result.publications.add(publication));
  const first = new Promise<void>((resolve, reject) => {
    subscription.once("subscribed", () => resolve());
    subscription.once("unsubscribed", ({ code }) => reject(new Error(`unsubscribed: ${code}`)));
  });
  subscription.subscribe();
  await within(first, `a subscription to ${channel}`);
  subscription.on("subscribing", ({ code }) => result.events.add({ type: "subscribing", code }));
  subscription.on("unsubscribed", ({ code }) => result.events.add({ type: "unsubscribed", code }));
  subscription.on("subscribed", ({ wasRecovering, recovered }) =>
    result.events.add({ type: "subscribed", wasRecovering, recovered }),
  );
  return result;
}

/** Texts of these letters, each an edit of the one before it; the same in every run. */
function edits(count: number, alphabet: string): string[] {
  const letters = [...alphabet];
  let state = 42;
  const below = (n: number) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % n;
  };
  let text: string[] = [];
  return Array.from({ length: count }, () => {
    const letter = letters[below(letters.length)]!;
    const at = below(text.length + 1);
    const kind = below(10);
    if (kind === 0) {
      text = Array.from({ length: below(200) }, () => letters[below(letters.length)]!);
    } else if (kind < 5) {
      text.splice(at, 1, letter);
    } else if (kind < 8) {
      text.splice(at, 0, letter);
    } else {
      text.push(...text.splice(at, below(20)));
    }
    return text.join("");
  });
}

function payload(encoding: Encoding, data: unknown): unknown {
  return encoding === "json" ? data : new TextEncoder().encode(JSON.stringify(data));
}

/** A payload as a JSON value, whatever the encoding. */
function value(data: unknown): unknown {
  return data instanceof Uint8Array ? JSON.parse(new TextDecoder().decode(data)) : data;
}

async function call(target: Target, method: string, body: object): Promise<void> {
  const response = await fetch(`${url(target)}/api/${method}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-API-Key": API_KEY },
    body: JSON.stringify(body),
  });
  const answer = (await response.json()) as { error?: unknown };
  assert.equal(answer.error, undefined, `${method}: ${JSON.stringify(answer)}`);
}
