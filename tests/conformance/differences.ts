// SPDX-License-Identifier: Apache-2.0
// Where sanjay answers otherwise than Centrifugo, and why. Whatever is not listed here fails the
// comparison, and so does what is listed and no longer so.
import { isDeepStrictEqual } from "node:util";
import type { Encoding } from "./harness/codec.ts";
import type { Deviation } from "./harness/compare.ts";

export interface Difference {
  /** Why; shown in docs/compatibility.md. */
  reason: string;
  /** Not so on purpose: it is to go. */
  missing?: true;
  /** Not so every time. */
  sometimes?: true;
  at: Place[];
}

/** The leaves that differ in a session, by the way to them, with what sanjay has there. */
interface Place {
  session: string;
  /** The encoding, for what is so in one only. */
  only?: Encoding;
  leaves: Record<string, unknown>;
}

const nothing = undefined;
const refused = { code: 107, message: "bad request" };
const subscriptionExpired = { code: 3006, reason: "subscription expired" };
const publications = (...numbers: number[]) =>
  numbers.map((n) => ({ data: { n }, ...(n === 1 ? { epoch: "<epoch:1>" } : {}), offset: n }));
const each = (prefix: string, values: unknown[]) =>
  Object.fromEntries(values.map((value, i) => [`${prefix}.${i}`, value]));

/** A quote that is sent whole where Centrifugo sends a difference. */
function whole(session: string, step: number, price: number): Place[] {
  const at = `${step}.got.0.push.pub`;
  const quote = { price, symbol: "AAPL", exchange: "NASDAQ" };
  return [
    {
      session,
      only: "json",
      leaves: { [`${at}.data`]: JSON.stringify(quote), [`${at}.delta`]: nothing },
    },
    {
      session,
      only: "protobuf",
      leaves: {
        [`${at}.data.$bytes`]: nothing,
        [`${at}.data.exchange`]: quote.exchange,
        [`${at}.data.price`]: quote.price,
        [`${at}.data.symbol`]: quote.symbol,
        [`${at}.delta`]: nothing,
      },
    },
  ];
}

