// SPDX-License-Identifier: Apache-2.0
// Starts the real server binary for a test and makes sure that it ends as it should.
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer, type AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";
import { Arrivals, DEADLINE_MS, within } from "./deadline.ts";

export const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const BINARY = process.env.SANJAY_BIN ?? join(ROOT, "build/release/sanjay");
/** The server reads these as configuration, so neither ours nor the user's may reach it. */
const ENVIRONMENT = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(SANJAY|CENTRIFUGO)_/.test(name)),
);
const SANITIZER = /ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|assertion failed/i;

/** A sanitizer's allocator keeps what is freed, so memory says nothing about such a build. */
export const SANITIZED = /__[at]san_init/.test(readFileSync(BINARY, "latin1"));

export type Io = "uring" | "epoll";
/** A container may refuse io_uring; everything is tested on epoll then, and a test says so. */
export const IO_URING_AVAILABLE = spawnSync("python3", [
  "-c",
  // io_uring_setup(8, zeroed params): a descriptor where the kernel and the container allow it.
  "import ctypes, sys; libc = ctypes.CDLL(None)\n" +
    "sys.exit(libc.syscall(425, 8, ctypes.create_string_buffer(120)) < 0)",
]).status === 0;
export const DRIVERS: Io[] = IO_URING_AVAILABLE ? ["uring", "epoll"] : ["epoll"];
export const VARIANTS = DRIVERS.flatMap((io) => [1, 3].map((shards) => ({ io, shards })));

/** Dotted configuration keys and their values, e.g. {"client.ping_interval": "1s"}. */
export type Configuration = Record<string, string | number | boolean | string[]>;

export interface ServerOptions {
  io?: Io;
  shards?: number;
  port?: number;
  /** Open to everyone, as for development; true unless said otherwise. */
  dev?: boolean;
  /** Its configuration has TLS on the public port. */
  tls?: boolean;
  configuration?: Configuration;
  arguments?: string[];
  /** Limit of open files, soft and hard; the test's own unless said. */
  openFiles?: number;
}

/** Writes a configuration file that lives as long as the test. JSON values are TOML values too. */
export function configurationFile(t: Cleanup, configuration: Configuration): string {
  const lines = Object.entries(configuration).map(([key, v]) => `${key} = ${JSON.stringify(v)}\n`);
  return temporaryFile(t, "sanjay.toml", lines.join(""));
}

export function temporaryFile(t: Cleanup, name: string, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), "sanjay-test-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** A test's context or a suite's `{ after }`: where to say what must happen at its end. */
export interface Cleanup {
  after(end: () => unknown): void;
}

export class Server {
  port = 0;
  readonly output: string[] = [];
  private readonly log = new Arrivals<string>();
  private readonly command: string[];
  private readonly openFiles: number | undefined;
  private readonly scheme: "http" | "https";
  private process!: ChildProcess;
  private exited!: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  private stopping = false;

  private constructor(t: Cleanup, options: ServerOptions) {
    this.openFiles = options.openFiles;
    this.scheme = options.tls ? "https" : "http";
    this.command = [
      "serve",
      ...(options.dev === false ? [] : ["--dev"]),
      ...(options.configuration ? ["--config", configurationFile(t, options.configuration)] : []),
      ...["--address", "127.0.0.1", "--port", String(options.port ?? 0)],
      ...["--io", options.io ?? "epoll", "--shards", String(options.shards ?? 1)],
      ...(options.arguments ?? []),
    ];
    t.after(() => this.stop());
  }

  /** Starts a server on a free port; the test's end stops it and checks how it went. */
  static async start(t: Cleanup, options: ServerOptions = {}): Promise<Server> {
    const server = new Server(t, options);
    await server.launch();
    return server;
  }

  /** One server for all tests of the suite whose body calls this; it runs once they do. */
  static forSuite(options: ServerOptions = {}): Server {
    const server = new Server({ after }, options);
    before(() => server.launch());
    return server;
  }

