// SPDX-License-Identifier: Apache-2.0
import {
  type Area, api, call, closed, connect, frames, open, publish, send, settle, subscribe, token,
  unordered,
} from "../harness/session.ts";

const long = "x".repeat(255);
const subscriptionToken = (claims: object, key?: string) =>
  token({ sub: "42", channel: "$closed:x", ...claims }, key);
const withToken = (claims: object, key?: string) => [
  ...connect("a", "42"),
  subscribe("a", "$closed:x", { token: subscriptionToken(claims, key) }),
];
const closedWithToken = (claims: object) => [
  ...connect("a", "42"),
  send("a", { subscribe: { channel: "$closed:x", token: subscriptionToken(claims) } }),
  closed("a"),
];
const hasty = { client: { expired_sub_close_delay: "1s" } };

export const subscriptions: Area = {
  id: "subscriptions",
  title: "subscribe and its rules, subscription tokens",
  sessions: [
    {
      name: "subscribe, unsubscribe, subscribe",
      steps: [
        ...connect("a", "42"),
        subscribe("a", "x"),
        call("a", { unsubscribe: { channel: "x" } }),
        subscribe("a", "x"),
        api("publish", { channel: "x", data: { n: 1 } }),
        frames("a"),
      ],
    },
    {
      name: "unsubscribe of what is not subscribed",
      steps: [...connect("a", "42"), call("a", { unsubscribe: { channel: "x" } })],
    },
    {
      name: "unsubscribe of nothing",
      steps: [...connect("a", "42"), send("a", { unsubscribe: {} }), closed("a")],
    },
    {
      name: "nothing comes after unsubscribe",
      steps: [
        ...connect("a", "42"),
        subscribe("a", "x"),
        call("a", { unsubscribe: { channel: "x" } }),
        api("publish", { channel: "x", data: { n: 1 } }),
        settle("a"),
      ],
    },
    {
      name: "subscribe to nothing",
      steps: [...connect("a", "42"), send("a", { subscribe: {} }), closed("a")],
    },
    {
      name: "subscribe twice",
      steps: [...connect("a", "42"), subscribe("a", "x"), subscribe("a", "x")],
    },
    {
      name: "subscribe twice in one message",
      steps: [
        ...connect("a", "42"),
        send("a", { subscribe: { channel: "x" } }, { subscribe: { channel: "x" } }),
        frames("a", 2),
      ],
    },
    {
      name: "a channel that is not open",
      steps: [...connect("a", "42"), subscribe("a", "closed:x")],
    },
    {
      name: "a namespace that is not there",
      steps: [...connect("a", "42"), subscribe("a", "nowhere:x"), subscribe("a", "$nowhere:x")],
    },
    {
      name: "an empty namespace",
      steps: [...connect("a", "42"), subscribe("a", ":x"), subscribe("a", "closed:")],
    },
    {
      name: "the longest name and one that is longer",
      steps: [...connect("a", "42"), subscribe("a", long), subscribe("a", `${long}x`)],
    },
    {
      name: "more channels than allowed",
      configuration: { client: { channel_limit: 2 } },
      steps: [
        ...connect("a", "42"), subscribe("a", "x"), subscribe("a", "y"), subscribe("a", "z"),
        call("a", { unsubscribe: { channel: "x" } }), subscribe("a", "z"),
      ],
    },
    {
      name: "names that the expression of a namespace refuses",
      steps: [
        ...connect("a", "42"), subscribe("a", "letters:abc"), subscribe("a", "letters:abc1"),
        subscribe("a", "letters:"),
      ],
    },
    {
      name: "names beyond ASCII",
      steps: [...connect("a", "42"), subscribe("a", "\u00e4"), subscribe("a", "a b\tc")],
    },
    {
      name: "an anonymous user",
      configuration: { client: { allow_anonymous_connect_without_token: true } },
      steps: [
        open("a"), call("a", { connect: {} }), subscribe("a", "x"), subscribe("a", "anonymous:x"),
        publish("a", "x", 1), call("a", { unsubscribe: { channel: "anonymous:x" } }),
        publish("a", "anonymous:x", 1),
      ],
    },
    {
      name: "a channel of some users",
      steps: [
        ...connect("a", "42"), ...connect("b", "43"), ...connect("c", "4"),
        subscribe("a", "limited:dialog#42,43"), subscribe("b", "limited:dialog#42,43"),
        subscribe("c", "limited:dialog#42,43"), subscribe("a", "limited:x"),
        subscribe("a", "limited:x#42#43"), subscribe("a", "limited:#42"),
        subscribe("a", "limited:x#"), subscribe("a", "#42"), subscribe("a", "x#42"),
      ],
    },
    {
      name: "a private channel without a token",
      steps: [...connect("a", "42"), subscribe("a", "$x"), subscribe("a", "$closed:x")],
    },
    { name: "a subscription token", steps: withToken({}) },
    {
      name: "a subscription token for a channel that is not private",
      steps: [
        ...connect("a", "42"),
        subscribe("a", "closed:x", { token: token({ sub: "42", channel: "closed:x" }) }),
        api("publish", { channel: "closed:x", data: { n: 1 } }),
        frames("a"),
      ],
    },
    { name: "a subscription token with an expiry", steps: withToken({ exp: "<now+1002>" }) },
    {
      name: "a subscription token with expire_at",
      steps: withToken({ exp: "<now+100>", expire_at: "<now+5002>" }),
    },
    {
      name: "a subscription token with expire_at zero",
      steps: withToken({ exp: "<now+100>", expire_at: 0 }),
    },
    {
      name: "a subscription token with expire_at in the past",
      steps: withToken({ exp: "<now+100>", expire_at: "<now-10>" }),
    },
    { name: "an expired subscription token", steps: withToken({ exp: "<now-1>" }) },
    { name: "a subscription token that is not valid yet", steps: withToken({ nbf: "<now+100>" }) },
    {
      name: "a subscription token of another key",
      steps: withToken({}, "another-secret-of-sufficient-length"),
    },
    { name: "a subscription token for another channel", steps: closedWithToken({ channel: "$x" }) },
    { name: "a subscription token of another user", steps: closedWithToken({ sub: "43" }) },
    {
      name: "a subscription token without a channel",
      steps: [
        ...connect("a", "42"), subscribe("a", "$closed:x", { token: token({ sub: "42" }) }),
      ],
    },
    {
      name: "a subscription token bound to this client",
      steps: withToken({ client: "<client:1>" }),
    },
    {
      name: "a subscription token bound to another client",
      steps: closedWithToken({ client: "0f1e2d3c-0000-4000-8000-000000000000" }),
    },
    {
      name: "info and data of a subscription token",
      steps: [
        ...connect("a", "42"),
        subscribe("a", "presence:x", {
          token: token({ sub: "42", channel: "presence:x", info: { role: 1 }, data: { b: 2 } }),
        }),
        call("a", { presence: { channel: "presence:x" } }),
        send("a", { publish: { channel: "presence:x", data: 1 } }),
        unordered("a", 2),
      ],
    },
    {
      name: "b64info and b64data of a subscription token",
      steps: [
        ...connect("a", "42"),
        subscribe("a", "presence:x", {
          token: token({
            sub: "42", channel: "presence:x", b64info: "eyJyb2xlIjoxfQ==", b64data: "WzJd",
          }),
        }),
        call("a", { presence: { channel: "presence:x" } }),
      ],
    },
    {
      name: "options of a subscription token",
      steps: [
        ...connect("a", "42"),
        subscribe("a", "history:x", {
          token: token({
            sub: "42", channel: "history:x",
            override: {
              force_recovery: { value: true }, presence: { value: true },
              join_leave: { value: true }, force_push_join_leave: { value: true },
            },
          }),
        }),
        frames("a"),
      ],
    },
    {
      name: "sub_refresh",
      steps: [
        ...withToken({ exp: "<now+100>" }),
        call("a", {
          sub_refresh: { channel: "$closed:x", token: subscriptionToken({ exp: "<now+2002>" }) },
        }),
        call("a", { sub_refresh: { channel: "$closed:x", token: subscriptionToken({}) } }),
      ],
    },
    {
      name: "sub_refresh of what is not subscribed",
      steps: [
        ...connect("a", "42"),
        call("a", { sub_refresh: { channel: "$closed:x", token: subscriptionToken({}) } }),
      ],
    },
    {
      name: "sub_refresh without a token",
      steps: [
        ...withToken({ exp: "<now+100>" }),
        call("a", { sub_refresh: { channel: "$closed:x" } }),
      ],
    },
    {
      name: "sub_refresh without a channel",
      steps: [
        ...withToken({ exp: "<now+100>" }),
        send("a", { sub_refresh: { token: subscriptionToken({}) } }),
        closed("a"),
      ],
    },
    {
      name: "sub_refresh with a bad token",
      steps: [
        ...withToken({ exp: "<now+100>" }),
        send("a", { sub_refresh: { channel: "$closed:x", token: "x.y.z" } }),
        closed("a"),
      ],
    },
    {
      name: "sub_refresh with the token of another channel",
      steps: [
        ...withToken({ exp: "<now+100>" }),
        send("a", {
          sub_refresh: { channel: "$closed:x", token: subscriptionToken({ channel: "$y" }) },
        }),
        closed("a"),
      ],
    },
    {
      name: "sub_refresh with the token of another user",
      steps: [
        ...withToken({ exp: "<now+100>" }),
        send("a", {
          sub_refresh: { channel: "$closed:x", token: subscriptionToken({ sub: "43" }) },
        }),
        closed("a"),
      ],
    },
    {
      name: "sub_refresh with an expired token",
      steps: [
        ...withToken({ exp: "<now+100>" }),
        send("a", {
          sub_refresh: { channel: "$closed:x", token: subscriptionToken({ exp: "<now-1>" }) },
        }),
        frames("a"),
      ],
    },
    {
      name: "sub_refresh with expire_at in the past",
      steps: [
        ...withToken({ exp: "<now+100>" }),
        call("a", {
          sub_refresh: {
            channel: "$closed:x",
            token: subscriptionToken({ exp: "<now+100>", expire_at: "<now-10>" }),
          },
        }),
      ],
    },
    {
      name: "a subscription that is not refreshed in time",
      configuration: hasty,
      steps: [...withToken({ exp: "<now+1>" }), frames("a"), subscribe("a", "x")],
    },
    {
      name: "a delta that nobody knows",
      steps: [
        ...connect("a", "42"),
        send("a", { subscribe: { channel: "x", delta: "xyz" } }),
        closed("a"),
      ],
    },
    {
      name: "a delta where none is offered",
      steps: [...connect("a", "42"), subscribe("a", "recovery:x", { delta: "fossil" })],
    },
    {
      name: "a tags filter where none is offered",
      steps: [
        ...connect("a", "42"),
        subscribe("a", "x", { tf: { key: "a", cmp: "eq", val: "b" } }),
      ],
    },
    {
      name: "a subscription of another type",
      steps: [...connect("a", "42"), subscribe("a", "x", { type: 1 })],
    },
    {
      name: "unsubscribe by the server",
      steps: [
        ...connect("a", "42"), subscribe("a", "x"), subscribe("a", "y"),
        api("unsubscribe", { user: "42", channel: "x" }), frames("a"), subscribe("a", "x"),
        settle("a"),
      ],
    },
    {
      name: "unsubscribe by the server of one client",
      steps: [
        ...connect("a", "42"), ...connect("b", "42"), subscribe("a", "x"), subscribe("b", "x"),
        api("unsubscribe", { user: "42", channel: "x", client: "<client:2>" }), frames("b"),
        api("publish", { channel: "x", data: 1 }), frames("a"), settle("b"),
      ],
    },
    {
      name: "unsubscribe by the server of what is not subscribed",
      steps: [
        ...connect("a", "42"), api("unsubscribe", { user: "42", channel: "x" }),
        api("unsubscribe", { user: "42", channel: "nowhere:x" }), settle("a"),
      ],
    },
  ],
};
