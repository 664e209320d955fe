import type { Hello } from '../../link/greeting.js';
import type { Inbound } from '../../link/inbound.js';
import type { MeshSurroundings } from './surroundings.js';

const namesMax = 1000;

/** What is remembered of workers that were refused. Strangers may come with any names: it never grows long. */
export class TurnedAway {
  /** What was logged, by name: a worker that tries again is not told of again. */
  private readonly told = new Map<string, string>();
  /** Since when workers have come whose names are taken. */
  private readonly claims = new Map<string, number>();

  constructor(private readonly surroundings: MeshSurroundings) {}

  tell({ channel, remoteHost }: Inbound, hello: Hello, text: string): void {
    if (this.told.get(hello.name) === text) return;
    if (this.told.size > namesMax) this.told.clear();
    this.told.set(hello.name, text);
    const { log, self } = this.surroundings;
    const refused = `${self().name} ${channel}: refused ${hello.name} (${remoteHost}): ${text}`;
    log.write('error', 'Membership', refused);
  }

  /**
   * Whether a worker has come again and again while its name stays taken. At first it may be that the other one is
   * dead, and its connection does not know yet.
   */
  insists(hello: Hello): boolean {
    const { clock, timing } = this.surroundings;
    const now = clock.now();
    const id = `${hello.life} ${hello.name}`;
    const since = this.claims.get(id) ?? now;
    if (this.claims.size > namesMax) this.claims.clear();
    this.claims.set(id, since);
    return now - since > 2 * timing.silenceMs * 1e6;
  }
}
