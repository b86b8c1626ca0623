// SPDX-License-Identifier: Apache-2.0
import { type Area, emulate, heard, request, stream, token } from "../harness/session.ts";

const enabled = { enabled: true };
const configuration = {
  client: { allowed_origins: ["https://good.example"] },
  channel: { without_namespace: { allow_subscribe_for_client: true } },
  http_stream: enabled,
  sse: enabled,
  uni_http_stream: enabled,
  uni_sse: enabled,
  init: enabled,
};
const hello = { id: 1, connect: { token: token({ sub: "42" }) } };
const credentials = (claims: object) => ({ token: token({ sub: "42", ...claims }) });
const http = "/connection/http_stream";
const sse = "/connection/sse";
const listen = "/connection/uni_http_stream";
const events = "/connection/uni_sse";
const json = { "Content-Type": "application/json" };
const good = { Origin: "https://good.example" };

export const httpTransports: Area = {
  id: "http_transports",
  title: "HTTP-stream, SSE, emulation, unidirectional streams",
  sessions: [
    {
      name: "an HTTP-stream",
      steps: [
        stream("a", http, hello, { id: 2, subscribe: { channel: "x" } }),
        heard("a", 2),
        { api: "publish", body: { channel: "x", data: { n: 1 } } },
        heard("a", 1),
        emulate("a", { id: 3, history: { channel: "x" } }),
        heard("a", 1),
        emulate("a", { id: 4, unsubscribe: { channel: "x" } }, { id: 5, unsubscribe: {} }),
        heard("a", 3),
      ],
    },
    {
      name: "SSE",
      steps: [
        stream("a", sse, hello, { id: 2, subscribe: { channel: "x" } }),
        heard("a", 2),
        emulate("a", { id: 3, presence: { channel: "x" } }),
        heard("a", 1),
        emulate("a", "nonsense"),
        heard("a", 2),
      ],
    },
    {
      name: "SSE by GET",
      steps: [stream("a", `${sse}?cf_connect=%7B%22id%22%3A1%7D`, "", "GET"), heard("a", 2)],
    },
    { name: "SSE by GET without a command", steps: [stream("a", sse, "", "GET")] },
    {
      name: "a stream whose first command is none",
      steps: [stream("a", http, "x"), heard("a", 2)],
    },
    { name: "a stream without commands", steps: [stream("a", http, ""), heard("a", 2)] },
    {
      name: "a stream whose token is none",
      steps: [
        stream("a", http, { id: 1, connect: { token: "x" } }),
        heard("a", 2),
        stream("b", http, { id: 1, connect: credentials({ exp: "<now-60>" }) }),
        heard("b", 1),
      ],
    },
    {
      name: "methods of streams and of emulation",
      steps: [
        request("GET", http),
        request("PUT", sse),
        request("GET", listen),
        request("DELETE", events),
        request("GET", "/emulation"),
        request("POST", "/connection/init"),
        request("GET", "/connection/init"),
      ],
    },
    {
      name: "requests that are no emulation",
      steps: [
        request("POST", "/emulation", "{", json),
        request("POST", "/emulation", "[]", json),
        request("POST", "/emulation", '{"session":1,"node":"n","data":"{}"}', json),
        request("POST", "/emulation", '{"session":"s","node":"n","data":"{}"}', json),
        request("POST", "/emulation", "<x:70000>", json),
        request("POST", http, "<x:70000>", json),
      ],
    },
    {
      name: "a preflight",
      steps: [
        request("OPTIONS", "/emulation", undefined, {
          ...good,
          "Access-Control-Request-Method": "POST",
          "Access-Control-Request-Headers": "content-type",
        }),
      ],
    },
    {
      name: "a preflight of another origin",
      steps: [request("OPTIONS", http, undefined, { Origin: "https://bad.example" })],
    },
    {
      name: "emulation from another origin",
      steps: [
        request("POST", "/emulation", '{"session":"s","node":"n","data":"{}"}', {
          ...json,
          Origin: "https://bad.example",
        }),
      ],
    },
    {
      name: "a unidirectional stream",
      steps: [
        stream("a", listen, { token: token({ sub: "43" }), subs: { x: {} } }),
        heard("a", 1),
        stream("b", events, { ...credentials({ channels: ["y"] }) }),
        heard("b", 1),
        { api: "publish", body: { channel: "x", data: { n: 1 } } },
        heard("a", 1),
        { api: "unsubscribe", body: { user: "42", channel: "y" } },
        heard("b", 1),
        { api: "disconnect", body: { user: "42" } },
        heard("b", 2),
        { api: "disconnect", body: { user: "43", code: 4001, reason: "why" } },
        heard("a", 2),
      ],
    },
    {
      name: "unidirectional connects that fail",
      steps: [
        stream("a", listen, { token: "x" }),
        heard("a", 2),
        stream("b", listen, credentials({ exp: "<now-60>" })),
        heard("b", 2),
        stream("c", listen, credentials({ channels: ["unknown:x"] })),
        heard("c", 2),
        stream("d", listen, {}),
        heard("d", 2),
        stream("e", events, "", "GET"),
        heard("e", 2),
        stream("f", listen, "x"),
      ],
    },
  ].map((session) => ({ ...session, configuration, only: "json" as const })),
};
