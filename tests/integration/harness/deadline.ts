// SPDX-License-Identifier: Apache-2.0

/** Long enough for a sanitizer build on a busy machine; no passing test waits this long. */
export const DEADLINE_MS = 20_000;

/** The promise's outcome, or an error that says what did not happen in time. */
export async function within<T>(promise: Promise<T>, what: string, ms = DEADLINE_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${ms} ms: ${what}`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Looks again and again, for what no event tells, until it is so. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  await eventually(what, async () => isSo(), (so) => so);
}

/** Asks again and again until the answer fits, and returns it. */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T>,
  fits: (answer: T) => boolean,
): Promise<T> {
  const LOOK_EVERY_MS = 20; // leaves the CPU to the server
  const end = performance.now() + DEADLINE_MS;
  for (;;) {
    const answer = await ask();
    if (fits(answer)) return answer;
    if (performance.now() > end) throw new Error(`never ${what}: ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/** Values that arrive one by one, for a reader that waits for those it is interested in. */
export class Arrivals<T> {
  private readonly values: T[] = [];
  private waiting: Array<() => void> = [];
  private ended: Error | undefined;

  add(value: T): void {
    this.values.push(value);
    this.wake();
  }

  /** Whoever waits for a value from now on gets this error instead. */
  end(reason: string): void {
    this.ended ??= new Error(reason);
    this.wake();
  }

  get all(): readonly T[] {
    return this.values;
  }

  /** Takes the first value that fits, waiting for it if necessary. */
  async take(what: string, fits: (value: T) => boolean = () => true): Promise<T> {
    return within(this.search(what, fits), what);
  }

  /** Waits until `count` values are there and returns them, leaving them in place. */
  async atLeast(count: number, what: string): Promise<readonly T[]> {
    const complete = async () => {
      while (this.values.length < count) await this.change(what);
      return this.values;
    };
    return within(complete(), `${count} × ${what}`).catch((error: Error) => {
      throw new Error(`${error.message} (there were ${this.values.length})`);
    });
  }

  private async search(what: string, fits: (value: T) => boolean): Promise<T> {
    for (;;) {
      const index = this.values.findIndex(fits);
      if (index >= 0) return this.values.splice(index, 1)[0]!;
      await this.change(what);
    }
  }

  private async change(what: string): Promise<void> {
    if (this.ended) throw new Error(`${this.ended.message} while waiting for: ${what}`);
    await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  private wake(): void {
    const waiting = this.waiting;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }
}
