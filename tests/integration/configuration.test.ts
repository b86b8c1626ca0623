// SPDX-License-Identifier: Apache-2.0
// The command line and what a wrong configuration is told.
import assert from "node:assert/strict";
import { connect } from "node:net";
import { once } from "node:events";
import { test } from "node:test";
import { within } from "./harness/deadline.ts";
import { configurationFile, DRIVERS, run, Server, temporaryFile } from "./harness/server.ts";

test("version tells the version", () => {
  const { code, stdout } = run(["version"]);
  assert.equal(code, 0);
  assert.match(stdout, /^sanjay \d+\.\d+\.\d+/);
});

test("help names the commands", () => {
  const { code, stdout } = run(["--help"]);
  assert.equal(code, 0);
  for (const command of ["serve", "gentoken", "version"]) assert.match(stdout, RegExp(command));
});

test("an unknown option ends with an error that names it", () => {
  const { code, stderr } = run(["serve", "--prot", "8000"]);
  assert.notEqual(code, 0);
  assert.match(stderr, /--prot/);
});

const mistakes: Array<[string, string, RegExp]> = [
  ["an unknown key", 'client.ping_interval = "25s"\nclient.pign = 1\n', /:2:.*client\.pign/],
  ["an unknown section", "\n\n[clients]\nfoo = 1\n", /:[34]:.*clients/],
  ["a wrong type", '[client]\nchannel_limit = "many"\n', /:2:.*client\.channel_limit/],
  ["a negative limit", "[client]\nchannel_limit = -1\n", /:2:.*client\.channel_limit/],
  ["a duration without unit", '[client]\nping_interval = "25"\n', /:2:.*client\.ping_interval/],
  ["no duration", '[client]\nping_interval = "soon"\n', /:2:.*client\.ping_interval/],
  ["no TOML", "[client\n", /:1:/],
];
for (const [what, text, expected] of mistakes) {
  test(`${what} ends with 2 and says where`, (t) => {
    const file = temporaryFile(t, "wrong.toml", text);
    const { code, stdout, stderr } = run(["serve", "--port", "0", "--config", file]);
    assert.equal(code, 2, stderr);
    assert.equal(stdout, "");
    const start = stderr.indexOf(file);
    assert.ok(start >= 0, `names the file: ${stderr}`);
    assert.match(stderr.slice(start + file.length), expected);
  });
}

test("two settings that contradict each other end with 2 and are both named", (t) => {
  // They may come from different places, so there is no one line to point at.
  const file = configurationFile(t, { "client.ping_interval": "5s", "client.pong_timeout": "5s" });
  const { code, stderr } = run(["serve", "--port", "0", "--config", file]);
  assert.equal(code, 2);
  assert.match(stderr, /client\.pong_timeout.*client\.ping_interval/);
});

test("a configuration key in the environment works, an unknown one ends with 2", () => {
  const known = run(["serve", "--port", "0"], { SANJAY_CLIENT_PING_INTERVAL: "soon" });
  assert.equal(known.code, 2);
  assert.match(known.stderr, /SANJAY_CLIENT_PING_INTERVAL/);
  const unknown = run(["serve", "--port", "0"], { SANJAY_CLIENT_PIGN: "1s" });
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /SANJAY_CLIENT_PIGN/);
});

test("a configuration file that is not there ends with 2 and names it", () => {
  const { code, stderr } = run(["serve", "--config", "/nowhere/sanjay.toml"]);
  assert.equal(code, 2);
  assert.match(stderr, /\/nowhere\/sanjay\.toml/);
});

test("gentoken without a key ends with an error that names the key", (t) => {
  const file = temporaryFile(t, "empty.toml", "");
  const { code, stderr } = run(["gentoken", "--user", "ann", "--ttl", "60s", "--config", file]);
  assert.notEqual(code, 0);
  assert.match(stderr, /hmac_secret_key/);
});

for (const io of DRIVERS) {
  test(`a second instance on the same port fails with "address in use" (${io})`, async (t) => {
    const server = await Server.start(t, { io, shards: 2 });
    const port = String(server.port);
    const { code, stderr } = run(["serve", "--dev", "--io", io, "--port", port]);
    assert.notEqual(code, 0);
    assert.match(stderr, /address (already )?in use/i);
    assert.match(stderr, RegExp(port));
    assert.equal((await fetch(`${server.url}/health`)).status, 200);
  });

  test(`SIGINT ends it as SIGTERM does (${io})`, async (t) => {
    const server = await Server.start(t, { io });
    const socket = connect(server.port, "127.0.0.1");
    await once(socket, "connect");
    const closed = once(socket, "close");
    server.signal("SIGINT");
    await within(closed, "the end of an idle connection");
    await server.stopped();
  });

  test(`private file tables serve as shared ones do (${io})`, async (t) => {
    const server = await Server.start(t, { io, shards: 3, arguments: ["--private-file-tables"] });
    for (let n = 0; n < 20; n += 1) {
      const response = await fetch(`${server.url}/health`, { headers: { Connection: "close" } });
      assert.equal(response.status, 200);
    }
  });
}
