// SPDX-License-Identifier: Apache-2.0
// Request smuggling (RFC 9112 §11.2): where two parsers may disagree about a body's end, the only
// safe answer is a refusal and the end. What stands behind is never taken for a request.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DRIVERS, Server } from "./harness/server.ts";
import { exchange, upgradeRequest, Wire } from "./harness/wire.ts";
import { Witness } from "./harness/witness.ts";

/** Behind every probe; its answer would be a 404 that nothing else here gives. */
const SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
const BODY = '{"channel":"smuggling","data":1}';

const post = (headers: string, version = "1.1") =>
  `POST /api/publish HTTP/${version}\r\nHost: a\r\n${headers}\r\n\r\n`;
const length = (value: string) => post(`Content-Length:${value}`) + BODY;
const chunked = (body: string) => post("Transfer-Encoding: chunked") + body;
const coded = (coding: string) => post(coding) + "0\r\n\r\n";

const hex = BODY.length.toString(16);
const CHUNK = `${hex}\r\n${BODY}\r\n`;
const END = "0\r\n\r\n";
const BOTH = "Content-Length: 5\r\nTransfer-Encoding: chunked";

const PROBES: Array<[what: string, request: string, status: number]> = [
  // Two truths about the length.
  ["CL.TE", post(BOTH) + "0\r\n\r\nG", 400],
  ["TE.CL", post("Transfer-Encoding: chunked\r\nContent-Length: 5") + "0\r\n\r\nG", 400],
  ["CL.TE with Content-Length: 0", post(BOTH.replace("5", "0")) + END, 400],
  ["CL.TE in lower case", post(BOTH.toLowerCase()) + END, 400],
  ["two lengths", post("Content-Length: 32\r\nContent-Length: 0") + BODY, 400],
  ["two equal lengths", post("Content-Length: 32\r\nContent-Length: 32") + BODY, 400],
  ["a list of lengths", length(" 32, 0"), 400],
  ["a list of equal lengths", length(" 32, 32"), 400],
  // Transfer codings. Without chunked at the end there is no telling the length: 400 (§6.3); with
  // an unknown coding before it: 501 (§6.1).
  ["TE twice", coded("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), 400],
  ["TE.TE with identity", coded("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"), 400],
  ["TE.TE with a typo", coded("Transfer-Encoding: chunked\r\nTransfer-encoding: cow"), 400],
  ["chunked, identity", coded("Transfer-Encoding: chunked, identity"), 400],
  ["chunked, chunked", coded("Transfer-Encoding: chunked, chunked"), 400],
  ["chunked and a comma", coded("Transfer-Encoding: chunked,"), 400],
  ["a comma and chunked", coded("Transfer-Encoding: ,chunked"), 400],
  ["identity", coded("Transfer-Encoding: identity"), 400],
  ["gzip", coded("Transfer-Encoding: gzip"), 400],
  ["gzip, chunked", coded("Transfer-Encoding: gzip, chunked"), 501],
  ["xchunked", coded("Transfer-Encoding: xchunked"), 400],
  ["chunked with a parameter", coded("Transfer-Encoding: chunked;q=1"), 400],
  ["chunked in quotes", coded('Transfer-Encoding: "chunked"'), 400],
  ["two words", coded("Transfer-Encoding: x chunked"), 400],
  ["an empty coding", coded("Transfer-Encoding:"), 400],
  ["a vertical tab before chunked", coded("Transfer-Encoding: \x0bchunked"), 400],
  ["a form feed behind chunked", coded("Transfer-Encoding: chunked\x0c"), 400],
  ["a NUL behind chunked", coded("Transfer-Encoding: chunked\0"), 400],
  ["a no-break space before chunked", coded("Transfer-Encoding: \xa0chunked"), 400],
  ["a blank before the colon", coded("Transfer-Encoding : chunked"), 400],
  ["a folded coding", coded("Transfer-Encoding:\r\n chunked"), 400],
  ["a blank before the name", coded(" Transfer-Encoding: chunked"), 400],
  ["a coding behind a bare LF", coded("X: y\nTransfer-Encoding: chunked"), 400],
  ["a coding behind a bare CR", coded("X: y\rTransfer-Encoding: chunked"), 400],
  ["chunks in HTTP/1.0", post("Transfer-Encoding: chunked", "1.0") + END, 400],
  // Lengths.
  ["an empty length", length(""), 400],
  ["+32", length(" +32"), 400],
  ["-1", length(" -1"), 400],
  ["-0", length(" -0"), 400],
  ["3 2", length(" 3 2"), 400],
  ["0x20", length(" 0x20"), 400],
  ["20h", length(" 20h"), 400],
  ["32.0", length(" 32.0"), 400],
  ["3e1", length(" 3e1"), 400],
  ["3_2", length(" 3_2"), 400],
  ["a length in quotes", length(' "32"'), 400],
  ["a length with a semicolon", length(" 32;"), 400],
  ["a length with a NUL", length(" 32\0"), 400],
  ["a length with a vertical tab", length(" \x0b32"), 400],
  ["2^64", length(" 18446744073709551616"), 400],
  ["2^64 + 32", length(" 18446744073709551648"), 400],
  ["30 digits", length(` ${"9".repeat(30)}`), 400],
  ["2^64 - 1", length(" 18446744073709551615"), 413],
  ["a blank before the length's colon", post("Content-Length : 32") + BODY, 400],
  ["a folded length", post("Content-Length:\r\n 32") + BODY, 400],
  // Chunks.
  ["a size of 17 digits", chunked(`10000000000000005\r\n${BODY}`), 400],
  ["a size of 17 digits, most of them zero", chunked(`${"0".repeat(15)}${hex}\r\n${BODY}`), 400],
  ["a size of 2^64 - 1", chunked("ffffffffffffffff\r\n"), 413],
  ["a size of 2^63", chunked("8000000000000000\r\n"), 413],
  ["sizes beyond the limit together", chunked(`${CHUNK}fffff\r\n`), 413],
  ["no size", chunked(`\r\n${BODY}`), 400],
  ["a size with a sign", chunked(`+${CHUNK}`), 400],
  ["a negative size", chunked(`-1\r\n${BODY}`), 400],
  ["a size with 0x", chunked(`0x${CHUNK}`), 400],
  ["a blank before the size", chunked(` ${CHUNK}`), 400],
  ["a blank behind the size", chunked(`${hex} \r\n${BODY}\r\n`), 400],
  ["a size that is no number", chunked(`g\r\n${BODY}\r\n`), 400],
  ["a size line that ends in LF", chunked(`${hex}\n${BODY}\r\n`), 400],
  ["a size line that ends in CR", chunked(`${hex}\r${BODY}\r\n`), 400],
  ["an extension with a bare LF", chunked(`${hex};a\nb\r\n${BODY}\r\n`), 400],
  ["an extension with a bare CR", chunked(`${hex};a\rb\r\n${BODY}\r\n`), 400],
  ["an extension without end", chunked(`${hex};${"x".repeat(10_000)}`), 400],
  ["data longer than its size", chunked(`1\r\n${BODY}\r\n`), 400],
  ["data without its line end", chunked(`${hex}\r\n${BODY}${END}`), 400],
  ["data that ends in LF", chunked(`${hex}\r\n${BODY}\n${END}`), 400],
  ["a last chunk in LF", chunked(`${CHUNK}0\n\n`), 400],
  ["a request instead of trailers", chunked(`${CHUNK}0\r\n`), 400],
  ["a folded trailer", chunked(`${CHUNK}0\r\nA: b\r\n c\r\n\r\n`), 400],
  ["a trailer without a colon", chunked(`${CHUNK}0\r\nA\r\n\r\n`), 400],
  ["a trailer without a name", chunked(`${CHUNK}0\r\n: a\r\n\r\n`), 400],
  ["a trailer with a blank before its colon", chunked(`${CHUNK}0\r\nA : b\r\n\r\n`), 400],
  ["trailers without end", chunked(`${CHUNK}0\r\n${"A: b\r\n".repeat(3000)}`), 400],
  // The upgrade.
  [
    "an upgrade with a body",
    upgradeRequest("/connection/websocket", { "Content-Length": `${SMUGGLED.length}` }),
    400,
  ],
  [
    "an upgrade with chunks",
    upgradeRequest("/connection/websocket", { "Transfer-Encoding": "chunked" }) + END,
    400,
  ],
  [
    "a refused upgrade",
    upgradeRequest("/connection/websocket", { "Sec-WebSocket-Version": "8" }),
    426,
  ],
];

/** Bodies that are what they say; whatever stands behind them is the next request. */
const HONEST: Record<string, string> = {
  "a length": length(" 32"),
  "a length without a blank": length("32"),
  "a length with zeros before it": length(" 0000000032"),
  "a length with blanks around it": length(" \t 32 \t "),
  "one chunk": chunked(CHUNK + END),
  "a chunk for each byte": chunked([...BODY].map((c) => `1\r\n${c}\r\n`).join("") + END),
  "a size with zeros before it": chunked(`000000000000${CHUNK}${END}`),
  "a size in capitals": chunked(CHUNK.replace(hex, hex.toUpperCase()) + END),
  "an extension": chunked(`${hex};a="b"\r\n${BODY}\r\n0;c\r\n\r\n`),
  "a trailer": chunked(`${CHUNK}0\r\nA: b\r\nContent-Length: 5\r\n\r\n`),
  "CHUNKED": coded("Transfer-Encoding: CHUNKED").replace(END, CHUNK + END),
};

const statuses = (answer: string) =>
  [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));

for (const io of DRIVERS) {
  describe(`request smuggling (${io})`, () => {
    const server = Server.forSuite({ io });
    const witness = Witness.forSuite(server);

    for (const [what, text, status] of PROBES) {
      test(`${what}: ${status}, and the end`, async () => {
        const answer = await exchange(server, text + SMUGGLED + SMUGGLED);
        assert.deepEqual(statuses(answer), [status], answer);
        assert.match(answer, /\r\nConnection: (close|Upgrade)\r\n/);
        await witness.isServed();
      });
    }

    for (const [what, text] of Object.entries(HONEST)) {
      test(`${what}: both requests are answered`, async () => {
        const last = SMUGGLED.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
        const answer = await exchange(server, text + last);
        assert.deepEqual(statuses(answer), [200, 404], answer);
        await witness.isServed();
      });
    }

    test("the answer to HEAD has no body that could pass for an answer", async () => {
      const head = (path: string) => `HEAD ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
      const end = SMUGGLED.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
      const answer = await exchange(server, head("/health") + head("/nowhere") + end);
      assert.deepEqual(statuses(answer), [200, 404, 404], answer);
      const [first, second, third] = answer.split("\r\n\r\n");
      assert.match(first!, /^HTTP\/1\.1 200 /);
      assert.match(second!, /^HTTP\/1\.1 404 /);
      assert.match(third!, /^HTTP\/1\.1 404 /);
      await witness.isServed();
    });

    test("a body that is announced is waited for, not guessed", async (t) => {
      const wire = await Wire.open(t, server);
      wire.send(Buffer.from(`${post("Expect: 100-continue\r\nContent-Length: 32")}`));
      assert.match(await wire.head(), /^HTTP\/1\.1 100 /);
      wire.send(Buffer.from(BODY + SMUGGLED));
      assert.match(await wire.head(), /^HTTP\/1\.1 200 /);
      assert.match(await wire.head(), /^HTTP\/1\.1 404 /);
      await witness.isServed();
    });
  });
}
