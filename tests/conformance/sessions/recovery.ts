// SPDX-License-Identifier: Apache-2.0
import {
  type Area, api, call, closed, connect, fill, frames, settle, subscribe, token, unordered,
} from "../harness/session.ts";

const top = (channel: string) => [
  ...connect("reader", "1"),
  call("reader", { history: { channel } }),
];
/** A channel with `count` publications whose epoch is known, and a client that subscribes so. */
const recover = (count: number, request: object, channel = "recovery:x") => [
  fill(channel, 1, count),
  api("history", { channel }),
  ...connect("a", "42"),
  subscribe("a", channel, { recover: true, ...request }),
];
const at = (offset: number, epoch = "<epoch:1>") => ({ offset, epoch });

/** Streams are forgotten after a second, and positions are checked as often. */
const forgetful = {
  client: { channel_position_check_delay: "1s" },
  channel: {
    without_namespace: {
      allow_subscribe_for_client: true, allow_publish_for_client: true, force_recovery: true,
      history_size: 10, history_ttl: "1s", history_meta_ttl: "1s",
    },
  },
};

export const recoveries: Area = {
  id: "recovery",
  title: "positioning and recovery",
  sessions: [
    {
      name: "a new subscription tells the position",
      steps: [
        ...connect("a", "42"), subscribe("a", "recovery:x"), fill("recovery:y", 1, 3),
        subscribe("a", "recovery:y"), subscribe("a", "positioned:x"), subscribe("a", "allowed:x"),
        subscribe("a", "history_hidden:x"),
      ],
    },
    {
      name: "recoverable and positioned where they may be asked for",
      steps: [
        ...connect("a", "42"), subscribe("a", "allowed:x", { recoverable: true }),
        subscribe("a", "allowed:y", { positioned: true }),
        subscribe("a", "history:z", { recoverable: true, positioned: true }),
        subscribe("a", "history_hidden:x", { recoverable: true, positioned: true }),
        subscribe("a", "x", { recoverable: true, positioned: true }),
      ],
    },
    { name: "recover from zero", steps: recover(3, at(0)) },
    { name: "recover from the middle", steps: recover(5, at(3)) },
    { name: "recover from the top: nothing was missed", steps: recover(3, at(3)) },
    { name: "recover from beyond the top", steps: recover(3, at(7)) },
    { name: "recover with another epoch", steps: recover(3, at(2, "other")) },
    { name: "recover with the epoch of a state that was dropped", steps: recover(3, at(0, "_")) },
    { name: "recover without an epoch", steps: recover(3, { offset: 1 }) },
    { name: "recover from zero without an epoch", steps: recover(3, {}) },
    { name: "recover in a channel where nothing was published", steps: recover(0, {}) },
    {
      name: "recover an offset in a channel where nothing was published",
      steps: recover(0, at(5, "other")),
    },
    { name: "recover 300, the most there may be", steps: recover(302, at(2)) },
    { name: "recover more than there may be", steps: recover(302, at(1)) },
    { name: "recover what history no longer has", steps: recover(6, at(1), "small:x") },
    { name: "recover the last that history has", steps: recover(6, at(3), "small:x") },
    {
      name: "recover after history was removed",
      steps: [
        fill("recovery:x", 1, 3), api("history", { channel: "recovery:x" }),
        api("history_remove", { channel: "recovery:x" }), ...connect("a", "42"),
        subscribe("a", "recovery:x", { recover: true, ...at(1) }),
        call("a", { unsubscribe: { channel: "recovery:x" } }),
        subscribe("a", "recovery:x", { recover: true, ...at(3) }),
      ],
    },
    {
      name: "recover where it is not offered",
      steps: [
        ...connect("a", "42"), subscribe("a", "x", { recover: true, offset: 1, epoch: "e" }),
        fill("history_hidden:x", 1, 3), api("history", { channel: "history_hidden:x" }),
        subscribe("a", "history_hidden:x", { recover: true, ...at(1) }),
        subscribe("a", "positioned:x", { recover: true, offset: 0, epoch: "" }),
      ],
    },
    {
      name: "recover where it may be asked for",
      steps: [
        ...connect("a", "42"), fill("allowed:x", 1, 3), api("history", { channel: "allowed:x" }),
        subscribe("a", "allowed:x", { recover: true, recoverable: true, ...at(1) }),
        call("a", { unsubscribe: { channel: "allowed:x" } }),
        subscribe("a", "allowed:x", { recover: true, ...at(1) }),
      ],
    },
    {
      name: "the refusal of an unrecoverable position is asked for",
      steps: [
        fill("recovery:x", 1, 3), api("history", { channel: "recovery:x" }),
        ...connect("a", "42"),
        subscribe("a", "recovery:x", { recover: true, flag: 2, ...at(1, "other") }),
        subscribe("a", "recovery:x", { recover: true, flag: 2, ...at(1) }),
      ],
    },
    {
      name: "live publications follow what was recovered",
      steps: [
        ...recover(3, at(1)), api("publish", { channel: "recovery:x", data: { n: 4 } }),
        frames("a"), api("publish", { channel: "recovery:x", data: { n: 5 }, tags: { t: "1" } }),
        frames("a"),
      ],
    },
    {
      name: "what was recovered has tags and info",
      steps: [
        ...connect("b", "43"),
        api("publish", { channel: "recovery:x", data: 1, tags: { t: "1" } }),
        call("b", { publish: { channel: "recovery:x", data: 2 } }),
        ...connect("a", "42"), subscribe("a", "recovery:x", { recover: true }),
      ],
    },
    {
      name: "resubscribing goes on where it was left",
      steps: [
        ...connect("a", "42"), subscribe("a", "recovery:x"),
        api("publish", { channel: "recovery:x", data: 1 }), frames("a"),
        call("a", { unsubscribe: { channel: "recovery:x" } }),
        api("publish", { channel: "recovery:x", data: 2 }),
        subscribe("a", "recovery:x", { recover: true, ...at(1) }),
        api("publish", { channel: "recovery:x", data: 3 }), frames("a"),
      ],
    },
    {
      name: "publications that are not stored",
      steps: [
        ...connect("a", "42"), subscribe("a", "recovery:x"),
        api("publish", { channel: "recovery:x", data: 1, skip_history: true }), frames("a"),
        api("publish", { channel: "recovery:x", data: 2 }), frames("a"),
        ...top("recovery:x"),
      ],
    },
    {
      name: "the position after history was removed",
      steps: [
        ...connect("a", "42"), subscribe("a", "recovery:x"), fill("recovery:x", 1, 2),
        frames("a", 2), api("history_remove", { channel: "recovery:x" }),
        api("publish", { channel: "recovery:x", data: 3 }), frames("a"), settle("a"),
      ],
    },
    { name: "cache: the newest is told", steps: recover(3, {}, "cache:x") },
    { name: "cache: not to who has it", steps: recover(3, at(3), "cache:x") },
    { name: "cache: to who has an older one", steps: recover(3, at(1), "cache:x") },
    { name: "cache: to who has another epoch", steps: recover(3, at(3, "other"), "cache:x") },
    { name: "cache: to who is beyond the top", steps: recover(3, at(9), "cache:x") },
    { name: "cache: nothing was published", steps: recover(0, {}, "cache:x") },
    {
      name: "cache: the newest was removed",
      steps: [
        fill("cache:x", 1, 2), api("history", { channel: "cache:x" }),
        api("history_remove", { channel: "cache:x" }), ...connect("a", "42"),
        subscribe("a", "cache:x", { recover: true }),
        call("a", { unsubscribe: { channel: "cache:x" } }),
        subscribe("a", "cache:x", { recover: true, ...at(2) }),
      ],
    },
    {
      name: "cache: without recover",
      steps: [fill("cache:x", 1, 2), ...connect("a", "42"), subscribe("a", "cache:x")],
    },
    {
      name: "cache: without recover, where the server does it by itself",
      steps: [
        ...connect("a", "42"), subscribe("a", "auto_cache:y"), fill("auto_cache:x", 1, 2),
        subscribe("a", "auto_cache:x"),
        api("publish", { channel: "auto_cache:x", data: { n: 3 } }), frames("a"),
      ],
    },
    {
      name: "a position that the stream has lost",
      configuration: forgetful,
      steps: [
        ...connect("a", "42"), subscribe("a", "x"),
        api("publish", { channel: "x", data: 1 }), frames("a"), frames("a"),
        subscribe("a", "x", { recover: true, offset: 1, epoch: "<epoch:1>" }),
      ],
    },
    {
      name: "a server-side position that the stream has lost",
      configuration: forgetful,
      steps: [
        { open: "a" },
        call("a", { connect: { token: token({ sub: "42", channels: ["x"] }) } }),
        api("publish", { channel: "x", data: 1 }), frames("a"), closed("a"),
      ],
    },
    {
      name: "two subscribers of different positions",
      steps: [
        ...recover(3, at(1)), ...connect("b", "43"),
        subscribe("b", "recovery:x", { recover: true, ...at(2) }),
        call("a", { publish: { channel: "recovery:y", data: 1 } }),
        { send: "a", commands: [{ publish: { channel: "recovery:x", data: { n: 4 } } }] },
        unordered("a", 2), frames("b"),
      ],
    },
  ],
};
