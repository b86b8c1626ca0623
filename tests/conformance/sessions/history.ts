// SPDX-License-Identifier: Apache-2.0
import {
  type Area, api, call, closed, connect, fill, send, subscribe,
} from "../harness/session.ts";

const history = (client: string, request: object) =>
  call(client, { history: { channel: "history:x", ...request } });
const since = (offset: number, epoch = "<epoch:1>") => ({ since: { offset, epoch } });

export const histories: Area = {
  id: "history",
  title: "history",
  sessions: [
    {
      name: "the top only, some, all",
      steps: [
        ...connect("a", "42"), history("a", { limit: -1 }), fill("history:x", 1, 5),
        history("a", {}), history("a", { limit: 0 }), history("a", { limit: 2 }),
        history("a", { limit: 5 }), history("a", { limit: 100 }), history("a", { limit: -1 }),
        history("a", { limit: 2, reverse: true }), history("a", { limit: -1, reverse: true }),
      ],
    },
    {
      name: "since a position",
      steps: [
        ...connect("a", "42"), fill("history:x", 1, 5), history("a", {}),
        history("a", { limit: -1, ...since(0) }), history("a", { limit: 2, ...since(2) }),
        history("a", { limit: -1, ...since(5) }), history("a", { limit: -1, ...since(6) }),
        history("a", { limit: -1, ...since(100) }), history("a", { limit: 0, ...since(2) }),
        history("a", { limit: -1, since: { offset: 2 } }),
      ],
    },
    {
      name: "since a position, backwards",
      steps: [
        ...connect("a", "42"), fill("history:x", 1, 5), history("a", {}),
        history("a", { limit: -1, reverse: true, ...since(4) }),
        history("a", { limit: 2, reverse: true, ...since(4) }),
        history("a", { limit: -1, reverse: true, ...since(1) }),
        history("a", { limit: -1, reverse: true, ...since(6) }),
        history("a", { limit: -1, reverse: true, ...since(100) }),
      ],
    },
    {
      name: "backwards from zero",
      steps: [
        ...connect("a", "42"), fill("history:x", 1, 2), history("a", {}),
        history("a", { limit: -1, reverse: true, ...since(0) }),
      ],
    },
    {
      name: "another epoch",
      steps: [
        ...connect("a", "42"), fill("history:x", 1, 2), history("a", {}),
        history("a", { limit: -1, ...since(1, "other") }),
        history("a", { limit: 0, ...since(1, "other") }),
      ],
    },
    {
      name: "more than the size: the newest are kept",
      steps: [
        ...connect("a", "42"), fill("history:x", 1, 15), history("a", { limit: -1 }),
        history("a", { limit: 3, ...since(0) }), history("a", { limit: -1, ...since(3) }),
        history("a", { limit: -1, ...since(7) }),
        history("a", { limit: -1, reverse: true, ...since(8) }),
      ],
    },
    {
      name: "not more than the maximum at a time",
      steps: [
        ...connect("a", "42"), fill("recovery:x", 1, 305),
        call("a", { history: { channel: "recovery:x", limit: -1 } }),
        call("a", { history: { channel: "recovery:x", limit: 1000, reverse: true } }),
      ],
    },
    {
      name: "history for subscribers only",
      steps: [
        ...connect("a", "42"), call("a", { history: { channel: "history_subscriber:x" } }),
        subscribe("a", "history_subscriber:x"),
        call("a", { history: { channel: "history_subscriber:x", limit: 1 } }),
      ],
    },
    {
      name: "history that clients may not ask for",
      steps: [
        ...connect("a", "42"), subscribe("a", "history_hidden:x"),
        call("a", { history: { channel: "history_hidden:x" } }),
      ],
    },
    {
      name: "history where there is none",
      steps: [
        ...connect("a", "42"), call("a", { history: { channel: "x" } }),
        call("a", { history: { channel: "nowhere:x" } }), send("a", { history: {} }), closed("a"),
      ],
    },
    {
      name: "what the publications carry",
      steps: [
        ...connect("a", "42"),
        api("publish", { channel: "history:x", data: { by: "server" }, tags: { a: "b" } }),
        call("a", { publish: { channel: "history:x", data: { by: "client" } } }),
        history("a", { limit: -1 }),
        api("history", { channel: "history:x", limit: -1 }),
      ],
    },
    {
      name: "history by the server",
      steps: [
        fill("history:x", 1, 4), api("history", { channel: "history:x" }),
        api("history", { channel: "history:x", limit: 2 }),
        api("history", { channel: "history:x", limit: -1, reverse: true }),
        api("history", { channel: "history:x", limit: 2, ...since(1) }),
        api("history", { channel: "history:x", limit: -1, reverse: true, ...since(3) }),
        api("history", { channel: "history:x", limit: -1, since: { offset: 1, epoch: "other" } }),
        api("history", { channel: "x" }), api("history", { channel: "nowhere:x" }),
        api("history", {}),
      ],
    },
    {
      name: "history is removed, positions go on",
      steps: [
        ...connect("a", "42"), fill("history:x", 1, 3),
        api("history_remove", { channel: "history:x" }), history("a", { limit: -1 }),
        api("publish", { channel: "history:x", data: 4 }), history("a", { limit: -1 }),
        api("history_remove", { channel: "x" }), api("history_remove", { channel: "nowhere:x" }),
        api("history_remove", {}),
      ],
    },
  ],
};
