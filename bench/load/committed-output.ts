import { ConnectorSink, nodeDisk, type Disk, type DiskFile } from '@wallaroo/connector';
import { connectorCookie } from './connector-cookie.js';

export interface OutputEvents {
  connected(): void;
  /** Output has come, and is worth nothing yet. */
  staged(bytes: Buffer): void;
  /** Output counts. */
  committed(bytes: Buffer): void;
}

/** A two-phase sink, by the library that authors use, whose files are real. @returns its port */
export async function listenForCommittedOutput(directory: string, events: OutputEvents): Promise<number> {
  const sink = await ConnectorSink.listen({
    ...{ address: { host: '127.0.0.1', port: 0 }, directory, cookie: connectorCookie },
    disk: watched(events),
  });
  sink.on('connected', () => events.connected());
  return sink.address.port;
}

/** Tells of the bytes that go into files. */
function watched(events: OutputEvents): Disk {
  return {
    ...nodeDisk,
    open: async (path) => {
      const file = await nodeDisk.open(path);
      const tell = path.endsWith('.out') ? events.committed : events.staged;
      return {
        ...file,
        write: async (position, bytes) => {
          await file.write(position, bytes);
          tell(bytes);
        },
      } satisfies DiskFile;
    },
  };
}
