// SPDX-License-Identifier: Apache-2.0
import {
  type Area, api, call, closed, connect, fill, frames, open, send, settle, settleChannel,
  subscribe, token, unordered,
} from "../harness/session.ts";

const personal = { client: { subscribe_to_user_personal_channel: { enabled: true } } };
const hasty = { client: { expired_sub_close_delay: "1s" } };
const connectWith = (claims: object, request: object = {}) => [
  open("a"),
  call("a", { connect: { token: token({ sub: "42", ...claims }), ...request } }),
];

export const serverSide: Area = {
  id: "server_side",
  title: "Server-side subscriptions",
  sessions: [
    {
      name: "channels of the token",
      steps: [
        ...connectWith({ channels: ["closed:x", "recovery:y"] }),
        api("publish", { channel: "closed:x", data: 1 }), frames("a"),
        api("publish", { channel: "recovery:y", data: 2 }), frames("a"),
        subscribe("a", "closed:x"),
        call("a", { unsubscribe: { channel: "closed:x" } }),
        api("publish", { channel: "closed:x", data: 3 }), settle("a"),
      ],
    },
    {
      name: "a channel of the token twice",
      steps: connectWith({ channels: ["closed:x", "closed:x"] }),
    },
    {
      name: "a channel of the token in no namespace",
      steps: connectWith({ channels: ["nowhere:x"] }),
    },
    {
      name: "more channels in the token than allowed",
      configuration: { client: { channel_limit: 2 } },
      steps: [
        open("a"),
        send("a", { connect: { token: token({ sub: "42", channels: ["x", "y", "z"] }) } }),
        closed("a"),
      ],
    },
    {
      name: "subs of the token",
      steps: [
        ...connectWith({
          subs: {
            "history:x": {
              data: { a: 1 }, info: { role: 1 }, override: { force_recovery: { value: true } },
            },
            "presence:x": { override: { presence: { value: false } } },
          },
          channels: ["ignored"],
        }),
        call("a", { presence: { channel: "presence:x" } }),
        send("a", { publish: { channel: "history:x", data: 1 } }),
        unordered("a", 2),
      ],
    },
    {
      name: "subs of the token are recovered",
      steps: [
        fill("recovery:x", 1, 3), api("history", { channel: "recovery:x" }),
        ...connectWith(
          { channels: ["recovery:x"] },
          { subs: { "recovery:x": { recover: true, offset: 1, epoch: "<epoch:1>" } } },
        ),
        api("publish", { channel: "recovery:x", data: { n: 4 } }), frames("a"),
      ],
    },
    {
      name: "subs of the token are not recovered with another epoch",
      steps: [
        fill("recovery:x", 1, 3), api("history", { channel: "recovery:x" }),
        ...connectWith(
          { channels: ["recovery:x"] },
          { subs: { "recovery:x": { recover: true, offset: 1, epoch: "other" } } },
        ),
      ],
    },
    {
      name: "a wish for channels",
      steps: connectWith(
        {},
        { subs: { x: {}, "closed:x": {}, "$x": {}, "recovery:x": {}, "limited:x#42": {} } },
      ),
    },
    {
      name: "a wish for a channel in no namespace",
      steps: [
        open("a"),
        send("a", { connect: { token: token({ sub: "42" }), subs: { "nowhere:x": {} } } }),
        closed("a"),
      ],
    },
    {
      name: "a wish with a position",
      steps: [
        fill("recovery:x", 1, 3), api("history", { channel: "recovery:x" }),
        ...connectWith(
          {},
          { subs: { "recovery:x": { recover: true, offset: 2, epoch: "<epoch:1>" } } },
        ),
      ],
    },
    {
      name: "the personal channel",
      configuration: personal,
      steps: [
        ...connectWith({}), api("publish", { channel: "#42", data: 1 }), frames("a"),
      ],
    },
    {
      name: "the personal channel in a namespace",
      configuration: {
        client: {
          subscribe_to_user_personal_channel: {
            enabled: true, personal_channel_namespace: "recovery",
          },
        },
      },
      steps: [
        ...connectWith({}), api("publish", { channel: "recovery:#42", data: 1 }), frames("a"),
      ],
    },
    {
      name: "no personal channel for nobody",
      configuration: {
        client: {
          ...personal.client, allow_anonymous_connect_without_token: true,
        },
      },
      steps: [open("a"), call("a", { connect: {} })],
    },
    {
      name: "one connection of a user",
      configuration: {
        client: {
          subscribe_to_user_personal_channel: {
            enabled: true, personal_channel_namespace: "presence", single_connection: true,
          },
        },
      },
      steps: [...connect("a", "42"), ...connect("b", "42"), closed("a"), settle("b")],
    },
    {
      name: "subscribe by the server",
      steps: [
        ...connect("a", "42"), ...connect("b", "42"), ...connect("c", "43"),
        api("subscribe", { user: "42", channel: "closed:x" }), frames("a"), frames("b"),
        api("publish", { channel: "closed:x", data: 1 }), frames("a"), frames("b"), settle("c"),
      ],
    },
    {
      name: "subscribe by the server of one client, with data and info",
      steps: [
        ...connect("a", "42"), ...connect("b", "42"),
        api("subscribe", {
          user: "42", client: "<client:1>", channel: "presence:x", data: { a: 1 },
          info: { role: 2 },
        }),
        frames("a"), settle("b"), api("presence", { channel: "presence:x" }),
      ],
    },
    {
      name: "subscribe by the server with options",
      steps: [
        ...connect("a", "42"),
        api("subscribe", {
          user: "42", channel: "history:x",
          override: { force_recovery: { value: true }, force_positioning: { value: true } },
        }),
        frames("a"),
        api("publish", { channel: "history:x", data: 1 }), frames("a"),
      ],
    },
    {
      name: "subscribe by the server since a position",
      steps: [
        fill("recovery:x", 1, 3), api("history", { channel: "recovery:x" }),
        ...connect("a", "42"),
        api("subscribe", {
          user: "42", channel: "recovery:x", recover_since: { offset: 1, epoch: "<epoch:1>" },
        }),
        frames("a"), api("publish", { channel: "recovery:x", data: { n: 4 } }),
        settleChannel("a", "recovery:x"),
      ],
    },
    {
      name: "subscribe by the server to what is subscribed",
      steps: [
        ...connect("a", "42"), subscribe("a", "x"),
        api("subscribe", { user: "42", channel: "x" }), settle("a"),
        api("publish", { channel: "x", data: 1 }), frames("a"),
      ],
    },
    {
      name: "subscribe by the server in no namespace",
      steps: [
        ...connect("a", "42"), api("subscribe", { user: "42", channel: "nowhere:x" }),
        api("subscribe", { user: "42" }), api("subscribe", { channel: "x" }), settle("a"),
      ],
    },
    {
      name: "unsubscribe by the server of a server-side subscription",
      steps: [
        ...connectWith({ channels: ["closed:x", "closed:y"] }),
        api("unsubscribe", { user: "42", channel: "closed:x" }), frames("a"),
        api("publish", { channel: "closed:x", data: 1 }),
        api("publish", { channel: "closed:y", data: 2 }), frames("a"),
      ],
    },
    {
      name: "unsubscribe by the server of everything",
      steps: [
        ...connectWith({ channels: ["closed:x"] }),
        api("unsubscribe", { user: "42", channel: "" }), frames("a"),
        api("publish", { channel: "closed:x", data: 1 }), settle("a"),
      ],
    },
    {
      name: "a server-side subscription that expires",
      configuration: hasty,
      steps: [
        ...connect("a", "42"),
        api("subscribe", { user: "42", channel: "closed:x", expire_at: "<now+1>" }), frames("a"),
        closed("a"),
      ],
    },
    {
      name: "join and leave of server-side subscriptions",
      steps: [
        ...connectWith({ channels: ["joins:x"] }), frames("a"), ...connect("b", "43"),
        subscribe("b", "joins:x"), frames("b"), frames("a"),
        call("b", { unsubscribe: { channel: "joins:x" } }), frames("a"),
      ],
    },
  ],
};
