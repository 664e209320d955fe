import { createWriteStream, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { readOptions } from '../support/arguments.js';
import { command, writeAll } from '../support/command.js';
import { Random } from '../support/random.js';

const acceptedCount = 335;
const rejectedCount = 15;
const messagesPerSecond = 1000;
const firstSecond = Date.UTC(2016, 8, 2, 15, 47, 52);

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const alphanumerics = `${letters}0123456789`;

interface Instrument {
  /** Padded on the left to four characters. */
  readonly symbol: string;
  readonly price: number;
}

export interface MarketOptions {
  /** Orders, and as many quotes. */
  readonly messages: number;
  readonly seed: number;
  /** About one order in so many is for an instrument whose spread is too wide. */
  readonly 'reject-one-in': number;
}

export interface MarketStreams {
  /** One quote for each of the 350 instruments: to be processed before the rest. */
  readonly initialNbbo: Iterable<Buffer>;
  /** Quotes for the 335 instruments that may be traded. */
  readonly nbbo: Iterable<Buffer>;
  readonly orders: Iterable<Buffer>;
}

/** Framed quotes and orders. Each stream draws from random numbers of its own. */
export function market({ messages, seed, 'reject-one-in': rejectOneIn }: MarketOptions): MarketStreams {
  const instruments = listed(new Random(seed));
  const accepted = instruments.slice(0, acceptedCount);
  const rejected = instruments.slice(acceptedCount);
  return {
    initialNbbo: initialQuotes(accepted, rejected, new Random(seed + 1)),
    nbbo: quotes(accepted, messages, new Random(seed + 2)),
    orders: orders(accepted, rejected, messages, rejectOneIn, new Random(seed + 3)),
  };
}

function listed(random: Random): Instrument[] {
  const symbols = new Set<string>();
  while (symbols.size < acceptedCount + rejectedCount) {
    const length = 3 + random.below(2);
    symbols.add(
      Array.from({ length }, () => random.pick(letters))
        .join('')
        .padStart(4),
    );
  }
  return [...symbols].map((symbol) => ({ symbol, price: 5 + random.below(20_000) / 100 }));
}

function* initialQuotes(
  accepted: readonly Instrument[],
  rejected: readonly Instrument[],
  random: Random,
): Generator<Buffer> {
  for (const instrument of accepted) yield narrowQuote(instrument, 0, random);
  for (const instrument of rejected) yield wideQuote(instrument, 0, random);
}

function* quotes(accepted: readonly Instrument[], messages: number, random: Random): Generator<Buffer> {
  for (let i = 0; i < messages; i++) yield narrowQuote(random.pick(accepted), i, random);
}

function* orders(
  accepted: readonly Instrument[],
  rejected: readonly Instrument[],
  messages: number,
  rejectOneIn: number,
  random: Random,
): Generator<Buffer> {
  const popular = accepted.slice(0, acceptedCount / 5);
  for (let i = 0; i < messages; i++) {
    // Four orders in five go to one instrument in five.
    const tradable = random.below(100) < 80 ? popular : accepted;
    yield orderBytes(random.pick(random.below(rejectOneIn) === 0 ? rejected : tradable), i, random);
  }
}

/** A spread of 0 to 3 cents. */
function narrowQuote({ symbol, price }: Instrument, n: number, random: Random): Buffer {
  const bid = price + random.fraction();
  return quoteBytes(symbol, n, bid, bid + random.below(4) / 100);
}

/** A spread of 5 to 8 cents. */
function wideQuote({ symbol, price }: Instrument, n: number, random: Random): Buffer {
  const bid = price + random.fraction() - ((0.05 + random.fraction()) * 0.1 + 0.01);
  return quoteBytes(symbol, n, bid, bid + 0.03 * random.fraction() + 0.05);
}

function quoteBytes(symbol: string, n: number, bid: number, offer: number): Buffer {
  const message = Buffer.alloc(46);
  message.writeUInt32BE(42, 0);
  message.writeUInt8(2, 4);
  message.write(symbol, 5, 'latin1');
  message.write(timeOf(n), 9, 'latin1');
  message.writeDoubleBE(bid, 30);
  message.writeDoubleBE(offer, 38);
  return message;
}

function orderBytes({ symbol, price }: Instrument, n: number, random: Random): Buffer {
  const message = Buffer.alloc(57);
  message.writeUInt32BE(53, 0);
  message.writeUInt8(1, 4);
  message.writeUInt8(1 + random.below(2), 5);
  message.writeUInt32BE(1 + random.below(300), 6);
  message.write(Array.from({ length: 6 }, () => random.pick(alphanumerics)).join(''), 10, 'latin1');
  message.write(symbol, 16, 'latin1');
  message.writeDoubleBE(10 * (1 + random.below(65)), 20);
  message.writeDoubleBE(price, 28);
  message.write(timeOf(n), 36, 'latin1');
  return message;
}

/** The time of the n-th message, such as `20160902-15:47:52.000`: the same for all of one second. */
function timeOf(n: number): string {
  const time = new Date(firstSecond + Math.floor(n / messagesPerSecond) * 1000).toISOString();
  return `${time.slice(0, 10).replaceAll('-', '')}-${time.slice(11, 23)}`;
}

async function writeFiles(directory: string, streams: MarketStreams): Promise<void> {
  mkdirSync(directory, { recursive: true });
  const files = [
    ['initial-nbbo.msg', streams.initialNbbo],
    ['nbbo.msg', streams.nbbo],
    ['orders.msg', streams.orders],
  ] as const;
  for (const [name, messages] of files) {
    const file = createWriteStream(join(directory, name));
    await writeAll(messages, file);
    await finished(file.end());
  }
}

await command(import.meta.url, async (args) => {
  const { 'out-dir': directory, ...options } = readOptions(args, {
    'out-dir': 'market-spread-data',
    messages: 10_000,
    seed: 1,
    'reject-one-in': 100,
  });
  await writeFiles(directory, market(options));
});
