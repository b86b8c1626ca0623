// SPDX-License-Identifier: Apache-2.0
// Transcripts of two runs are compared word by word, so what is chosen by chance or by the clock
// gets a name that is the same in every run.
import type { Message } from "./codec.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
/** A ttl is told up to one second late; steps of this size tell what it is about. */
const TTL_STEP = 5;

export class Names {
  private readonly names = new Map<string, string>();
  private readonly values = new Map<string, string>();
  private readonly counts = new Map<string, number>();

  name(kind: string, value: string): string {
    const known = this.names.get(`${kind} ${value}`);
    if (known !== undefined) return known;
    const count = (this.counts.get(kind) ?? 0) + 1;
    this.counts.set(kind, count);
    const name = `<${kind}:${count}>`;
    this.names.set(`${kind} ${value}`, name);
    this.values.set(name, value);
    return name;
  }

  value(name: string): string {
    const value = this.values.get(name);
    if (value === undefined) throw new Error(`${name} was not seen yet`);
    return value;
  }

  isClient(value: string): boolean {
    return this.names.has(`client ${value}`);
  }
}

/** A reply or an API answer with its chance values named and its keys sorted. */
export function normal(value: unknown, names: Names, key = ""): unknown {
  if (Array.isArray(value)) return value.map((inner) => normal(inner, names));
  if (key === "metrics" || key === "process") return `<${key}>`; // every server has its own
  if (typeof value === "object" && value !== null) {
    // Sorted first: names are given in the order in which values are seen.
    const entries = Object.entries(value)
      .map(([k, inner]): [string, unknown] => [
        names.isClient(k) ? names.name("client", k) : k,
        inner,
      ])
      .sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(entries.map(([k, inner]) => [k, normal(inner, names, k)]));
  }
  return normalScalar(value, names, key);
}

function normalScalar(value: unknown, names: Names, key: string): unknown {
  if (typeof value === "string" && value !== "") {
    if (key === "client" || key === "uid") {
      return UUID.test(value) ? names.name(key, value) : `no UUID: ${value}`;
    }
    if (key === "epoch") return names.name("epoch", value);
    if (key === "version") return "<version>";
    if (key === "session" || key === "node") return names.name(key, value);
  }
  if (typeof value === "number") {
    if (key === "ttl") return `≈ ${Math.round(value / TTL_STEP) * TTL_STEP} s`;
    if ((key === "time" || key === "uptime") && value > 0) return `<${key}>`;
  }
  return value;
}

/** What a script says, with the values of this run. */
export function actual(
  value: unknown,
  names: Names,
  sign: (claims: Message, key?: string) => string,
): unknown {
  if (typeof value === "string") return actualText(value, names);
  if (Array.isArray(value)) return value.map((inner) => actual(inner, names, sign));
  if (typeof value !== "object" || value === null) return value;
  const { $token, $key } = value as { $token?: Message; $key?: string };
  if ($token !== undefined) return sign(actual($token, names, sign) as Message, $key);
  return Object.fromEntries(
    Object.entries(value).map(([k, inner]) => [
      String(actualText(k, names)),
      actual(inner, names, sign),
    ]),
  );
}

function actualText(text: string, names: Names): string | number {
  const time = /^<now([+-]\d+)>$/.exec(text);
  if (time) return Math.floor(Date.now() / 1000) + Number(time[1]);
  return text.replace(/<(client|epoch):\d+>/g, (name) => names.value(name));
}
