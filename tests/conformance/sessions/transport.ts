// SPDX-License-Identifier: Apache-2.0
import { type Area, call, open, subscribe, token } from "../harness/session.ts";

const hello = call("a", { connect: { token: token({ sub: "42" }) } });
const path = "/connection/websocket";
const origins = { client: { allowed_origins: ["https://good.example"] } };

export const transport: Area = {
  id: "transport",
  title: "WebSocket handshake and choice of encoding",
  sessions: [
    {
      name: "no sub-protocol is JSON",
      only: "json",
      steps: [open("a"), hello, subscribe("a", "x")],
    },
    {
      name: "the sub-protocol of JSON",
      only: "json",
      steps: [open("a", { protocols: ["centrifuge-json"] }), hello],
    },
    {
      name: "the sub-protocol of Protobuf",
      only: "protobuf",
      steps: [open("a"), hello],
    },
    {
      name: "Protobuf by format",
      only: "protobuf",
      steps: [open("a", { protocols: [], path: `${path}?format=protobuf` }), hello],
    },
    {
      name: "Protobuf by cf_protocol",
      only: "protobuf",
      steps: [open("a", { protocols: [], path: `${path}?cf_protocol=protobuf` }), hello],
    },
    {
      name: "a protocol version in the query",
      steps: [open("a", { path: `${path}?cf_protocol_version=v2` }), hello],
    },
    {
      name: "pings of WebSocket instead of the protocol's",
      steps: [open("a", { path: `${path}?cf_ws_frame_ping_pong=true` }), hello],
    },
    {
      name: "an origin that is allowed",
      configuration: origins,
      only: "json",
      steps: [open("a", { headers: { Origin: "https://good.example" } }), hello],
    },
    {
      name: "an origin that is not allowed",
      configuration: origins,
      only: "json",
      steps: [open("a", { headers: { Origin: "https://bad.example" } })],
    },
    {
      name: "an origin where none is allowed",
      only: "json",
      steps: [open("a", { headers: { Origin: "https://good.example" } })],
    },
    {
      name: "an origin where all are allowed",
      configuration: { client: { allowed_origins: ["*"] } },
      only: "json",
      steps: [open("a", { headers: { Origin: "https://good.example" } }), hello],
    },
  ],
};
