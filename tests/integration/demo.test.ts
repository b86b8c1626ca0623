// SPDX-License-Identifier: Apache-2.0
// The demo page in a real browser.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Browser, chromium, type Page } from "playwright-core";
import { publish } from "./harness/api.ts";
import { DEADLINE_MS } from "./harness/deadline.ts";
import { ROOT, Server } from "./harness/server.ts";

const CHROMIUM = spawnSync("which", ["chromium"], { encoding: "utf8" }).stdout.trim();
const SCREENSHOT = resolve(process.env.SANJAY_SCREENSHOT ?? join(ROOT, "build/demo.png"));
const QUIET = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

describe("demo page", () => {
  const server = Server.forSuite({ shards: 2 });
  let browser: Browser;
  before(async () => {
    browser = await chromium.launch({ executablePath: CHROMIUM, args: QUIET });
  });
  after(() => browser?.close());

  /** A window of its own that must load cleanly and talk to nobody but the server. */
  async function open(t: { after(end: () => unknown): void }, name: string): Promise<Page> {
    const context = await browser.newContext({ viewport: { width: 760, height: 560 } });
    t.after(() => context.close());
    const page = await context.newPage();
    page.setDefaultTimeout(DEADLINE_MS);
    page.on("pageerror", (error) => assert.fail(error));
    page.on("request", (request) => {
      const { protocol, host } = new URL(request.url());
      if (protocol !== "data:") assert.equal(host, new URL(server.url).host, request.url());
    });
    await page.goto(`${server.url}/demo/`);
    await page.getByRole("status").filter({ hasText: "connected · websocket" }).waitFor();
    await page.getByLabel("Name").fill(name);
    return page;
  }

  async function say(page: Page, text: string): Promise<void> {
    await page.getByLabel("Message", { exact: true }).fill(text);
    await page.getByRole("button", { name: "Publish" }).click();
  }

  const message = (page: Page, text: string) =>
    page.getByRole("listitem").filter({ hasText: text });

  test("two windows chat both ways", async (t) => {
    const ann = await open(t, "Ann");
    const bob = await open(t, "Bob");
    await say(ann, "Hello Bob");
    await message(bob, "Hello Bob").waitFor();
    await say(bob, "Hello Ann");
    await message(ann, "Hello Ann").waitFor();
    await publish(server, { channel: "chat", data: { name: "curl", text: "Hello from HTTP" } });
    for (const page of [ann, bob]) {
      await message(page, "Hello from HTTP").waitFor();
      assert.equal(await page.getByText("3 messages").count(), 1);
      assert.deepEqual(await page.locator("#messages cite").allTextContents(), [
        "Ann",
        "Bob",
        "curl",
      ]);
    }
    mkdirSync(dirname(SCREENSHOT), { recursive: true });
    await ann.screenshot({ path: SCREENSHOT });
  });

  test("what others write stays text", async (t) => {
    const page = await open(t, "Ann");
    const text = '<img src=x onerror="document.title=1"> & <b>bold</b>';
    await publish(server, { channel: "chat", data: { name: "<i>eve</i>", text } });
    await message(page, text).waitFor();
    assert.equal(await page.locator("#messages img, #messages b, #messages i").count(), 0);
    await publish(server, { channel: "chat", data: [1, { two: null }] });
    await message(page, '[1,{"two":null}]').waitFor();
  });

  test("disconnecting stops it, connecting resumes", async (t) => {
    const page = await open(t, "Ann");
    await page.getByRole("button", { name: "Disconnect" }).click();
    await page.getByRole("status").filter({ hasText: /^disconnected$/ }).waitFor();
    assert.ok(await page.getByRole("button", { name: "Publish" }).isDisabled());
    await publish(server, { channel: "chat", data: { name: "curl", text: "missed" } });
    await page.getByRole("button", { name: "Connect", exact: true }).click();
    await page.getByRole("status").filter({ hasText: "connected · websocket" }).waitFor();
    await say(page, "back again");
    await message(page, "back again").waitFor();
    assert.equal(await message(page, "missed").count(), 0);
  });

  test("it can be used with the keyboard and in the dark", async (t) => {
    const page = await open(t, "Ann");
    await page.emulateMedia({ colorScheme: "dark" });
    await page.getByLabel("Message", { exact: true }).fill("typed");
    await page.keyboard.press("Enter");
    await message(page, "typed").waitFor();
    const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    assert.equal(background, "rgb(16, 21, 19)");
  });
});