export const DIFFERENCES: Difference[] = [
  {
    reason:
      "A connection whose `connect` failed and that goes on all the same is closed with 3501; " +
      "Centrifugo drops it without a close frame.",
    at: ["a command after a connect that failed", "connect again after a connect that failed"].map(
      (session) => ({
        session,
        leaves: { "3.got.0.closed.code": 3501, "3.got.0.closed.reason": "bad request" },
      }),
    ),
  },
  {
    reason: "The close frame of a message that is too large says so in its reason.",
    at: [
      {
        session: "a message that is too large",
        leaves: { "3.got.0.closed.reason": "message too big" },
      },
    ],
  },
  {
    reason:
      "A token whose `expire_at` has passed is an expired token: the client is asked for a new " +
      "one (109) where Centrifugo turns it away for good (110), and `sub_refresh` ends as with " +
      "any expired token (3006).",
    at: [
      {
        session: "expire_at in the past",
        leaves: { "1.got.0.error.code": 109, "1.got.0.error.message": "token expired" },
      },
      {
        session: "a subscription token with expire_at in the past",
        leaves: { "2.got.0.error.code": 109, "2.got.0.error.message": "token expired" },
      },
      {
        session: "sub_refresh with expire_at in the past",
        leaves: {
          "3.got.0.error": nothing,
          "3.got.0.id": nothing,
          "3.got.0.closed": subscriptionExpired,
        },
      },
    ],
  },
  {
    reason:
      "An expired token in `sub_refresh` ends the connection with 3006, as from Centrifugo 6.9.6 " +
      "on; before, it was accepted and the subscription never expired again.",
    at: [
      {
        session: "sub_refresh with an expired token",
        leaves: {
          "4.got.0.id": nothing,
          "4.got.0.sub_refresh": nothing,
          "4.got.0.closed": subscriptionExpired,
        },
      },
    ],
  },
  {
    reason: "Whoever is not subscribed is not told that he is unsubscribed by the server.",
    at: [
      {
        session: "unsubscribe by the server of what is not subscribed",
        leaves: { "4.got.0": nothing },
      },
    ],
  },
  {
    reason: "Whoever is subscribed already is not told that he is subscribed by the server.",
    at: [
      { session: "subscribe by the server to what is subscribed", leaves: { "4.got.0": nothing } },
    ],
  },
  {
    reason:
      "Unsubscribe by the server without a channel ends every subscription and names each; " +
      "Centrifugo sends a push without a channel and ends none.",
    at: [
      {
        session: "unsubscribe by the server of everything",
        leaves: { "3.got.0.push.channel": "closed:x", "5.got.0": nothing },
      },
    ],
  },
  {
    reason:
      "Subscribe by the server since a position delivers the publications since then; Centrifugo " +
      "tells the position and leaves them out.",
    at: [
      {
        session: "subscribe by the server since a position",
        leaves: {
          "7.got.0.push.pub.data.n": 2,
          "7.got.0.push.pub.offset": 2,
          "7.got.1": { push: { channel: "recovery:x", pub: publications(3)[0] } },
          "7.got.2": { push: { channel: "recovery:x", pub: publications(4)[0] } },
        },
      },
    ],
  },
  {
    reason:
      "`channel.max_length` is a limit of every channel name, in `publish` and the server API too.",
    at: [
      {
        session: "publish to names that are refused for subscribe",
        leaves: { "4.got.0.publish": nothing, "4.got.0.error": refused },
      },
      {
        session: "what publish refuses",
        leaves: { "9.got.0.body.result": nothing, "9.got.0.body.error": refused },
      },
    ],
  },
  {
    reason:
      "History read backwards from beyond the top begins at the top; Centrifugo's memory " +
      "engine does so from one beyond it and finds nothing from further on.",
    at: [
      {
        session: "since a position, backwards",
        only: "json",
        leaves: each("8.got.0.history.publications", publications(5, 4, 3, 2, 1)),
      },
      {
        session: "since a position, backwards",
        only: "protobuf",
        leaves: { "8.got.0.history.publications": publications(5, 4, 3, 2, 1) },
      },
    ],
  },
  {
    reason:
      "The server API's `subscribe` and `disconnect` act on somebody in particular: without " +
      "`user` and `client` they are refused.",
    at: [
      {
        session: "subscribe by the server in no namespace",
        leaves: { "4.got.0.body.result": nothing, "4.got.0.body.error": refused },
      },
      {
        session: "disconnect of nobody",
        leaves: { "3.got.0.body.result": nothing, "3.got.0.body.error": refused },
      },
    ],
  },
  {
    reason:
      "`info` counts when it is asked, not some seconds before; a user is counted once per shard " +
      "he has connections on. `metrics` is left to Prometheus, `process` is told.",
    at: [
      {
        session: "info of the node",
        leaves: {
          "7.got.0.body.result.nodes.0.metrics": nothing,
          "7.got.0.body.result.nodes.0.num_channels": 2,
          "7.got.0.body.result.nodes.0.num_clients": 2,
          "7.got.0.body.result.nodes.0.num_subs": 3,
          "7.got.0.body.result.nodes.0.num_users": 2,
          "7.got.0.body.result.nodes.0.process": "<process>",
        },
      },
    ],
  },
  {
    reason:
      "Who has no key for the server API is not told which methods there are, and a request that " +
      "is refused is told why, in another text.",
    at: [
      { session: "keys", leaves: { "3.got.0.body": "", "3.got.0.status": 401 } },
      { session: "a method that is not there", leaves: { "0.got.0.body": "no such API method\n" } },
      {
        session: "bodies that are no request",
        leaves: {
          "0.got.0.body": "string expected\n",
          "1.got.0.body": "object expected\n",
          "2.got.0.body": "object expected\n",
          "3.got.0.body": "object expected\n",
          "3.got.0.status": 400,
          "4.got.0.body": "string expected\n",
        },
      },
    ],
  },
  {
    reason:
      "A publication that is sent whole to who takes differences tells its epoch over JSON too.",
    at: (
      [
        ["the first publication is whole, the next a difference", 7],
        ["a difference that would be no shorter", 4],
        ["differences where the publisher asks for them", 4],
        ["differences of what a client publishes", 6],
        ["a difference within a letter", 4],
      ] as const
    ).map(([session, step]) => ({
      session,
      only: "json" as const,
      leaves: { [`${step}.got.0.push.pub.epoch`]: "<epoch:1>" },
    })),
  },
  {
    reason:
      "After a recovery the next publication is a difference only if somebody on the channel " +
      "took differences before, and what was recovered ends with what it is taken from; never " +
      "after a recovery of nothing, as from Centrifugo 6.9.6 on.",
    at: [...whole("what was missed as differences", 8, 103),
      ...whole("a difference after a recovery of nothing", 9, 101)],
  },
  {
    reason:
      "A difference over JSON never cuts a letter; Centrifugo's arrived broken, which was mended " +
      "in a later version.",
    at: [
      {
        session: "a difference within a letter",
        only: "json",
        leaves: { "6.got.0.push.pub.data": "1P\n1J@0,6:ак\"}Wfroo;" },
      },
    ],
  },
  {
    reason:
      "With a tags filter no delta is negotiated, as from a later version of Centrifugo on; " +
      "before, the filter had no effect then.",
    at: [
      {
        session: "delta and a tags filter together",
        leaves: {
          "2.got.0.subscribe.delta": nothing,
          "5.got.0.push.pub.offset": 2,
          "5.got.0.push.pub.tags.color": "red",
          "5.got.1": nothing,
        },
      },
      {
        session: "delta and a tags filter together",
        only: "json",
        leaves: { "5.got.0.push.pub.data": { n: 2 } },
      },
      {
        session: "delta and a tags filter together",
        only: "protobuf",
        leaves: { "5.got.0.push.pub.data.n": 2, "5.got.0.push.pub.epoch": nothing },
      },
    ],
  },
  {
    reason:
      "A request to `/emulation` or for a stream from an origin that is not allowed is refused " +
      "(403); Centrifugo serves it, and the browser keeps the answer from the page.",
    at: [
      { session: "emulation from another origin", leaves: { "0.got.0.status": 403 } },
      {
        session: "a preflight of another origin",
        leaves: {
          "0.got.0.status": 403,
          "0.got.0.access-control-allow-methods": nothing,
          "0.got.0.access-control-max-age": nothing,
        },
      },
    ],
  },
];

export interface Verdict {
  /** Nobody has said why. */
  unlisted: Deviation[];
  /** Listed, but not so: the way to the leaf. */
  outdated: string[];
}

/** Judges what differs in one session. */
export function judge(session: string, encoding: Encoding, found: Deviation[]): Verdict {
  const leavesOf = (differences: Difference[]) =>
    new Map(
      differences.flatMap(({ at }) =>
        at
          .filter((place) => place.session === session && (place.only ?? encoding) === encoding)
          .flatMap((place) => Object.entries(place.leaves)),
      ),
    );
  const listed = leavesOf(DIFFERENCES);
  const certain = leavesOf(DIFFERENCES.filter(({ sometimes }) => !sometimes));
  const unlisted = found.filter(
    ({ path, sanjay }) => !listed.has(path) || !isDeepStrictEqual(listed.get(path), sanjay),
  );
  const paths = new Set(found.map(({ path }) => path));
  return { unlisted, outdated: [...certain.keys()].filter((path) => !paths.has(path)) };
}
