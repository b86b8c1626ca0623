// SPDX-License-Identifier: Apache-2.0
import {
  type Area, api, call, closed, connect, fill, frames, publish, send, settle, settleChannel,
  subscribe,
} from "../harness/session.ts";

const delta = { delta: "fossil" };
const quote = (price: number, symbol = "AAPL") => ({ price, symbol, exchange: "NASDAQ" });
const letter = (word: string) => ({ text: `Съешь же ещё этих мягких французских ${word}` });
const tagged = (channel: string, n: number, tags?: Record<string, string>) =>
  api("publish", { channel, data: { n }, ...(tags === undefined ? {} : { tags }) });
const test = (key: string, cmp: string, val: string) => ({ tf: { key, cmp, val } });
const red = test("color", "eq", "red");
const at = (offset: number) => ({ recover: true, offset, epoch: "<epoch:1>" });

/** Publishes these with tags `n`; all that the filter lets through comes before the answer. */
const filtered = (tf: object, numbers: (string | undefined)[]) => [
  ...connect("a", "42"),
  subscribe("a", "filtered_plain:x", { tf }),
  ...numbers.map((n, i) =>
    tagged("filtered_plain:x", i, n === undefined ? { other: "1" } : { n }),
  ),
  settle("a"),
];
const refused = (tf: object) => [
  ...connect("a", "42"),
  subscribe("a", "filtered_plain:x", { tf }),
];
const eq = { key: "color", cmp: "eq", val: "red" };

