/**
 * Market spread without a framework: what a Node engineer would write in one file for this one job.
 * The yardstick of the throughput benchmark, so it is kept plain: decoded objects, a Map, one write per chunk.
 *
 * In, on any of its ports: u32 length and an order (53 bytes) or an NBBO quote (42 bytes).
 * Out, for each order of a symbol whose spread is too wide: u32 55 and the order with bid, offer and time.
 */
import { connect, createServer, type Socket } from 'node:net';
import { parseArgs } from 'node:util';

declare global {
  interface Buffer {
    /** Cheaper than `toString('latin1')` for short fields; Node has it, its type declarations have not. */
    latin1Slice(start: number, end: number): string;
  }
}

interface Order {
  kind: 'order';
  side: number;
  account: number;
  orderId: string;
  symbol: string;
  quantity: number;
  price: number;
  time: string;
}

interface Quote {
  kind: 'quote';
  symbol: string;
  time: string;
  bid: number;
  offer: number;
}

interface SymbolState {
  reject: boolean;
  bid: number;
  offer: number;
}

interface Rejection {
  order: Order;
  bid: number;
  offer: number;
  timestamp: number;
}

const symbols = new Map<string, SymbolState>();

function decode(bytes: Buffer, start: number): Order | Quote {
  if (bytes[start] === 1) {
    return {
      kind: 'order',
      side: bytes[start + 1]!,
      account: bytes.readUInt32BE(start + 2),
      orderId: bytes.latin1Slice(start + 6, start + 12),
      symbol: bytes.latin1Slice(start + 12, start + 16),
      quantity: bytes.readDoubleBE(start + 16),
      price: bytes.readDoubleBE(start + 24),
      time: bytes.latin1Slice(start + 32, start + 53),
    };
  }
  return {
    kind: 'quote',
    symbol: bytes.latin1Slice(start + 1, start + 5),
    time: bytes.latin1Slice(start + 5, start + 26),
    bid: bytes.readDoubleBE(start + 26),
    offer: bytes.readDoubleBE(start + 34),
  };
}

function checkMarket(message: Order | Quote, state: SymbolState): Rejection | undefined {
  if (message.kind === 'quote') {
    const spread = message.offer - message.bid;
    const middle = (message.bid + message.offer) / 2;
    state.reject = spread >= 0.05 || spread / middle >= 0.05;
    state.bid = message.bid;
    state.offer = message.offer;
    return undefined;
  }
  if (!state.reject) return undefined;
  return { order: message, bid: state.bid, offer: state.offer, timestamp: Date.now() * 100 };
}

function encode({ order, bid, offer, timestamp }: Rejection): Buffer {
  const bytes = Buffer.allocUnsafe(59);
  bytes.writeUInt32BE(55, 0);
  bytes[4] = order.side;
  bytes.writeUInt32BE(order.account, 5);
  bytes.write(order.orderId, 9, 'latin1');
  bytes.write(order.symbol, 15, 'latin1');
  bytes.writeDoubleBE(order.quantity, 19);
  bytes.writeDoubleBE(order.price, 27);
  bytes.writeDoubleBE(bid, 35);
  bytes.writeDoubleBE(offer, 43);
  bytes.writeBigUInt64BE(BigInt(timestamp), 51);
  return bytes;
}

function check(message: Order | Quote): Rejection | undefined {
  let state = symbols.get(message.symbol);
  if (state === undefined) {
    state = { reject: true, bid: 0, offer: 0 };
    symbols.set(message.symbol, state);
  }
  return checkMarket(message, state);
}

const { values } = parseArgs({ options: { in: { type: 'string' }, out: { type: 'string' } } });
const address = (text: string): { host: string; port: number } => {
  const [host, port] = text.slice(text.indexOf('@') + 1).split(':');
  return { host: host!, port: Number(port) };
};

const sink = connect({ ...address(values.out!), noDelay: true });

function serve(source: Socket): void {
  let carry: Buffer = Buffer.alloc(0);
  source.on('data', (chunk: Buffer) => {
    const bytes = carry.length > 0 ? Buffer.concat([carry, chunk]) : chunk;
    const output: Buffer[] = [];
    let at = 0;
    while (at + 4 <= bytes.length) {
      const end = at + 4 + bytes.readUInt32BE(at);
      if (end > bytes.length) break;
      const rejection = check(decode(bytes, at + 4));
      if (rejection !== undefined) output.push(encode(rejection));
      at = end;
    }
    carry = bytes.subarray(at);
    if (output.length > 0 && !sink.write(Buffer.concat(output))) {
      source.pause();
      sink.once('drain', () => source.resume());
    }
  });
  source.on('error', () => source.destroy());
}

sink.once('connect', () => {
  const places = values.in!.split(',').map(address);
  let listening = 0;
  for (const place of places) {
    createServer(serve).listen(place, () => {
      listening += 1;
      if (listening === places.length) console.log('ready');
    });
  }
});
