// SPDX-License-Identifier: Apache-2.0
// What a session is made of. Sessions are data: the same steps are taken with every server and
// every encoding, and what comes back is the transcript.
//
// In what is sent, some values stand for others: "<client:1>" and "<epoch:1>" for the first client
// id and the first epoch seen in the session, "<now+60>" for a time in seconds (as a number), and
// { $token: claims } for a signed token.
import type { Message } from "./codec.ts";
import type { Configuration } from "./target.ts";

export interface Session {
  /** What it shows; unique. */
  name: string;
  /** Laid over the configuration that all sessions share. */
  configuration?: Configuration;
  /** The encoding, for a session that only makes sense in one. */
  only?: "json" | "protobuf";
  steps: Step[];
}

export interface Area {
  /** The file of its transcripts. */
  id: string;
  title: string;
  sessions: Session[];
}

export type Step =
  | { open: string; path?: string; protocols?: string[]; headers?: Record<string, string> }
  | { send: string; commands: Message[] }
  | { call: string; command: Message }
  | { text: string; frame: string }
  | { bytes: string; hex: string }
  | { frames: string; count: number; unordered?: boolean }
  | { closed: string }
  | { hangup: string }
  | { settle: string; through?: string }
  | { api: string; body: unknown; headers?: Record<string, string> }
  | { history: { channel: string; from: number; to: number } }
  | { stream: string; path: string; method: string; commands: Array<Message | string> }
  | { heard: string; count: number }
  | { emulate: string; commands: Array<Message | string> }
  | { request: string; path: string; body?: string; headers?: Record<string, string> };

export const open = (client: string, how: object = {}): Step => ({ open: client, ...how });
/** Sends commands in one WebSocket message; those without an id get the next one. */
export const send = (client: string, ...commands: Message[]): Step => ({ send: client, commands });
/** Sends one command and takes the reply with its id, which must come next. */
export const call = (client: string, command: Message): Step => ({ call: client, command });
/** Sends text as it is; for JSON only. */
export const text = (client: string, frame: string): Step => ({ text: client, frame });
/** Sends bytes as they are; for Protobuf only. */
export const bytes = (client: string, hex: string): Step => ({ bytes: client, hex });
/** Takes the next replies and pushes. */
export const frames = (client: string, count = 1): Step => ({ frames: client, count });
/** The same where the protocol leaves their order open. */
export const unordered = (client: string, count: number): Step => ({
  frames: client,
  count,
  unordered: true,
});
/** Waits for the server's close. */
export const closed = (client: string): Step => ({ closed: client });
/** Ends the connection from the client's side and waits until the server has noticed. */
export const hangup = (client: string): Step => ({ hangup: client });
/** Takes all that comes before the reply to a command that the server answers at once. */
export const settle = (client: string): Step => ({ settle: client });
/** The same for what a channel with history still has under way to the client. */
export const settleChannel = (client: string, through: string): Step => ({
  settle: client,
  through,
});
export const api = (method: string, body: unknown = {}, headers = {}): Step => ({
  api: method,
  body,
  ...(Object.keys(headers).length > 0 ? { headers } : {}),
});
/** Publishes {"n": from} … {"n": to} by the API, one after the other; nothing is recorded. */
export const fill = (channel: string, from: number, to: number): Step => ({
  history: { channel, from, to },
});

/** Asks for a stream; what is no command is sent as it is. */
export const stream = (
  client: string,
  path: string,
  ...what: Array<Message | string>
): Step => {
  const get = what.at(-1) === "GET";
  const commands = get ? what.slice(0, -1) : what;
  return { stream: client, path, method: get ? "GET" : "POST", commands };
};
/** Takes the next replies and pushes of a stream, or its end. */
export const heard = (client: string, count: number): Step => ({ heard: client, count });
/** Sends commands of a stream's client by a request of their own. */
export const emulate = (client: string, ...commands: Array<Message | string>): Step => ({
  emulate: client,
  commands,
});
/** A request that is answered at once; of a body "<x:N>" there are so many bytes. */
export const request = (
  method: string,
  path: string,
  body?: string,
  headers?: Record<string, string>,
): Step => ({ request: method, path, ...(body ? { body } : {}), ...(headers ? { headers } : {}) });

export const token = (claims: Message, key?: string) => ({
  $token: claims,
  ...(key === undefined ? {} : { $key: key }),
});
/** Opens a connection and connects as that user. */
export const connect = (client: string, user: string, request: Message = {}): Step[] => [
  open(client),
  call(client, { connect: { token: token({ sub: user }), ...request } }),
];
export const subscribe = (client: string, channel: string, request: Message = {}): Step =>
  call(client, { subscribe: { channel, ...request } });
export const publish = (client: string, channel: string, data: unknown): Step =>
  call(client, { publish: { channel, data } });
