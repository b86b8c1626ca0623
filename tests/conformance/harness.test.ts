// SPDX-License-Identifier: Apache-2.0
// The comparison itself: what it must see, and what it must not.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DIFFERENCES, judge } from "./differences.ts";
import { codecs } from "./harness/codec.ts";
import { deviations } from "./harness/compare.ts";
import { actual, Names, normal } from "./harness/normal.ts";
import type { Entry } from "./harness/play.ts";
import { goResults, pythonResults } from "./harness/program.ts";
import { AREAS, encodings } from "./sessions/all.ts";

const entry = (...got: unknown[]): Entry => ({ step: { settle: "a" }, got });
const paths = (a: Entry[], b: Entry[]) => deviations(a, b).map(({ path }) => path);

describe("deviations", () => {
  test("are none between equal transcripts, whatever the order of keys", () => {
    assert.deepEqual(paths([entry({ a: 1, b: [{}] })], [entry({ b: [{}], a: 1 })]), []);
  });
  test("are values, keys that are missing, and keys that are too many", () => {
    assert.deepEqual(paths([entry({ a: 1 })], [entry({ a: 2 })]), ["0.got.0.a"]);
    assert.deepEqual(paths([entry({ a: 0 })], [entry({})]), ["0.got.0.a"]);
    assert.deepEqual(paths([entry({})], [entry({ a: false })]), ["0.got.0.a"]);
  });
  test("are null, lists and objects taken for one another", () => {
    assert.deepEqual(paths([entry({ a: null })], [entry({ a: {} })]), ["0.got.0.a"]);
    assert.deepEqual(paths([entry({ a: [] })], [entry({ a: {} })]), ["0.got.0.a"]);
  });
  test("are frames in another order, fewer, and more", () => {
    assert.deepEqual(paths([entry(1, 2)], [entry(2, 1)]), ["0.got.0", "0.got.1"]);
    assert.deepEqual(paths([entry(1, 2)], [entry(1)]), ["0.got.1"]);
    assert.deepEqual(paths([entry(1)], [entry(1, 2)]), ["0.got.1"]);
  });
  test("are steps that were not reached, and a script that has changed", () => {
    assert.deepEqual(paths([entry(), entry(1)], [entry()]), ["1"]);
    assert.deepEqual(paths([entry()], [{ step: { settle: "b" }, got: [] }]), ["0.step.settle"]);
  });
});

describe("the list of differences", () => {
  const session = "a message that is too large";
  const [step] = DIFFERENCES.flatMap(({ at }) => at.filter((place) => place.session === session));
  const [[path, sanjay]] = Object.entries(step!.leaves) as [[string, unknown]];
  const found = { path, step: "", centrifugo: "", sanjay };

  test("accepts what it names, and only with the value it names", () => {
    assert.deepEqual(judge(session, "json", [found]), { unlisted: [], outdated: [] });
    const other = { ...found, sanjay: "other" };
    assert.deepEqual(judge(session, "json", [other]), { unlisted: [other], outdated: [] });
    const elsewhere = { ...found, path: "9.got.0" };
    assert.deepEqual(judge(session, "json", [found, elsewhere]).unlisted, [elsewhere]);
  });
  test("does not accept it in another session", () => {
    assert.deepEqual(judge("no token", "json", [found]).unlisted, [found]);
  });
  test("tells what is no longer so", () => {
    assert.deepEqual(judge(session, "json", []).outdated, [path]);
  });
  test("names sessions and encodings that there are", () => {
    const known = new Map(
      AREAS.flatMap(({ sessions }) => sessions.map((s) => [s.name, encodings(s)] as const)),
    );
    for (const { session: name, only } of DIFFERENCES.flatMap(({ at }) => at)) {
      assert.ok(known.has(name), name);
      assert.ok(only === undefined || known.get(name)!.includes(only), name);
    }
  });
});

