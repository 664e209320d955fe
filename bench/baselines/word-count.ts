/**
 * Word count without a framework: what a Node engineer would write in one file for this one job.
 * The yardstick of the throughput benchmark, so it is kept plain: strings, a Map, one write per chunk.
 *
 * In: u32 length, a line of UTF-8 text. Out, for each word: `word => n\n`.
 */
import { connect, createServer } from 'node:net';
import { parseArgs } from 'node:util';

interface WordTotal {
  word: string;
  count: number;
}

const totals = new Map<string, WordTotal>();

function decode(bytes: Buffer, start: number, end: number): string {
  return bytes.toString('utf8', start, end);
}

function split(line: string): string[] {
  return line.toLowerCase().split(/[^a-z0-9']+/);
}

function countWord(word: string, state: WordTotal): WordTotal {
  state.count += 1;
  return { word, count: state.count };
}

function encode(result: WordTotal): string {
  return `${result.word} => ${result.count}\n`;
}

function count(word: string): WordTotal {
  let state = totals.get(word);
  if (state === undefined) {
    state = { word, count: 0 };
    totals.set(word, state);
  }
  return countWord(word, state);
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
    let output = '';
    let at = 0;
    while (at + 4 <= bytes.length) {
      const end = at + 4 + bytes.readUInt32BE(at);
      if (end > bytes.length) break;
      for (const word of split(decode(bytes, at + 4, end))) {
        if (word !== '') output += encode(count(word));
      }
      at = end;
    }
    carry = bytes.subarray(at);
    if (output !== '' && !sink.write(output)) {
      source.pause();
      sink.once('drain', () => source.resume());
    }
  });
  source.on('error', () => source.destroy());
});

sink.once('connect', () => server.listen(address(values.in!), () => console.log('ready')));
