// SPDX-License-Identifier: Apache-2.0
import type { Server } from "./server.ts";

/** A call of the server API; `body` goes out as it is when it is a string. */
export async function post(
  server: Server,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(server.url + path, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

export async function publish(server: Server, publication: object): Promise<unknown> {
  return (await post(server, "/api/publish", publication)).json();
}
