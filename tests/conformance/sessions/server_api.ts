// SPDX-License-Identifier: Apache-2.0
import {
  type Area, api, call, closed, connect, frames, settle, subscribe, unordered,
} from "../harness/session.ts";

const transport = { "X-Centrifugo-Error-Mode": "transport" };

export const serverApi: Area = {
  id: "server_api",
  title: "Server API over HTTP",
  sessions: [
    {
      name: "publish by the server",
      only: "json",
      steps: [
        ...connect("a", "42"), subscribe("a", "x"), subscribe("a", "history:x"),
        api("publish", { channel: "x", data: { n: 1 } }), frames("a"),
        api("publish", { channel: "history:x", data: "text" }), frames("a"),
        api("publish", { channel: "history:x", data: { n: 3 }, tags: { a: "1", b: "2" } }),
        frames("a"),
        api("publish", { channel: "x", b64data: "eyJuIjo0fQ==" }), frames("a"),
        api("publish", { channel: "x", data: { n: 5 }, b64data: "eyJuIjo2fQ==" }), frames("a"),
        api("publish", { channel: "x", data: { n: 7 }, unknown: true }), frames("a"),
      ],
    },
    {
      name: "line feeds and spaces in what is published",
      only: "json",
      steps: [
        ...connect("a", "42"), subscribe("a", "history:x"),
        api("publish", '{\n  "channel": "history:x",\n  "data": {\n    "a": [\n 1 ]\r\n  }\n}'),
        frames("a"),
        call("a", { history: { channel: "history:x", limit: 1 } }),
      ],
    },
    {
      name: "bytes that are no JSON for a client of JSON",
      only: "json",
      steps: [
        ...connect("a", "42"), ...connect("b", "43"), subscribe("a", "x"), subscribe("b", "y"),
        api("publish", { channel: "x", b64data: "AP+A" }), closed("a"),
        api("publish", { channel: "y", data: 1 }), frames("b"),
      ],
    },
    {
      name: "what publish refuses",
      only: "json",
      steps: [
        api("publish", { channel: "x" }), api("publish", { data: 1 }),
        api("publish", { channel: "", data: 1 }), api("publish", { channel: "nowhere:x", data: 1 }),
        api("publish", { channel: "x", data: null }), api("publish", {}),
        api("publish", { channel: "objects:x", data: [1] }),
        api("publish", { channel: "x", b64data: "%%%" }),
        api("publish", { channel: "\u00e4", data: 1 }),
        api("publish", { channel: "x".repeat(300), data: 1 }),
        api("publish", { channel: "letters:123", data: 1 }),
        api("publish", { channel: "$x", data: 1 }),
      ],
    },
    {
      name: "publish once with an idempotency key",
      only: "json",
      steps: [
        ...connect("a", "42"), subscribe("a", "history:x"), subscribe("a", "x"),
        api("publish", { channel: "history:x", data: 1, idempotency_key: "k" }), frames("a"),
        api("publish", { channel: "history:x", data: 2, idempotency_key: "k" }),
        api("publish", { channel: "history:x", data: 3, idempotency_key: "l" }), frames("a"),
        api("publish", { channel: "history:y", data: 4, idempotency_key: "k" }),
        api("publish", { channel: "x", data: 5, idempotency_key: "k" }), frames("a"),
        api("publish", { channel: "x", data: 6, idempotency_key: "k" }), settle("a"),
      ],
    },
    {
      name: "publish newer versions only",
      only: "json",
      steps: [
        ...connect("a", "42"), subscribe("a", "history:x"),
        api("publish", { channel: "history:x", data: 1, version: 5 }), frames("a"),
        api("publish", { channel: "history:x", data: 2, version: 5 }),
        api("publish", { channel: "history:x", data: 3, version: 4 }),
        api("publish", { channel: "history:x", data: 4, version: 6 }), frames("a"),
        api("publish", { channel: "history:x", data: 5, version: 1, version_epoch: "e" }),
        frames("a"),
        api("publish", { channel: "history:x", data: 6, version: 1, version_epoch: "e" }),
        api("publish", { channel: "history:x", data: 7 }), frames("a"),
        api("history", { channel: "history:x", limit: -1 }), settle("a"),
      ],
    },
    {
      name: "publish without storing",
      only: "json",
      steps: [
        ...connect("a", "42"), subscribe("a", "history:x"),
        api("publish", { channel: "history:x", data: 1, skip_history: true }), frames("a"),
        api("history", { channel: "history:x", limit: -1 }),
      ],
    },
    {
      name: "broadcast",
      only: "json",
      steps: [
        ...connect("a", "42"), subscribe("a", "x"), subscribe("a", "history:x"),
        api("broadcast", { channels: ["x", "history:x", "nowhere:x"], data: { n: 1 } }),
        unordered("a", 2),
        api("broadcast", { channels: [], data: 1 }), api("broadcast", { data: 1 }),
        api("broadcast", { channels: ["x"] }),
        api("broadcast", { channels: ["history:y", ""], data: 1, tags: { a: "b" } }),
        api("history", { channel: "history:y", limit: -1 }),
      ],
    },
    {
      name: "batch",
      only: "json",
      steps: [
        ...connect("a", "42"), subscribe("a", "x"),
        api("batch", {
          commands: [
            { publish: { channel: "x", data: { n: 1 } } },
            { publish: { channel: "nowhere:x", data: { n: 1 } } },
            { broadcast: { channels: ["x", "y"], data: { n: 2 } } },
            { presence: { channel: "presence:x" } },
            { presence: { channel: "x" } },
            { presence_stats: { channel: "presence:x" } },
            { history: { channel: "history:x" } },
            { unsubscribe: { user: "nobody", channel: "x" } },
            { rpc: { method: "m" } },
            { channels: {} },
            {},
          ],
        }),
        frames("a", 2),
        api("batch", { commands: [] }), api("batch", {}),
        api("batch", {
          commands: [
            { presence_stats: { channel: "presence:x" } }, { history: { channel: "history:z" } },
          ],
          parallel: true,
        }),
      ],
    },
    {
      name: "presence by the server",
      only: "json",
      steps: [
        ...connect("a", "42"), ...connect("b", "43"), subscribe("a", "presence:x"),
        subscribe("b", "presence:x"), api("presence", { channel: "presence:x" }),
        api("presence_stats", { channel: "presence:x" }),
        api("presence", { channel: "presence:y" }),
        api("presence_stats", { channel: "presence:y" }), api("presence", { channel: "x" }),
        api("presence_stats", { channel: "x" }), api("presence", { channel: "nowhere:x" }),
        api("presence", {}), api("presence_stats", {}),
      ],
    },
    {
      name: "channels",
      only: "json",
      steps: [
        ...connect("a", "42"), ...connect("b", "43"), api("channels", {}), subscribe("a", "x"),
        subscribe("b", "x"), subscribe("a", "history:x"), api("channels", {}),
        api("channels", { pattern: "history:*" }), api("channels", { pattern: "nothing*" }),
      ],
    },
    {
      name: "info of the node",
      only: "json",
      steps: [
        ...connect("a", "42"), ...connect("b", "43"), subscribe("a", "x"), subscribe("b", "x"),
        subscribe("b", "y"), api("info", {}),
      ],
    },
    {
      name: "rpc by the server",
      only: "json",
      steps: [api("rpc", { method: "m", params: {} }), api("rpc", {})],
    },
    {
      name: "disconnect",
      steps: [
        ...connect("a", "42"), api("disconnect", { user: "42" }), closed("a"),
      ],
    },
    {
      name: "disconnect with a code",
      steps: [
        ...connect("a", "42"),
        api("disconnect", { user: "42", disconnect: { code: 4501, reason: "banned" } }),
        closed("a"),
      ],
    },
    {
      name: "disconnect with a code of the protocol",
      steps: [
        ...connect("a", "42"),
        api("disconnect", { user: "42", disconnect: { code: 3011, reason: "force reconnect" } }),
        closed("a"),
      ],
    },
    {
      name: "disconnect of one client",
      steps: [
        ...connect("a", "42"), ...connect("b", "42"),
        api("disconnect", { user: "42", client: "<client:2>" }), closed("b"), settle("a"),
      ],
    },
    {
      name: "disconnect of all but some",
      steps: [
        ...connect("a", "42"), ...connect("b", "42"), ...connect("c", "42"),
        api("disconnect", { user: "42", whitelist: ["<client:2>"] }), closed("a"), closed("c"),
        settle("b"),
      ],
    },
    {
      name: "disconnect of nobody",
      only: "json",
      steps: [
        ...connect("a", "42"), api("disconnect", { user: "43" }), api("disconnect", {}),
        api("disconnect", { client: "<client:1>" }), settle("a"),
      ],
    },
    {
      name: "keys",
      only: "json",
      steps: [
        api("publish", { channel: "x", data: 1 }, { "X-API-Key": "wrong" }),
        api("publish", { channel: "x", data: 1 }, { "X-API-Key": "" }),
        api(
          "publish", { channel: "x", data: 1 },
          { "X-API-Key": "", Authorization: "apikey wrong" },
        ),
        api("nothing", {}, { "X-API-Key": "wrong" }),
      ],
    },
    {
      name: "a method that is not there",
      only: "json",
      steps: [api("nothing", {})],
    },
    {
      name: "bodies that are no request",
      only: "json",
      steps: [
        api("publish", "{"), api("publish", ""), api("publish", "[]"), api("publish", "null"),
        api("publish", '{"channel":5,"data":1}'),
      ],
    },
    {
      name: "errors as HTTP statuses, when the call asks for it",
      only: "json",
      steps: [
        api("publish", { channel: "nowhere:x", data: 1 }, transport),
        api("publish", { channel: "x" }, transport),
        api("presence", { channel: "x" }, transport),
        api("rpc", { method: "m" }, transport),
        api("history", { channel: "history:x" }, transport),
        api(
          "history", { channel: "history:x", limit: 1, since: { offset: 1, epoch: "other" } },
          transport,
        ),
        api("broadcast", { channels: ["nowhere:x"], data: 1 }, transport),
        api("batch", { commands: [{ publish: { channel: "nowhere:x", data: 1 } }] }, transport),
      ],
    },
    {
      name: "errors as HTTP statuses, by configuration",
      only: "json",
      configuration: { http_api: { error_mode: "transport" } },
      steps: [
        api("publish", { channel: "nowhere:x", data: 1 }),
        api("publish", { channel: "x", data: 1 }),
      ],
    },
    {
      name: "who calls sees what clients do",
      only: "json",
      steps: [
        ...connect("a", "42"), call("a", { publish: { channel: "history:x", data: { n: 1 } } }),
        api("history", { channel: "history:x", limit: -1 }),
      ],
    },
  ],
};
