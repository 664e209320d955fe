import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { drive } from '@wallaroo/worker/testing';
import { run } from '../../../test-e2e/support/process.js';
import { startWorker, stopWorkers } from '../../../test-e2e/support/worker.js';
import app from '../app.js';
import { market } from '../generate.js';

const terms = { side: 2, account: 1234, orderId: 'ORD001', symbol: 'AAPL', quantity: 100, price: 157.25 };
const order = { ...terms, transactTime: '20160902-15:47:52.000' };
const orderBytes = Buffer.from(
  '0102000004d24f52443030314141504c40590000000000004063a8000000000032303136303930322d31353a34373a35322e303030',
  'hex',
);
/** 20160902-15:47:52.000 in nanoseconds since 1970. */
const orderTime = 1_472_831_272_000_000_000n;

describe('examples: market-spread', () => {
  afterEach(stopWorkers);

  it('rejects orders until their symbol has a narrow spread', () => {
    const driver = drive(app);
    driver.put('orders', order);
    driver.put('market-data', { symbol: 'AAPL', bid: 157, offer: 157.03 });
    driver.put('orders', order, { ...order, symbol: ' IBM' });
    driver.put('market-data', { symbol: 'AAPL', bid: 157, offer: 157.5 });
    driver.put('orders', order);
    expect(driver.values()).to.deep.equal([
      { ...terms, bid: 0, offer: 0, timestamp: orderTime },
      { ...terms, symbol: ' IBM', bid: 0, offer: 0, timestamp: orderTime },
      { ...terms, bid: 157, offer: 157.5, timestamp: orderTime },
    ]);
  });

  for (const [what, bid, offer, rejections] of [
    ['less than five cents', 10, 10.04, 0],
    ['five cents', 10, 10.05, 1],
    ['four cents, but more than a twentieth of the price', 0.5, 0.54, 1],
    ['crossed', 10.5, 10, 0],
  ] as const) {
    it(`${rejections ? 'rejects' : 'passes'} orders while the spread is ${what}`, () => {
      const driver = drive(app);
      driver.put('market-data', { symbol: 'AAPL', bid, offer });
      driver.put('orders', order);
      expect(driver.values()).to.have.length(rejections);
    });
  }

  it('reads and writes the bytes of the reference, but for the clock in them', () => {
    const driver = drive(app);
    driver.put('market-data', { symbol: 'AAPL', bid: 157, offer: 157.5 });
    driver.receive('orders', orderBytes);
    const [rejection] = driver.messages();
    expect(rejection.toString('hex', 0, 51)).to.equal(
      '0000003702000004d24f52443030314141504c40590000000000004063a800000000004063a000000000004063b00000000000',
    );
    expect(rejection.readBigUInt64BE(51)).to.equal(orderTime);
    expect(rejection).to.have.length(59);
  });

  it('reads the first quote of the reference', () => {
    const driver = drive(app);
    const quote = '02494e534d32303136303930322d31353a34373a35322e3030304033a6872b020c4a4033b6ae7d566cf4';
    driver.receive('market-data', Buffer.from(quote, 'hex'));
    expect(driver.state('check order', 'INSM')).to.deep.equal({
      rejecting: true,
      bid: 19.6505,
      offer: 19.7136,
    });
  });

  it('writes 0 for a time that is none', () => {
    const driver = drive(app);
    driver.put('orders', { ...order, transactTime: 'yesterday at ten past' });
    expect(driver.values()).to.have.length(1).and.have.nested.property('[0].timestamp', 0n);
  });

  it('generates the same market from the same seed', () => {
    const bytes = (seed: number) => {
      const { initialNbbo, nbbo, orders } = market({ messages: 100, seed, 'reject-one-in': 10 });
      return [...initialNbbo, ...nbbo, ...orders];
    };
    expect(bytes(7)).to.have.length(550).and.deep.equal(bytes(7));
    expect(bytes(7)).not.to.deep.equal(bytes(8));
  });

  it('rejects the right ones of 5000 generated orders in a worker, while the market changes', async () => {
    const { initialNbbo, nbbo, orders } = await generated(5000);
    const worker = await startWorker('examples/market-spread/app.ts', {
      sources: ['orders', 'market-data'],
    });
    const orderConnection = await worker.connect('orders');
    const marketConnection = await worker.connect('market-data');
    const quotes: Quotes = new Map();
    const expected: Buffer[] = [];
    let outputBytes = 0;

    for (const [round, news] of [Buffer.alloc(0), initialNbbo, nbbo].entries()) {
      await marketConnection.send(news, 11);
      // The two sources keep no order between them. Ask until the last quote of this round shows in an answer.
      const bid = round + 1;
      await marketConnection.send(probeQuote(bid));
      for (let seen = NaN; seen !== bid;) {
        await orderConnection.send(probeOrder);
        outputBytes += rejectionBytes;
        seen = (await worker.outputOf(outputBytes)).readDoubleBE(outputBytes - 24);
      }

      readQuotes(news, quotes);
      const rejections = rejectionsOf(orders, quotes);
      await orderConnection.send(orders, 13);
      outputBytes += rejections.length;
      await worker.outputOf(outputBytes);
      expected.push(rejections);
    }
    await Promise.all([orderConnection.end(), marketConnection.end()]);
    const { code } = await worker.stop();

    const [atFirst, ...later] = expected.map(({ length }) => length / rejectionBytes);
    expect(atFirst, 'all are rejected while no quote has come').to.equal(5000);
    for (const count of later) expect(count, 'a few are rejected later').to.be.within(1, 500);
    expect(worker.output).to.have.length(outputBytes);
    expect(withoutProbes(worker.output).equals(Buffer.concat(expected)), 'the output').to.equal(true);
    expect(code).to.equal(0);
  });
});