describe("names", () => {
  const one = "7f3c5b1e-0f3a-4c58-9a44-0c9f9b1f2a01";
  const two = "7f3c5b1e-0f3a-4c58-9a44-0c9f9b1f2a02";

  test("are given in the order of appearance and kept", () => {
    const names = new Names();
    assert.deepEqual(normal({ client: one, ttl: 99 }, names), {
      client: "<client:1>",
      ttl: "≈ 100 s",
    });
    assert.deepEqual(normal({ [two]: 1, [one]: 2 }, names), { "<client:1>": 2, [two]: 1 });
    assert.deepEqual(normal([{ client: two }, { client: one }], names), [
      { client: "<client:2>" },
      { client: "<client:1>" },
    ]);
  });
  test("do not hide what is no client id, an empty epoch or a number", () => {
    const names = new Names();
    assert.deepEqual(normal({ client: "1", epoch: "", version: 7 }, names), {
      client: "no UUID: 1",
      epoch: "",
      version: 7,
    });
  });
  test("stand for their values in what is sent", () => {
    const names = new Names();
    normal({ epoch: "abcd" }, names);
    const sign = () => "signed";
    const said = { epoch: "<epoch:1>", token: { $token: { sub: "1" } } };
    assert.deepEqual(actual(said, names, sign), { epoch: "abcd", token: "signed" });
    assert.throws(() => actual("<client:1>", names, sign));
  });
});

describe("codecs", () => {
  test("take no blank line, no line feed at the end and no frame of the other kind", () => {
    const json = codecs.json;
    assert.deepEqual(json.decode(Buffer.from('{}\n{"id":1}'), false), [{}, { id: 1 }]);
    for (const text of ["", "{}\n", "{}\n\n{}"]) {
      assert.throws(() => json.decode(Buffer.from(text), false), SyntaxError);
    }
    assert.throws(() => json.decode(Buffer.from("{}"), true));
    assert.throws(() => codecs.protobuf.decode(Buffer.from([0]), false));
  });
  test("read and write the vectors of the protocol", () => {
    const { protobuf } = codecs;
    const subscribe = { id: 2, subscribe: { channel: "chat:index" } };
    assert.equal(
      (protobuf.encode([subscribe]) as Buffer).toString("hex"),
      "1008022a0c0a0a636861743a696e646578",
    );
    const push = "162214120a636861743a696e646578220622027b7d3001";
    assert.deepEqual(protobuf.decode(Buffer.from(`00${push}`, "hex"), true), [
      {},
      { push: { channel: "chat:index", pub: { data: {}, offset: 1 } } },
    ]);
  });
});

describe("programs", () => {
  test("of Go: a result for each test without subtests", () => {
    const event = (Action: string, Test: string) => JSON.stringify({ Action, Test });
    const lines = [
      event("pass", "A/x"),
      event("fail", "A/y"),
      event("fail", "A"),
      event("skip", "B"),
    ];
    assert.deepEqual(
      goResults({ status: 1, lines }).map(({ name, verdict }) => `${name} ${verdict}`),
      ["A/x passed", "A/y failed", "B skipped"],
    );
  });
  test("of Python: a result for each test, and none is overlooked", () => {
    const lines = [
      "test_a (m.T.test_a) ... ok",
      "test_b (m.T.test_b)",
      "What it does. ... a line of output",
      "FAIL",
      "test_c (m.T.test_c) ... skipped 'because'",
      "",
      "FAIL: test_b (m.T.test_b)",
      "Ran 3 tests in 0.1s",
    ];
    const results = pythonResults({ status: 1, lines });
    assert.deepEqual(
      results.map(({ name, verdict }) => `${name} ${verdict}`),
      ["m.T.test_a passed", "m.T.test_b failed", "m.T.test_c skipped"],
    );
    assert.match(results[1]!.output, /FAIL: test_b/);
    assert.throws(() => pythonResults({ status: 0, lines: ["Ran 1 test in 0.1s"] }));
  });
});
