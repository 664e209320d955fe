/**
 * The round trip through two processes, without a framework: one reads frames of a client and hands them on, the
 * other counts them by key and writes to the client.
 *
 * In: u32 16, key of 12 characters, u32 number. Out: u32 8, u32 number, u32 count.
 */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { parseArgs } from 'node:util';
import { Packr, RESERVE_START_SPACE } from 'msgpackr';

interface Question {
  key: string;
  number: number;
}

const { values } = parseArgs({
  options: {
    /** `listen` in the process that hands messages on; its address in the other one. */
    peer: { type: 'string' },
    in: { type: 'string' },
    out: { type: 'string' },
  },
});
const packr = new Packr({ useRecords: true });

function address(text: string): { host: string; port: number } {
  const [host, port] = text.split(':');
  return { host: host!, port: Number(port) };
}

/** Calls `onFrames` with what each chunk has of whole frames. */
function readFrames(socket: Socket, onFrames: (frames: Buffer[]) => void): void {
  let carry: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    const bytes = carry.length > 0 ? Buffer.concat([carry, chunk]) : chunk;
    const frames: Buffer[] = [];
    let from = 0;
    while (from + 4 <= bytes.length) {
      const end = from + 4 + bytes.readUInt32BE(from);
      if (end > bytes.length) break;
      frames.push(bytes.subarray(from + 4, end));
      from = end;
    }
    carry = bytes.subarray(from);
    if (frames.length > 0) onFrames(frames);
  });
}

function handOn(frames: Buffer[], peer: Socket): void {
  const batch: Question[] = frames.map((frame) => ({
    key: frame.latin1Slice(0, 12),
    number: frame.readUInt32BE(12),
  }));
  const bytes = packr.pack(batch, RESERVE_START_SPACE + 4);
  bytes.writeUInt32BE(bytes.length - 4, 0);
  peer.write(bytes);
}

const counts = new Map<string, { count: number }>();

function answer(frame: Buffer): Buffer {
  const questions = packr.unpack(frame) as Question[];
  const output = Buffer.allocUnsafe(questions.length * 12);
  questions.forEach(({ key, number }, i) => {
    let state = counts.get(key);
    if (state === undefined) counts.set(key, (state = { count: 0 }));
    state.count++;
    output.writeUInt32BE(8, i * 12);
    output.writeUInt32BE(number, i * 12 + 4);
    output.writeUInt32BE(state.count, i * 12 + 8);
  });
  return output;
}

process.once('SIGTERM', () => process.exit());
if (values.peer === 'listen') {
  const links = createServer({ noDelay: true }, (peer) => {
    const clients = createServer({ noDelay: true }, (client) => {
      readFrames(client, (frames) => handOn(frames, peer));
    });
    clients.listen(address(values.in!), () => {
      console.log(`questions source is listening on 127.0.0.1:${(clients.address() as AddressInfo).port}`);
      console.log('ready');
    });
  });
  links.listen(0, '127.0.0.1', () => {
    console.log(`control: listening on 127.0.0.1:${(links.address() as AddressInfo).port}`);
  });
} else {
  const client = connect({ ...address(values.out!), noDelay: true }, () => {
    const peer = connect({ ...address(values.peer!), noDelay: true }, () => console.log('ready'));
    readFrames(peer, (frames) => {
      for (const frame of frames) client.write(answer(frame));
    });
  });
}
