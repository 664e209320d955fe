/** Something that happens elsewhere and is waited for: conditions are looked at again after each change. */
export class Changes {
  private readonly watchers = new Set<() => void>();

  changed(): void {
    for (const watcher of [...this.watchers]) watcher();
  }

  /** @param state what to tell when nothing came of it */
  async until(
    holds: () => boolean,
    what: string,
    state: () => string = () => '',
    timeoutMs = 30_000,
  ): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    let watcher: () => void = () => undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        watcher = () => {
          try {
            if (holds()) resolve();
          } catch (error) {
            reject(error as Error);
          }
        };
        timer = setTimeout(
          () => reject(new Error(`waited ${timeoutMs} ms for ${what}; ${state()}`)),
          timeoutMs,
        );
        this.watchers.add(watcher);
        watcher();
      });
    } finally {
      clearTimeout(timer);
      this.watchers.delete(watcher);
    }
  }
}

/** For what tells nobody when it changes: looks every few milliseconds. */
export async function eventually<Value>(
  look: () => Value | undefined | false | Promise<Value | undefined | false>,
  what: string,
  timeoutMs = 30_000,
): Promise<Value> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const value = await look();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > end) throw new Error(`waited ${timeoutMs} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Waits until `progress` has not changed for so long: for what should stand still there is no other sign. */
export async function standstill(progress: () => number, quietMs: number): Promise<void> {
  let last = progress();
  let since = performance.now();
  while (performance.now() - since < quietMs) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (progress() === last) continue;
    last = progress();
    since = performance.now();
  }
}
