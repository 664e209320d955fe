import type { Socket } from 'node:net';
import {
  decodeExternalMessage,
  encodeExternalMessage,
  externalRequestBytesMax,
  formatAddress,
  FrameSplitter,
  InvalidExternalMessageError,
  OversizedFrameError,
  u32Frames,
  type Address,
  type ExternalMessage,
} from '@wallaroo/protocol';
import { Listener } from '../listener.js';
import { onOneLine, type WorkerLog } from '../log.js';
import { answer } from './answers.js';
import type { ClusterView } from './cluster-view.js';

export interface ExternalChannelOptions {
  readonly view: ClusterView;
  readonly log: WorkerLog;
  readonly onCleanShutdown: () => void;
}

interface Client {
  readonly socket: Socket;
  readonly splitter: FrameSplitter;
  /** Goes on with what the client has asked, after a pause. */
  resume(): void;
}

const connectionsMax = 256;
/** A connection on which nothing happens for this long makes room for others. */
const idleMsMax = 300_000;

/** Where operators and their tools talk to the worker. */
export class ExternalChannel {
  private readonly listener: Listener;
  private readonly connections = new Set<Socket>();

  constructor(private readonly options: ExternalChannelOptions) {
    this.listener = new Listener({
      what: `${options.view.worker} external`,
      connectionsMax,
      allowHalfOpen: true,
      onConnection: (socket) => this.connected(socket),
    });
  }

  /** @throws ListenError */
  async listen(address: Address): Promise<Address> {
    const { log, view } = this.options;
    const bound = await this.listener.listen(address);
    log.line(`Set up external channel listener on ${formatAddress(bound)}`);
    log.line(`${view.worker} external: listening on ${formatAddress(bound)}`);
    return bound;
  }

  close(): void {
    this.listener.close();
    for (const socket of this.connections) socket.destroySoon();
  }

  private connected(socket: Socket): void {
    this.connections.add(socket);
    socket.once('close', () => this.connections.delete(socket));
    const splitter = new FrameSplitter(u32Frames(externalRequestBytesMax), (bytes, start, end) => {
      if (start === end) return;
      this.handle(client, bytes, start, end);
      // A client that asks without reading answers waits: so what we hold for it is bounded.
      if (socket.writableNeedDrain) {
        splitter.pause();
        socket.pause();
      }
    });
    let ended = false;
    const guarded = (work: () => void) => {
      try {
        work();
        // A client may end its half as soon as it has asked: it gets its answers first.
        if (ended && splitter.idle) socket.end();
      } catch (error) {
        this.options.log.line(
          error instanceof OversizedFrameError
            ? 'Received expect greater than 16kb on External Channel'
            : `External Channel: a message could not be answered: ${onOneLine(String(error))}`,
        );
        socket.destroy();
      }
    };
    socket.on('data', (chunk) => guarded(() => splitter.push(chunk)));
    socket.on('end', () => guarded(() => (ended = true)));
    const resume = () => {
      guarded(() => splitter.resume());
      if (!socket.writableNeedDrain) socket.resume();
    };
    const client: Client = { socket, splitter, resume };
    socket.on('drain', resume);
    socket.setTimeout(idleMsMax, () => socket.destroy());
    socket.resume();
  }

  private handle(client: Client, bytes: Buffer, start: number, end: number): void {
    let message: ExternalMessage;
    try {
      message = decodeExternalMessage(bytes, start, end);
    } catch (error) {
      if (!(error instanceof InvalidExternalMessageError)) throw error;
      this.options.log.line(
        `Error decoding External Message on external channel. (${onOneLine(error.message)})`,
      );
      return;
    }
    const { view } = this.options;
    if (message.type === 'clusterStateEntityCountQuery') {
      return this.answerLater(client, (done) =>
        view.entityCounts((body) => done({ type: 'clusterStateEntityCountQueryResponse', body })),
      );
    }
    if (message.type === 'shrinkRequest') {
      return this.answerLater(client, (done) => view.shrink(message.body, done));
    }
    const reply = answer(message, view);
    if (reply) client.socket.write(encodeExternalMessage(reply));
    else this.obey(message);
  }

  /** Others must be asked first: until then the next request of the same client waits, so answers keep their order. */
  private answerLater(
    { socket, splitter, resume }: Client,
    ask: (done: (reply: ExternalMessage) => void) => void,
  ): void {
    let answered = false;
    let paused = false;
    ask((reply) => {
      answered = true;
      if (socket.destroyed) return;
      socket.write(encodeExternalMessage(reply));
      if (paused) resume();
    });
    if (answered) return;
    paused = true;
    splitter.pause();
    socket.pause();
  }

  private obey(message: ExternalMessage): void {
    const { log, view, onCleanShutdown } = this.options;
    switch (message.type) {
      case 'print':
        return log.line(`$$$ ExternalPrint: ${onOneLine(message.body)} $$$`);
      case 'rotateLog':
        return view.rotateLog(message.body);
      case 'cleanShutdown':
        log.line(
          `External Clean Shutdown received${message.body === '' ? '.' : `: ${onOneLine(message.body)}`}`,
        );
        return onCleanShutdown();
      case 'reportStatus':
        return log.line(
          message.body === 'boundary-count-status'
            ? `Boundary count: ${view.workers.length - 1} boundaries, ${view.workers.length} workers`
            : 'Failed to parse ReportStatusCode',
        );
      default:
        return log.line(`Incoming External Message type not handled by external channel. (${message.type})`);
    }
  }
}