const quoteBytes = 46;
const orderFrameBytes = 57;
const rejectionBytes = 59;

/** Bid and offer by symbol. */
type Quotes = Map<string, readonly [number, number]>;

function readQuotes(input: Buffer, quotes: Quotes): void {
  for (let at = 0; at < input.length; at += quoteBytes) {
    const symbol = input.toString('latin1', at + 5, at + 9);
    quotes.set(symbol, [input.readDoubleBE(at + 30), input.readDoubleBE(at + 38)]);
  }
}

function rejectionsOf(orders: Buffer, quotes: Quotes): Buffer {
  const rejections: Buffer[] = [];
  for (let at = 0; at < orders.length; at += orderFrameBytes) {
    const quote = quotes.get(orders.toString('latin1', at + 16, at + 20));
    const [bid, offer] = quote ?? [0, 0];
    const tradable = quote !== undefined && offer - bid < 0.05 && (offer - bid) / ((bid + offer) / 2) < 0.05;
    if (tradable) continue;
    const rejection = Buffer.alloc(rejectionBytes);
    rejection.writeUInt32BE(55, 0);
    orders.copy(rejection, 4, at + 5, at + 36); // side to price
    rejection.writeDoubleBE(bid, 35);
    rejection.writeDoubleBE(offer, 43);
    rejection.writeBigUInt64BE(timeIn(orders.toString('latin1', at + 36, at + 57)), 51);
    rejections.push(rejection);
  }
  return Buffer.concat(rejections);
}

function timeIn(text: string): bigint {
  const [year, month, day, hour, minute, second, ms] = text.match(/^\d{4}|\d{3}$|\d\d/g)!.map(Number);
  return BigInt(Date.UTC(year, month - 1, day, hour, minute, second, ms)) * 1_000_000n;
}

const probeSymbol = '?ASK';

/** An order that is always rejected: its symbol has no quotes but the next ones. */
const probeOrder = Buffer.concat([Buffer.from([0, 0, 0, 53]), orderBytes]);
probeOrder.write(probeSymbol, 16, 'latin1');

/** A spread of two. */
function probeQuote(bid: number): Buffer {
  const quote = Buffer.alloc(quoteBytes);
  quote.writeUInt32BE(42, 0);
  quote.write(probeSymbol, 5, 'latin1');
  quote.writeDoubleBE(bid, 30);
  quote.writeDoubleBE(bid + 2, 38);
  return quote;
}

function withoutProbes(output: Buffer): Buffer {
  const rejections: Buffer[] = [];
  for (let at = 0; at < output.length; at += rejectionBytes) {
    if (output.toString('latin1', at + 15, at + 19) === probeSymbol) continue;
    rejections.push(output.subarray(at, at + rejectionBytes));
  }
  return Buffer.concat(rejections);
}

/** The files of the generator. */
async function generated(messages: number) {
  const directory = mkdtempSync(join(tmpdir(), 'market-spread-'));
  try {
    const { code, stderr } = await run(process.execPath, [
      ...['--import', 'tsx', 'examples/market-spread/generate.ts'],
      ...['--out-dir', directory, '--messages', String(messages), '--seed', '7'],
    ]);
    expect(code, stderr).to.equal(0);
    const read = (name: string) => readFileSync(join(directory, name));
    return { initialNbbo: read('initial-nbbo.msg'), nbbo: read('nbbo.msg'), orders: read('orders.msg') };
  } finally {
    rmSync(directory, { recursive: true });
  }
}