  get url(): string {
    return `${this.scheme}://127.0.0.1:${this.port}`;
  }

  get websocketUrl(): string {
    const scheme = this.scheme === "https" ? "wss" : "ws";
    return `${scheme}://127.0.0.1:${this.port}/connection/websocket`;
  }

  get pid(): number {
    return this.process.pid!;
  }

  signal(signal: NodeJS.Signals): void {
    this.process.kill(signal);
  }

  /** The next log record whose line fits; each is found once. */
  async logged(fits: RegExp): Promise<Record<string, unknown>> {
    return JSON.parse(await this.log.take(`a log line like ${fits}`, (line) => fits.test(line)));
  }

  /** Asks the server to stop and fails unless it ends with 0, in time, with nothing to report. */
  async stop(): Promise<void> {
    if (this.stopping) return;
    this.stopping = true;
    if (this.process.exitCode !== null || this.process.signalCode !== null) {
      assert.fail(`the server ended by itself${this.report()}`);
    }
    this.signal("SIGCONT");
    this.signal("SIGTERM");
    await this.checkEnd();
  }

  /** As stop(), for a test that has asked the server to stop in its own way. */
  async stopped(): Promise<void> {
    this.stopping = true;
    await this.checkEnd();
  }

  private async checkEnd(): Promise<void> {
    const end = await within(this.exited, "the server's end").catch((error) => {
      this.signal("SIGKILL");
      throw new Error(`${error.message}${this.report()}`);
    });
    assert.deepEqual(end, { code: 0, signal: null }, `how the server ended${this.report()}`);
    assert.doesNotMatch(this.output.join("\n"), SANITIZER);
  }

  private async launch(): Promise<void> {
    // The shell sets the limit and becomes the server, so the process stays ours.
    const limited = ["-c", `ulimit -n ${this.openFiles}; exec "$0" "$@"`, BINARY];
    const [file, args] =
      this.openFiles === undefined
        ? [BINARY, this.command]
        : ["/bin/sh", [...limited, ...this.command]];
    this.process = spawn(file, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: ENVIRONMENT,
    });
    this.exited = once(this.process, "exit").then(([code, signal]) => ({ code, signal }));
    const log = createInterface({ input: this.process.stderr! });
    log.on("line", (line) => {
      this.output.push(line);
      this.log.add(line);
    });
    const lines = createInterface({ input: this.process.stdout! });
    const line = once(lines, "line").then(([text]) => String(text));
    const first = await within(Promise.race([line, this.exited]), "the server's ready line");
    if (typeof first !== "string") {
      this.stopping = true;
      throw new Error(`the server did not start: ${JSON.stringify(first)}${this.report()}`);
    }
    const match = /^sanjay is ready: (https?):\/\/127\.0\.0\.1:(\d+)$/.exec(first);
    assert.ok(match && match[1] === this.scheme, `unexpected ready line: ${first}`);
    this.port = Number(match[2]);
  }

  private report(): string {
    return `\n${this.output.slice(-40).join("\n")}`;
  }
}

/** Starts a server with an internal port too, and answers what is served there. */
export async function startWithInternalPort(
  t: Cleanup,
  options: ServerOptions = {},
): Promise<{ server: Server; internal: { url: string; port: number } }> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const flags = ["--internal-port", String(port), ...(options.arguments ?? [])];
    try {
      const server = await Server.start(t, { ...options, arguments: flags });
      return { server, internal: { url: `http://127.0.0.1:${port}`, port } };
    } catch (error) {
      // Somebody else was quicker to take it.
      if (attempt === 5 || !/address (already )?in use/i.test(String(error))) throw error;
    }
  }
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

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a command of the binary to its end. */
export function run(args: string[], environment: Record<string, string> = {}): Outcome {
  const result = spawnSync(BINARY, args, {
    encoding: "utf8",
    timeout: DEADLINE_MS,
    env: { ...ENVIRONMENT, ...environment },
  });
  if (result.error) throw result.error;
  return { code: result.status, stdout: result.stdout, stderr: result.stderr };
}
