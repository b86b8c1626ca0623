// SPDX-License-Identifier: Apache-2.0
import {
  type Area, bytes, call, closed, connect, frames, open, send, settle, subscribe, text, token,
  unordered,
} from "../harness/session.ts";

const fastPings = { client: { ping_interval: "1s", pong_timeout: "500ms" } };

export const dispatch: Area = {
  id: "dispatch",
  title: "Framing, order of commands, pings",
  sessions: [
    {
      name: "another command before connect",
      steps: [open("a"), send("a", { subscribe: { channel: "x" } }), closed("a")],
    },
    {
      name: "a publish before connect",
      steps: [open("a"), send("a", { publish: { channel: "x", data: {} } }), closed("a")],
    },
    {
      name: "send before connect",
      steps: [open("a"), send("a", { send: { data: {} } }), closed("a")],
    },
    {
      name: "a pong before connect",
      only: "json",
      steps: [open("a"), text("a", "{}"), closed("a")],
    },
    {
      name: "a pong before any ping",
      only: "json",
      steps: [...connect("a", "42"), text("a", "{}"), closed("a")],
    },
    {
      name: "a Protobuf pong before any ping",
      only: "protobuf",
      steps: [...connect("a", "42"), bytes("a", "00"), closed("a")],
    },
    {
      name: "two pongs for one ping",
      only: "json",
      configuration: fastPings,
      steps: [...connect("a", "42"), frames("a"), text("a", "{}"), text("a", "{}"), closed("a")],
    },
    {
      name: "pings that are answered",
      only: "json",
      configuration: fastPings,
      steps: [
        ...connect("a", "42"), frames("a"), text("a", "{}"), frames("a"), text("a", "{}"),
        settle("a"),
      ],
    },
    {
      name: "Protobuf pings that are answered",
      only: "protobuf",
      configuration: fastPings,
      steps: [
        ...connect("a", "42"), frames("a"), bytes("a", "00"), frames("a"), bytes("a", "00"),
        settle("a"),
      ],
    },
    {
      name: "a ping that is not answered",
      configuration: fastPings,
      steps: [...connect("a", "42"), frames("a"), closed("a")],
    },
    {
      name: "a command without an id",
      steps: [
        ...connect("a", "42"), send("a", { id: 0, subscribe: { channel: "x" } }), closed("a"),
      ],
    },
    {
      name: "a command with an id and nothing else",
      steps: [...connect("a", "42"), send("a", { id: 7 }), closed("a")],
    },
    {
      name: "a ping command",
      steps: [...connect("a", "42"), send("a", { ping: {} }), closed("a")],
    },
    {
      name: "two requests in one command",
      steps: [
        ...connect("a", "42"),
        call("a", { subscribe: { channel: "x" }, publish: { channel: "x", data: {} } }),
        call("a", { presence: { channel: "x" }, unsubscribe: { channel: "x" } }),
        call("a", { rpc: { method: "m" }, history: { channel: "x" } }),
      ],
    },
    {
      name: "connect and subscribe in one command",
      steps: [
        open("a"),
        call("a", { connect: { token: token({ sub: "42" }) }, subscribe: { channel: "x" } }),
        subscribe("a", "x"),
      ],
    },
    {
      name: "connect twice",
      steps: [
        ...connect("a", "42"), send("a", { connect: { token: token({ sub: "42" }) } }), closed("a"),
      ],
    },
    {
      name: "a command after a connect that failed",
      steps: [
        open("a"),
        call("a", { connect: { token: token({ sub: "42", exp: "<now-60>" }) } }),
        send("a", { subscribe: { channel: "x" } }),
        closed("a"),
      ],
    },
    {
      name: "connect again after a connect that failed",
      steps: [
        open("a"),
        call("a", { connect: { token: token({ sub: "42", exp: "<now-60>" }) } }),
        send("a", { connect: { token: token({ sub: "42" }) } }),
        closed("a"),
      ],
    },
    {
      name: "a client that never connects",
      configuration: { client: { stale_close_delay: "1s" } },
      steps: [open("a"), closed("a")],
    },
    {
      name: "a connect that failed and then nothing",
      configuration: { client: { stale_close_delay: "1s" } },
      steps: [
        open("a"),
        call("a", { connect: { token: token({ sub: "42", exp: "<now-60>" }) } }),
        closed("a"),
      ],
    },
    {
      name: "keys that nobody knows",
      only: "json",
      steps: [
        ...connect("a", "42", { unknown: { deep: [1, null] } }),
        call("a", { subscribe: { channel: "x", unknown: 1 }, unknown: true }),
      ],
    },
    {
      name: "text that is no JSON",
      only: "json",
      steps: [...connect("a", "42"), text("a", "{"), closed("a")],
    },
    {
      name: "a JSON value that is no object",
      only: "json",
      steps: [...connect("a", "42"), text("a", "[]"), closed("a")],
    },
    {
      name: "a field of the wrong type",
      only: "json",
      steps: [...connect("a", "42"), text("a", '{"id":2,"subscribe":{"channel":5}}'), closed("a")],
    },
    {
      name: "bytes that are no Protobuf",
      only: "protobuf",
      steps: [...connect("a", "42"), bytes("a", "02ffff"), closed("a")],
    },
    {
      name: "a length beyond the message",
      only: "protobuf",
      steps: [...connect("a", "42"), bytes("a", "7f0801"), closed("a")],
    },
    {
      name: "an empty message",
      only: "json",
      steps: [...connect("a", "42"), text("a", ""), closed("a")],
    },
    {
      name: "a blank line between two commands",
      only: "json",
      steps: [
        ...connect("a", "42"),
        text("a", '{"id":2,"subscribe":{"channel":"x"}}\n\n{"id":3,"unsubscribe":{"channel":"x"}}'),
        frames("a"),
        closed("a"),
      ],
    },
    {
      name: "a line feed behind the last command",
      only: "json",
      steps: [
        ...connect("a", "42"),
        text("a", '{"id":2,"subscribe":{"channel":"x"}}\n'),
        frames("a"),
      ],
    },
    {
      name: "several commands in one message",
      steps: [
        ...connect("a", "42"),
        send(
          "a",
          { subscribe: { channel: "x" } },
          { subscribe: { channel: "nowhere:x" } },
          { unsubscribe: { channel: "x" } },
          { rpc: { method: "m" } },
        ),
        frames("a", 4),
      ],
    },
    {
      name: "connect and more in one message",
      steps: [
        open("a"),
        send("a", { connect: { token: token({ sub: "42" }) } }, { subscribe: { channel: "x" } }),
        frames("a", 2),
      ],
    },
    {
      name: "the same id twice",
      steps: [
        ...connect("a", "42"),
        call("a", { id: 5, subscribe: { channel: "x" } }),
        call("a", { id: 5, unsubscribe: { channel: "x" } }),
      ],
    },
    {
      name: "the largest id",
      steps: [...connect("a", "42"), call("a", { id: 4294967295, subscribe: { channel: "x" } })],
    },
    {
      name: "an id that is too large",
      only: "json",
      steps: [
        ...connect("a", "42"),
        text("a", '{"id":4294967296,"subscribe":{"channel":"x"}}'),
        closed("a"),
      ],
    },
    {
      name: "send",
      steps: [...connect("a", "42"), send("a", { id: 0, send: { data: {} } }), closed("a")],
    },
    {
      name: "rpc",
      steps: [
        ...connect("a", "42"),
        call("a", { rpc: { method: "getX", data: {} } }),
        call("a", { rpc: { method: "unknown:getX", data: {} } }),
        call("a", { rpc: {} }),
      ],
    },
    {
      name: "a message that is too large",
      only: "json",
      steps: [...connect("a", "42"), text("a", " ".repeat(70_000)), closed("a")],
    },
    {
      name: "payloads come through unchanged",
      steps: [
        ...connect("a", "42"),
        subscribe("a", "x"),
        send("a", {
          publish: { channel: "x", data: ["\u00e4\u{1F600}", 1.5e300, null, { "": {} }] },
        }),
        unordered("a", 2),
        send("a", { publish: { channel: "x", data: "text" } }),
        unordered("a", 2),
      ],
    },
  ],
};
