/**
 * Alphabet without a framework: what a Node engineer would write in one file for this one job.
 * The yardstick of the throughput benchmark, so it is kept plain: decoded objects, a Map, one write per chunk.
 *
 * In: u32 length 5, letter, u32 votes. Out, for each vote: u32 9, letter, u64 total.
 */
import { connect, createServer } from 'node:net';
import { parseArgs } from 'node:util';

interface Vote {
  letter: string;
  votes: number;
}

interface LetterTotal {
  letter: string;
  total: number;
}

const outputLength = 13;
const totals = new Map<string, LetterTotal>();

function decode(bytes: Buffer, start: number): Vote {
  return { letter: String.fromCharCode(bytes[start]!), votes: bytes.readUInt32BE(start + 1) };
}

function addVotes(vote: Vote, state: LetterTotal): LetterTotal {
  state.total += vote.votes;
  return { letter: vote.letter, total: state.total };
}

function encode(result: LetterTotal, bytes: Buffer, at: number): void {
  bytes.writeUInt32BE(9, at);
  bytes[at + 4] = result.letter.charCodeAt(0);
  bytes.writeUInt32BE(Math.floor(result.total / 0x1_0000_0000), at + 5);
  bytes.writeUInt32BE(result.total >>> 0, at + 9);
}

function count(vote: Vote): LetterTotal {
  let state = totals.get(vote.letter);
  if (state === undefined) {
    state = { letter: vote.letter, total: 0 };
    totals.set(vote.letter, state);
  }
  return addVotes(vote, state);
}

const { values } = parseArgs({ options: { in: { type: 'string' }, out: { type: 'string' } } });
const address = (text: string): { host: string; port: number } => {
  const [host, port] = text.slice(text.indexOf('@') + 1).split(':');
  return { host: host!, port: Number(port) };
};

const sink = connect({ ...address(values.out!), noDelay: true });
const server = createServer((source) => {
  let carry: Buffer = Buffer.alloc(0);
  source.on('data', (chunk: Buffer) => {
    const bytes = carry.length > 0 ? Buffer.concat([carry, chunk]) : chunk;
    const output = Buffer.allocUnsafe(Math.ceil(bytes.length / 9) * outputLength);
    let at = 0;
    let written = 0;
    while (at + 4 <= bytes.length) {
      const end = at + 4 + bytes.readUInt32BE(at);
      if (end > bytes.length) break;
      encode(count(decode(bytes, at + 4)), output, written);
      written += outputLength;
      at = end;
    }
    carry = bytes.subarray(at);
    if (written > 0 && !sink.write(output.subarray(0, written))) {
      source.pause();
      sink.once('drain', () => source.resume());
    }
  });
  source.on('error', () => source.destroy());
});

sink.once('connect', () => server.listen(address(values.in!), () => console.log('ready')));
