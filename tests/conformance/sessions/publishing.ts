// SPDX-License-Identifier: Apache-2.0
import {
  type Area, call, closed, connect, frames, publish, send, settle, subscribe, unordered,
} from "../harness/session.ts";

export const publishing: Area = {
  id: "publishing",
  title: "publish",
  sessions: [
    {
      name: "publish reaches every subscriber, the publisher too",
      steps: [
        ...connect("a", "42"), ...connect("b", "43"), subscribe("a", "x"), subscribe("b", "x"),
        send("a", { publish: { channel: "x", data: { n: 1 } } }), unordered("a", 2), frames("b"),
      ],
    },
    {
      name: "publish without a subscription",
      steps: [...connect("a", "42"), publish("a", "x", { n: 1 }), publish("a", "history:x", 1)],
    },
    {
      name: "publish for subscribers only",
      steps: [
        ...connect("a", "42"), publish("a", "subscriber:x", 1), subscribe("a", "subscriber:x"),
        send("a", { publish: { channel: "subscriber:x", data: 1 } }), unordered("a", 2),
      ],
    },
    {
      name: "publish where it is not allowed",
      steps: [
        ...connect("a", "42"), publish("a", "closed:x", 1), publish("a", "nowhere:x", 1),
        publish("a", "limited:x#42", 1), publish("a", "$x", 1),
      ],
    },
    {
      name: "publish to nothing",
      steps: [...connect("a", "42"), send("a", { publish: { data: 1 } }), closed("a")],
    },
    {
      name: "publish nothing",
      steps: [...connect("a", "42"), call("a", { publish: { channel: "x" } })],
    },
    {
      name: "publish null",
      only: "json",
      steps: [
        ...connect("a", "42"), subscribe("a", "x"),
        send("a", { publish: { channel: "x", data: null } }), unordered("a", 2),
      ],
    },
    {
      name: "publish to names that are refused for subscribe",
      steps: [
        ...connect("a", "42"), publish("a", "letters:1", 1), publish("a", "\u00e4", 1),
        publish("a", "x".repeat(256), 1),
      ],
    },
    {
      name: "publish where objects are asked for",
      steps: [
        ...connect("a", "42"), subscribe("a", "objects:x"), publish("a", "objects:x", [1]),
        publish("a", "objects:x", "text"), publish("a", "objects:x", 1),
        send("a", { publish: { channel: "objects:x", data: { n: 1 } } }), unordered("a", 2),
      ],
    },
    {
      name: "publications with history have offsets",
      steps: [
        ...connect("a", "42"), subscribe("a", "history:x"),
        send("a", { publish: { channel: "history:x", data: 1 } }), unordered("a", 2),
        send("a", { publish: { channel: "history:x", data: 2 } }), unordered("a", 2),
      ],
    },
    {
      name: "bytes that are no JSON",
      only: "protobuf",
      steps: [
        ...connect("a", "42"), subscribe("a", "x"),
        send("a", { publish: { channel: "x", data: { $bytes: "AP+A" } } }), unordered("a", 2),
        settle("a"),
      ],
    },
  ],
};