export const variants: Area = {
  id: "variants",
  title: "delta compression and tags filters",
  sessions: [
    {
      name: "delta where it is allowed",
      steps: [
        ...connect("a", "42"), subscribe("a", "delta:x", delta),
        subscribe("a", "delta_plain:x", delta), subscribe("a", "delta:y"),
      ],
    },
    {
      name: "delta of another kind where one is allowed",
      steps: [
        ...connect("a", "42"),
        send("a", { subscribe: { channel: "delta:x", delta: "vcdiff" } }),
        closed("a"),
      ],
    },
    {
      name: "the first publication is whole, the next a difference",
      steps: [
        ...connect("a", "42"), ...connect("b", "43"), subscribe("a", "delta:x", delta),
        subscribe("b", "delta:x"), api("publish", { channel: "delta:x", data: quote(100) }),
        frames("a"), frames("b"), api("publish", { channel: "delta:x", data: quote(101) }),
        frames("a"), frames("b"),
      ],
    },
    {
      name: "a difference that would be no shorter",
      steps: [
        ...connect("a", "42"), subscribe("a", "delta:x", delta), fill("delta:x", 1, 2),
        frames("a", 2),
      ],
    },
    {
      name: "differences where the publisher asks for them",
      steps: [
        ...connect("a", "42"), subscribe("a", "delta_asked:x", delta),
        api("publish", { channel: "delta_asked:x", data: quote(100) }), frames("a"),
        api("publish", { channel: "delta_asked:x", data: quote(101) }), frames("a"),
        api("publish", { channel: "delta_asked:x", data: quote(102), delta: true }), frames("a"),
      ],
    },
    {
      name: "differences of what a client publishes",
      steps: [
        ...connect("a", "42"), ...connect("b", "43"), subscribe("a", "delta:x", delta),
        publish("b", "delta:x", quote(100)), frames("a"), publish("b", "delta:x", quote(101)),
        frames("a"),
      ],
    },
    {
      name: "what was missed as differences",
      steps: [
        ...[100, 101, 102].map((n) => api("publish", { channel: "delta:x", data: quote(n) })),
        api("history", { channel: "delta:x" }), ...connect("a", "42"),
        subscribe("a", "delta:x", { ...delta, ...at(1) }),
        api("publish", { channel: "delta:x", data: quote(103) }), frames("a"),
      ],
    },
    {
      name: "a difference after a recovery of nothing",
      steps: [
        api("publish", { channel: "delta:x", data: quote(100) }),
        api("history", { channel: "delta:x" }), ...connect("b", "43"),
        subscribe("b", "delta:x", delta), ...connect("a", "42"),
        subscribe("a", "delta:x", { ...delta, ...at(1) }),
        api("publish", { channel: "delta:x", data: quote(101) }), frames("a"), frames("b"),
      ],
    },
    {
      name: "a difference within a letter",
      steps: [
        ...connect("a", "42"), subscribe("a", "delta:x", delta),
        api("publish", { channel: "delta:x", data: letter("булок") }), frames("a"),
        api("publish", { channel: "delta:x", data: letter("булак") }), frames("a"),
      ],
    },
    {
      name: "delta and a tags filter together",
      steps: [
        ...connect("a", "42"), subscribe("a", "delta_filtered:x", { ...delta, ...red }),
        tagged("delta_filtered:x", 1, { color: "blue" }),
        tagged("delta_filtered:x", 2, { color: "red" }), settleChannel("a", "delta_filtered:x"),
      ],
    },
    {
      name: "a filter of one tag",
      steps: [
        ...connect("a", "42"), ...connect("b", "43"), subscribe("a", "filtered:x", red),
        subscribe("b", "filtered:x"), tagged("filtered:x", 1, { color: "blue" }),
        tagged("filtered:x", 2, { color: "red" }), tagged("filtered:x", 3),
        tagged("filtered:x", 4, { color: "red", size: "1" }), frames("a", 2), frames("b", 4),
        settle("a"),
      ],
    },
    {
      name: "what was missed is filtered",
      steps: [
        ...["red", "blue", "red", "blue"].map((color, i) =>
          tagged("filtered:x", i + 1, { color }),
        ),
        api("history", { channel: "filtered:x" }), ...connect("a", "42"),
        subscribe("a", "filtered:x", { ...red, ...at(1) }),
        call("a", { unsubscribe: { channel: "filtered:x" } }),
        subscribe("a", "filtered:x", { ...red, ...at(3) }),
        tagged("filtered:x", 5, { color: "red" }), frames("a"),
        call("a", { history: { channel: "filtered:x", limit: 10 } }),
      ],
    },
    {
      name: "the newest of a cache channel that a filter lets through",
      steps: [
        ...["red", "red", "blue"].map((color, i) =>
          tagged("filtered_cache:x", i + 1, { color }),
        ),
        api("history", { channel: "filtered_cache:x" }), ...connect("a", "42"),
        subscribe("a", "filtered_cache:x", { ...red, ...at(0) }),
        ...connect("b", "43"),
        subscribe("b", "filtered_cache:x", { ...test("color", "eq", "green"), ...at(0) }),
      ],
    },
    ...["eq", "neq", "sw", "ew", "ct"].map((cmp) => ({
      name: `a filter by ${cmp}`,
      steps: filtered({ key: "n", cmp, val: "ab" }, [
        "ab", "abc", "cab", "cabc", "AB", "", undefined,
      ]),
    })),
    ...["in", "nin"].map((cmp) => ({
      name: `a filter by ${cmp}`,
      steps: filtered({ key: "n", cmp, vals: ["ab", "c"] }, ["ab", "abc", "c", "", undefined]),
    })),
    ...["in", "nin"].map((cmp) => ({
      name: `a filter by ${cmp} an empty text`,
      steps: filtered({ key: "n", cmp, vals: ["", "c"] }, ["ab", "c", "", undefined]),
    })),
    ...["ex", "nex"].map((cmp) => ({
      name: `a filter by ${cmp}`,
      steps: filtered({ key: "n", cmp }, ["ab", "", undefined]),
    })),
    ...["gt", "gte", "lt", "lte"].map((cmp) => ({
      name: `a filter by ${cmp}`,
      steps: filtered({ key: "n", cmp, val: "1.50" }, [
        "1.5", "1.500000000000000001", "+001.50", "1.49", "-2", "10", "1e3", "", "x", " 2", ".5",
        "2.", "9".repeat(60), "-" + "9".repeat(60), "1." + "0".repeat(20), undefined,
      ]),
    })),
    {
      name: "a filter by a number that is none",
      steps: filtered({ key: "n", cmp: "lt", val: "ten" }, ["1", "ten", "x"]),
    },
    {
      name: "a filter of several tests",
      steps: filtered(
        {
          op: "or",
          nodes: [
            {
              op: "and",
              nodes: [
                { key: "n", cmp: "gt", val: "1" },
                { op: "not", nodes: [{ key: "n", cmp: "ew", val: "0" }] },
              ],
            },
            { key: "other", cmp: "ex" },
          ],
        },
        ["1", "5", "10", "12", undefined],
      ),
    },
    { name: "a filter without a test", steps: refused({}) },
    { name: "a filter of an unknown test", steps: refused({ ...eq, cmp: "like" }) },
    { name: "a filter of an unknown combination", steps: refused({ op: "xor", nodes: [eq] }) },
    { name: "a filter that combines nothing", steps: refused({ op: "and" }) },
    { name: "a filter that negates two", steps: refused({ op: "not", nodes: [eq, eq] }) },
    { name: "a filter without a value", steps: refused({ key: "color", cmp: "eq" }) },
    { name: "a filter without a key", steps: refused({ cmp: "eq", val: "red" }) },
    { name: "a filter with too many values", steps: refused({ ...eq, vals: ["red"] }) },
    { name: "a filter with a wrong part", steps: refused({ op: "or", nodes: [eq, {}] }) },
  ],
};
