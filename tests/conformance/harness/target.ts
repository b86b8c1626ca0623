// SPDX-License-Identifier: Apache-2.0
// The server under test: sanjay, or the Centrifugo it is compared with, of one configuration.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Arrivals, until, within } from "../../integration/harness/deadline.ts";

export type TargetName = "sanjay" | "centrifugo";
export const TARGET: TargetName = targetName(process.env.TARGET ?? "sanjay");
export const CENTRIFUGO = process.env.CENTRIFUGO_BIN ?? "centrifugo";

/** As the servers read it: an object with the keys of the configuration file. */
export type Configuration = { [key: string]: unknown };

export interface Cleanup {
  after(end: () => unknown): void;
}

export interface Target {
  readonly port: number;
}

export const url = (target: Target) => `http://127.0.0.1:${target.port}`;
export const websocketUrl = (target: Target, port = target.port) =>
  `ws://127.0.0.1:${port}/connection/websocket`;

export async function startTarget(
  t: Cleanup,
  configuration: Configuration,
  port?: number,
): Promise<Target> {
  return TARGET === "sanjay"
    ? startSanjay(t, configuration, port)
    : startCentrifugo(t, configuration, port);
}

/** `patch` laid over `base`: objects are merged, everything else is replaced. */
export function merged(base: Configuration, patch: Configuration): Configuration {
  const result = { ...base };
  for (const [key, value] of Object.entries(patch)) {
    const old = result[key];
    result[key] = isObject(old) && isObject(value) ? merged(old, value) : value;
  }
  return result;
}

async function startSanjay(t: Cleanup, configuration: Configuration, port = 0): Promise<Target> {
  // Reads the binary when it is loaded, which Centrifugo's runs do without.
  const { Server } = await import("../../integration/harness/server.ts");
  const file = configurationFile(t, configuration);
  const shards = Number(process.env.SHARDS ?? 3);
  return Server.start(t, { dev: false, port, shards, arguments: ["--config", file] });
}

async function startCentrifugo(
  t: Cleanup,
  configuration: Configuration,
  port?: number,
): Promise<Target> {
  for (let attempt = 1; ; attempt += 1) {
    const address = { address: "127.0.0.1", port: port ?? (await freePort()) };
    const file = configurationFile(t, merged(configuration, {
      http_server: address,
      usage_stats: { disabled: true },
      // How often it looks at positions and expiry; sanjay has no such key.
      client: { presence_update_interval: "1s" },
    }));
    try {
      await launchCentrifugo(t, file, address.port);
      return address;
    } catch (error) {
      // Somebody else was quicker to take the port.
      if (attempt === 5 || port !== undefined) throw error;
    }
  }
}

async function launchCentrifugo(t: Cleanup, file: string, port: number): Promise<void> {
  const child = spawn(CENTRIFUGO, ["-c", file], { stdio: ["ignore", "ignore", "pipe"] });
  const log = new Arrivals<string>();
  const ended = ending(child);
  child.on("error", (error) => log.end(String(error)));
  const lines = createInterface({ input: child.stderr! });
  lines.on("line", (line) => log.add(line));
  ended.then(() => log.end(`Centrifugo ended: ${log.all.join("\n")}`));
  t.after(async () => {
    child.kill("SIGTERM");
    await within(ended, "Centrifugo's end").finally(() => child.kill("SIGKILL"));
  });
  // Written just before the socket listens.
  await log.take("Centrifugo's ready line", (line) => line.includes("serving websocket"));
  const answers = async () => child.exitCode !== null || (await accepts(port));
  await until("Centrifugo listens", answers);
  if (child.exitCode !== null) throw new Error(`Centrifugo ended: ${log.all.join("\n")}`);
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  const accepted = await new Promise<boolean>((resolve) => {
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
  });
  socket.destroy();
  return accepted;
}

async function ending(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    await new Promise<void>((resolve) => {
      child.once("exit", () => resolve());
      child.once("error", () => resolve());
    });
  }
}

function configurationFile(t: Cleanup, configuration: Configuration): string {
  const folder = mkdtempSync(join(tmpdir(), "conformance-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "config.json");
  writeFileSync(file, JSON.stringify(configuration));
  return file;
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const listener = createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  listener.close();
  await once(listener, "close");
  return port;
}

function isObject(value: unknown): value is Configuration {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function targetName(name: string): TargetName {
  if (name !== "sanjay" && name !== "centrifugo") throw new Error(`no such target: ${name}`);
  return name;
}
