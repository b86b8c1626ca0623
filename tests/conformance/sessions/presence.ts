// SPDX-License-Identifier: Apache-2.0
import {
  type Area, api, call, closed, connect, frames, hangup, settle, subscribe, token, unordered,
} from "../harness/session.ts";

const presence = (client: string, channel: string) => call(client, { presence: { channel } });
const stats = (client: string, channel: string) =>
  call(client, { presence_stats: { channel } });

export const presences: Area = {
  id: "presence",
  title: "presence, join, leave",
  sessions: [
    {
      name: "who is there",
      steps: [
        ...connect("a", "42"), ...connect("b", "42"), ...connect("c", "43"),
        presence("a", "presence:x"), stats("a", "presence:x"),
        subscribe("a", "presence:x"), subscribe("b", "presence:x"), subscribe("c", "presence:x"),
        presence("a", "presence:x"), stats("a", "presence:x"),
        call("b", { unsubscribe: { channel: "presence:x" } }),
        presence("b", "presence:x"), stats("b", "presence:x"),
      ],
    },
    {
      name: "who has gone is not there",
      steps: [
        ...connect("a", "42"), ...connect("b", "43"),
        subscribe("a", "joins_asked:x", { join_leave: true }), frames("a"),
        subscribe("b", "joins_asked:x"), frames("a"), hangup("b"), frames("a"),
        presence("a", "joins_asked:x"), stats("a", "joins_asked:x"),
      ],
    },
    {
      name: "presence for subscribers only",
      steps: [
        ...connect("a", "42"), presence("a", "presence_subscriber:x"),
        stats("a", "presence_subscriber:x"), subscribe("a", "presence_subscriber:x"),
        presence("a", "presence_subscriber:x"), stats("a", "presence_subscriber:x"),
      ],
    },
    {
      name: "presence that clients may not ask for",
      steps: [
        ...connect("a", "42"), subscribe("a", "presence_hidden:x"),
        presence("a", "presence_hidden:x"), stats("a", "presence_hidden:x"),
      ],
    },
    {
      name: "presence where there is none",
      steps: [
        ...connect("a", "42"), presence("a", "x"), stats("a", "x"), presence("a", "nowhere:x"),
        stats("a", "nowhere:x"),
      ],
    },
    {
      name: "presence of nothing",
      steps: [
        ...connect("a", "42"), ...connect("b", "42"),
        { send: "a", commands: [{ presence: {} }] }, closed("a"),
        { send: "b", commands: [{ presence_stats: {} }] }, closed("b"),
      ],
    },
    {
      name: "info in presence",
      steps: [
        { open: "a" },
        call("a", { connect: { token: token({ sub: "42", info: { name: "Ada" } }) } }),
        subscribe("a", "presence:x", {
          token: token({ sub: "42", channel: "presence:x", info: { role: 1 } }),
        }),
        presence("a", "presence:x"),
        api("presence", { channel: "presence:x" }),
        api("presence_stats", { channel: "presence:x" }),
      ],
    },
    {
      name: "join and leave",
      steps: [
        ...connect("a", "42"), ...connect("b", "43"), subscribe("a", "joins:x"), frames("a"),
        subscribe("b", "joins:x"), frames("b"), frames("a"),
        call("b", { unsubscribe: { channel: "joins:x" } }), frames("a"),
        subscribe("b", "joins:x"), frames("b"), frames("a"), hangup("b"), frames("a"),
      ],
    },
    {
      name: "join and leave only for who asks",
      steps: [
        ...connect("a", "42"), ...connect("b", "43"), ...connect("c", "44"),
        subscribe("a", "joins_asked:x", { join_leave: true }), frames("a"),
        subscribe("b", "joins_asked:x"), frames("a"),
        subscribe("c", "joins_asked:x", { join_leave: true }), frames("c"), frames("a"),
        call("c", { unsubscribe: { channel: "joins_asked:x" } }), frames("a"), settle("b"),
      ],
    },
    {
      name: "join and leave asked for where there are none",
      steps: [
        ...connect("a", "42"), ...connect("b", "43"),
        subscribe("a", "presence:x", { join_leave: true }), subscribe("b", "presence:x"),
        call("b", { unsubscribe: { channel: "presence:x" } }), settle("a"),
      ],
    },
    {
      name: "join, leave and info",
      steps: [
        ...connect("a", "42"), { open: "b" },
        call("b", { connect: { token: token({ sub: "43", info: { name: "Bob" } }) } }),
        subscribe("a", "joins:x"), frames("a"), subscribe("b", "joins:x"), frames("b"),
        frames("a"), api("disconnect", { user: "43" }), closed("b"), frames("a"),
      ],
    },
    {
      name: "leave by the server's unsubscribe",
      steps: [
        ...connect("a", "42"), ...connect("b", "43"), subscribe("a", "joins:x"), frames("a"),
        subscribe("b", "joins:x"), frames("b"), frames("a"),
        api("unsubscribe", { user: "43", channel: "joins:x" }), frames("a"), unordered("b", 1),
      ],
    },
  ],
};
