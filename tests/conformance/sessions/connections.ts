// SPDX-License-Identifier: Apache-2.0
import {
  type Area, api, call, closed, connect, frames, open, publish, send, settle, subscribe, token,
  unordered,
} from "../harness/session.ts";

const anonymous = { client: { allow_anonymous_connect_without_token: true } };
const hasty = { client: { expired_close_delay: "1s" } };
const connectWith = (claims: object, key?: string) => [
  open("a"),
  call("a", { connect: { token: token(claims as Record<string, unknown>, key) } }),
];
const refusedWith = (claims: object, key?: string) => [
  open("a"),
  send("a", { connect: { token: token(claims as Record<string, unknown>, key) } }),
  closed("a"),
];

export const connections: Area = {
  id: "connections",
  title: "connect, tokens, refresh",
  sessions: [
    { name: "no token", steps: [open("a"), send("a", { connect: {} }), closed("a")] },
    {
      name: "no token, where that is allowed",
      configuration: anonymous,
      steps: [open("a"), call("a", { connect: {} }), subscribe("a", "x")],
    },
    {
      name: "a token of nobody",
      steps: [...connectWith({}), subscribe("a", "x"), subscribe("a", "anonymous:x")],
    },
    {
      name: "connect with all its fields",
      steps: [
        open("a"),
        call("a", {
          connect: {
            token: token({ sub: "42" }), name: "js", version: "1.2.3", data: { any: "thing" },
            headers: { "X-A": "b" },
          },
        }),
      ],
    },
    { name: "a token with an expiry", steps: connectWith({ sub: "42", exp: "<now+1002>" }) },
    { name: "an expired token", steps: connectWith({ sub: "42", exp: "<now-1>" }) },
    {
      name: "a token that is not valid yet",
      steps: connectWith({ sub: "42", nbf: "<now+100>" }),
    },
    {
      name: "a token of another key",
      steps: refusedWith({ sub: "42" }, "another-secret-of-sufficient-length"),
    },
    {
      name: "an expired token of another key",
      steps: refusedWith({ sub: "42", exp: "<now-1>" }, "another-secret-of-sufficient-length"),
    },
    {
      name: "text that is no token",
      steps: [open("a"), send("a", { connect: { token: "x.y.z" } }), closed("a")],
    },
    {
      name: "a subscription token for connect",
      steps: refusedWith({ sub: "42", channel: "x" }),
    },
    { name: "a user that is no string", steps: refusedWith({ sub: 42 }) },
    {
      name: "expire_at later than exp",
      steps: connectWith({ sub: "42", exp: "<now+100>", expire_at: "<now+5002>" }),
    },
    {
      name: "expire_at zero: the connection never expires",
      steps: connectWith({ sub: "42", exp: "<now+100>", expire_at: 0 }),
    },
    {
      name: "expire_at in the past",
      steps: connectWith({ sub: "42", exp: "<now+100>", expire_at: "<now-10>" }),
    },
    {
      name: "the audience asked for",
      configuration: { client: { token: { audience: "app" } } },
      steps: connectWith({ sub: "42", aud: "app" }),
    },
    {
      name: "one of several audiences",
      configuration: { client: { token: { audience: "app" } } },
      steps: connectWith({ sub: "42", aud: ["other", "app"] }),
    },
    {
      name: "another audience than asked for",
      configuration: { client: { token: { audience: "app" } } },
      steps: refusedWith({ sub: "42", aud: "other" }),
    },
    {
      name: "another issuer than asked for",
      configuration: { client: { token: { issuer: "app" } } },
      steps: refusedWith({ sub: "42", iss: "other" }),
    },
    {
      name: "info of the token",
      steps: [
        ...connectWith({ sub: "42", info: { name: "Ada" } }),
        subscribe("a", "x"),
        send("a", { publish: { channel: "x", data: 1 } }),
        unordered("a", 2),
      ],
    },
    {
      name: "b64info of the token",
      steps: [
        ...connectWith({ sub: "42", info: 1, b64info: "eyJuYW1lIjoiQWRhIn0=" }),
        subscribe("a", "x"),
        send("a", { publish: { channel: "x", data: 1 } }),
        unordered("a", 2),
      ],
    },
    {
      name: "meta of the token stays on the server",
      steps: [
        ...connectWith({ sub: "42", meta: { secret: 1 } }),
        subscribe("a", "presence:x"),
        call("a", { presence: { channel: "presence:x" } }),
      ],
    },
    {
      name: "everybody is let in, insecurely",
      configuration: { client: { insecure: true } },
      steps: [
        open("a"), call("a", { connect: {} }), subscribe("a", "closed:x"),
        publish("a", "closed:y", {}), call("a", { presence: { channel: "presence_hidden:x" } }),
      ],
    },
    {
      name: "refresh",
      steps: [
        ...connectWith({ sub: "42", exp: "<now+100>" }),
        call("a", { refresh: { token: token({ sub: "42", exp: "<now+2002>" }) } }),
        call("a", { refresh: { token: token({ sub: "42" }) } }),
      ],
    },
    {
      name: "refresh of a connection that does not expire",
      steps: [
        ...connectWith({ sub: "42" }),
        call("a", { refresh: { token: token({ sub: "42", exp: "<now+2002>" }) } }),
      ],
    },
    {
      name: "refresh with an expired token",
      steps: [
        ...connectWith({ sub: "42", exp: "<now+100>" }),
        send("a", { refresh: { token: token({ sub: "42", exp: "<now-1>" }) } }),
        closed("a"),
      ],
    },
    {
      name: "refresh with the token of another user",
      steps: [
        ...connectWith({ sub: "42", exp: "<now+100>" }),
        send("a", { refresh: { token: token({ sub: "43", exp: "<now+100>" }) } }),
        closed("a"),
      ],
    },
    {
      name: "refresh with a bad token",
      steps: [
        ...connectWith({ sub: "42", exp: "<now+100>" }),
        send("a", { refresh: { token: "x.y.z" } }),
        closed("a"),
      ],
    },
    {
      name: "refresh without a token",
      steps: [
        ...connectWith({ sub: "42", exp: "<now+100>" }),
        send("a", { refresh: {} }),
        closed("a"),
      ],
    },
    {
      name: "refresh with other channels",
      steps: [
        ...connectWith({ sub: "42", exp: "<now+100>", channels: ["x"] }),
        send("a", { refresh: { token: token({ sub: "42", exp: "<now+100>", channels: ["y"] }) } }),
        closed("a"),
      ],
    },
    {
      name: "refresh with the same channels",
      steps: [
        ...connectWith({ sub: "42", exp: "<now+100>", channels: ["x"] }),
        call("a", { refresh: { token: token({ sub: "42", exp: "<now+500>", channels: ["x"] }) } }),
      ],
    },
    {
      name: "a connection that is not refreshed in time",
      configuration: hasty,
      steps: [...connectWith({ sub: "42", exp: "<now+1>" }), closed("a")],
    },
    {
      name: "refresh by the server",
      steps: [
        ...connectWith({ sub: "42", exp: "<now+100>" }),
        api("refresh", { user: "42", expire_at: "<now+2002>" }),
        frames("a"),
      ],
    },
    {
      name: "refresh by the server to an earlier end",
      configuration: hasty,
      steps: [
        ...connectWith({ sub: "42", exp: "<now+100>" }),
        api("refresh", { user: "42", expire_at: "<now+1>" }),
        frames("a"),
        closed("a"),
      ],
    },
    {
      name: "refresh by the server: expired",
      steps: [
        ...connectWith({ sub: "42", exp: "<now+100>" }),
        api("refresh", { user: "42", expired: true }),
        closed("a"),
      ],
    },
    {
      name: "refresh by the server of one client",
      steps: [
        ...connect("a", "42"),
        ...connect("b", "42"),
        api("refresh", { user: "42", client: "<client:1>", expired: true }),
        closed("a"),
        settle("b"),
      ],
    },
  ],
};
