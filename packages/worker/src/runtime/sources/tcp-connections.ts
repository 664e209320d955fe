import { formatAddress, type Address } from '@wallaroo/protocol';
import type { SourceContext } from '../../api/source.js';
import type { Listener } from '../listener.js';
import { whenAborted } from '../when-aborted.js';
import type { TcpConnection } from './tcp-connection.js';

/** The clients of a source that listens for TCP connections. */
export class TcpConnections {
  private readonly connections = new Set<TcpConnection>();
  private muted = true;

  get size(): number {
    return this.connections.size;
  }

  /** Serves another one, until it is done. */
  add(connection: TcpConnection): void {
    this.connections.add(connection);
    void connection.done.then(() => this.connections.delete(connection));
    if (!this.muted) connection.unmute();
  }

  mute(): void {
    this.muted = true;
    for (const connection of this.connections) connection.mute();
  }

  unmute(): void {
    this.muted = false;
    for (const connection of this.connections) {
      connection.unmute();
      // What it had kept back may have been too much already.
      if (this.muted) return;
    }
  }

  /** Settles when those that are there now are done. */
  async allDone(): Promise<void> {
    await Promise.all([...this.connections].map(({ done }) => done));
  }

  /** Takes what has been read, and nothing more; what is not done by the deadline is broken off. */
  async stop(deadline: AbortSignal): Promise<void> {
    for (const connection of this.connections) connection.stop();
    const forget = whenAborted(deadline, () =>
      this.connections.forEach((connection) => connection.destroy()),
    );
    await this.allDone();
    forget();
  }
}

/** Opens the port of a source. One that has no address says so, and listens nowhere. */
export async function listenForClients(
  context: SourceContext<unknown>,
  listener: Listener,
  wanted: Address | undefined,
): Promise<Address | undefined> {
  if (wanted === undefined) {
    warnOfNoAddress(context);
    return undefined;
  }
  const address = await listener.listen(wanted);
  context.log('info', `${context.name} source is listening on ${formatAddress(address)}`);
  return address;
}

export function warnOfNoAddress(context: SourceContext<unknown>): void {
  const { name } = context;
  context.log('warning', `${name} source does not listen: it has no address; give --in ${name}@HOST:PORT`);
}
