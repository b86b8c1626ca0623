// SPDX-License-Identifier: Apache-2.0
import { createHmac } from "node:crypto";

const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A signed JSON Web Token as an application's back end makes it. */
export function token(
  secret: string,
  claims: { sub: string; exp?: number; iss?: string; aud?: string },
): string {
  const text = `${encoded({ alg: "HS256", typ: "JWT" })}.${encoded(claims)}`;
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
}

export function secondsFromNow(seconds: number): number {
  return Math.floor(Date.now() / 1000) + seconds;
}
