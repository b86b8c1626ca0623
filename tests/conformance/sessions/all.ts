// SPDX-License-Identifier: Apache-2.0
import type { Encoding } from "../harness/codec.ts";
import type { Area, Session } from "../harness/session.ts";
import { connections } from "./connections.ts";
import { dispatch } from "./dispatch.ts";
import { histories } from "./history.ts";
import { httpTransports } from "./http_transports.ts";
import { presences } from "./presence.ts";
import { publishing } from "./publishing.ts";
import { recoveries } from "./recovery.ts";
import { serverApi } from "./server_api.ts";
import { serverSide } from "./server_side.ts";
import { subscriptions } from "./subscriptions.ts";
import { transport } from "./transport.ts";
import { variants } from "./variants.ts";

export const AREAS: Area[] = [
  transport,
  dispatch,
  connections,
  subscriptions,
  publishing,
  presences,
  histories,
  recoveries,
  variants,
  serverSide,
  serverApi,
  httpTransports,
];

export function encodings(session: Session): Encoding[] {
  return session.only ? [session.only] : ["json", "protobuf"];
}
