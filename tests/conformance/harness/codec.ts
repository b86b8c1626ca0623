// SPDX-License-Identifier: Apache-2.0
// The two encodings of the client protocol, as a script sees them: commands and replies are
// objects with the keys of the schema, and payloads are JSON values in both.
import { fileURLToPath } from "node:url";
import protobuf from "protobufjs";

export type Encoding = "json" | "protobuf";
export type Message = Record<string, unknown>;

export interface Codec {
  /** One WebSocket message that carries these commands. */
  encode(commands: Message[]): string | Buffer;
  /** The replies of one WebSocket message; what the encoding does not allow is an error. */
  decode(data: Buffer, binary: boolean): Message[];
}

const jsonCodec: Codec = {
  encode: (commands) => commands.map((command) => JSON.stringify(command)).join("\n"),
  decode(data, binary) {
    if (binary) throw new Error("a binary frame on a JSON connection");
    return data.toString().split("\n").map((line) => JSON.parse(line) as Message);
  },
};

const SCHEMA = fileURLToPath(new URL("../../../src/protocol/client.proto", import.meta.url));
const root = new protobuf.Root().loadSync(SCHEMA, { keepCase: true });
const Command = root.lookupType("sanjay.protocol.wire.Command");
const Reply = root.lookupType("sanjay.protocol.wire.Reply");
/** Fields of type `bytes`, which carry JSON text in these sessions. */
const PAYLOADS = new Set(["data", "info", "conn_info", "chan_info"]);

const protobufCodec: Codec = {
  encode: (commands) =>
    Buffer.concat(
      commands.map((command) => {
        const problem = Command.verify(withBytes(command) as Message);
        if (problem) throw new Error(`${problem} in ${JSON.stringify(command)}`);
        const message = Command.fromObject(withBytes(command) as Message);
        return Command.encodeDelimited(message).finish() as Buffer;
      }),
    ),
  decode(data, binary) {
    if (!binary) throw new Error("a text frame on a Protobuf connection");
    const reader = protobuf.Reader.create(data);
    const replies: Message[] = [];
    while (reader.pos < reader.len) {
      const reply = Reply.decodeDelimited(reader);
      replies.push(fromBytes(Reply.toObject(reply, { longs: Number })) as Message);
    }
    return replies;
  },
};

export const codecs: Record<Encoding, Codec> = { json: jsonCodec, protobuf: protobufCodec };

/** Payloads become the bytes of their JSON text; `{ $bytes: "base64" }` becomes those bytes. */
function withBytes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withBytes);
  if (!isPlain(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      PAYLOADS.has(key) ? bytesOf(inner) : withBytes(inner),
    ]),
  );
}

function bytesOf(value: unknown): Buffer {
  if (isPlain(value) && "$bytes" in value) return Buffer.from(String(value.$bytes), "base64");
  return Buffer.from(JSON.stringify(value));
}

function fromBytes(value: unknown): unknown {
  if (value instanceof Uint8Array) {
    const text = Buffer.from(value).toString();
    try {
      return JSON.parse(text);
    } catch {
      return { $bytes: Buffer.from(value).toString("base64") };
    }
  }
  if (Array.isArray(value)) return value.map(fromBytes);
  if (!isPlain(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, fromBytes(inner)]));
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !(value instanceof Uint8Array);
}
