import { encodeOrder, encodeQuote, encodeRejection, type Order, type Quote } from './market-messages.js';
import { Random } from './random.js';
import type { Priming, Workload } from './workload.js';

const stepsInCycle = 40_000;
/** One order in a hundred is for a symbol that is always rejected: latency needs outputs. */
const ordersPerRejection = 100;
const acceptedSymbols = 335;
const rejectedSymbols = 15;
/** Most orders are for the first fifth of the accepted symbols. */
const busySymbols = 67;
const orders = 0;
const quotes = 1;

interface Instrument {
  readonly symbol: string;
  readonly price: number;
}

/**
 * Orders and quotes for 350 symbols; an order answers only if its symbol's spread is too wide.
 *
 * The stream of quotes never touches the 15 rejected symbols and never makes another spread too wide, so the
 * outputs do not hang on how the two streams interleave, once the initial quotes have been processed.
 */
export function marketSpread(): Workload {
  const random = new Random(3);
  const instruments = Array.from({ length: acceptedSymbols + rejectedSymbols }, (_, index) => ({
    symbol: tickerOf(index),
    price: 10 + random.below(20_000) / 100,
  }));
  const accepted = instruments.slice(0, acceptedSymbols);
  const rejected = instruments.slice(acceptedSymbols);
  const rejectedQuotes = new Map(
    rejected.map((instrument) => [instrument.symbol, wideQuote(instrument, random)]),
  );
  const initialQuotes = [
    ...accepted.map((instrument) => narrowQuote(instrument, random)),
    ...rejectedQuotes.values(),
  ];

  const orderCycle: Order[] = [];
  const causes: number[] = [];
  for (let step = 0; step < stepsInCycle; step++) {
    const block = step - (step % ordersPerRejection);
    if (step === block) causes.push(block + random.below(ordersPerRejection));
    const isRejected = step === causes.at(-1);
    orderCycle.push(
      anyOrder(isRejected ? pick(rejected, random) : skewedPick(accepted, random), step, random),
    );
  }
  const quoteCycle = orderCycle.map(() => narrowQuote(pick(accepted, random), random));
  const outputOf = (order: Order): Buffer => encodeRejection(order, rejectedQuotes.get(order.symbol)!, 0);

  return {
    name: 'market-spread',
    streams: [
      { source: 'orders', cycle: orderCycle.map(encodeOrder) },
      { source: 'nbbo', cycle: quoteCycle.map(encodeQuote) },
    ],
    outputShape: { kind: 'fixed', bytes: 59 },
    causes: Uint32Array.from(causes),
    unpredictableBytes: 8,
    priming: priming(initialQuotes, anyOrder(rejected.at(-1)!, 0, random)),
    newReference: () => ({
      skipCycles: () => undefined,
      apply: (index) => (rejectedQuotes.has(orderCycle[index]!.symbol) ? [outputOf(orderCycle[index]!)] : []),
    }),
  };
}

/** The probe is for the symbol quoted last: when its quote is known, all are. Without a quote its bid is 0. */
function priming(initialQuotes: readonly Quote[], probe: Order): Priming {
  return {
    preamble: { stream: quotes, bytes: Buffer.concat(initialQuotes.map(encodeQuote)) },
    probe: { stream: orders, bytes: encodeOrder(probe) },
    isPrimed: (output) => output.readDoubleBE(35) !== 0,
  };
}

function tickerOf(index: number): string {
  const letter = (place: number): string => String.fromCharCode(65 + (Math.floor(index / 26 ** place) % 26));
  return (letter(1) + letter(0) + (index % 3 === 0 ? '' : 'Q')).padStart(4);
}

function narrowQuote({ symbol, price }: Instrument, random: Random): Quote {
  const bid = price + random.next();
  return { symbol, bid, offer: bid + random.below(4) / 100 };
}

function wideQuote({ symbol, price }: Instrument, random: Random): Quote {
  const bid = price + random.next() - ((0.05 + random.next()) * 0.1 + 0.01);
  return { symbol, bid, offer: bid + 0.03 * random.next() + 0.06 };
}

/** The order id holds the step, so that an output tells which order caused it. */
function anyOrder({ symbol, price }: Instrument, step: number, random: Random): Order {
  return {
    side: 1 + random.below(2),
    account: random.below(300),
    orderId: step.toString(36).toUpperCase().padStart(6, '0'),
    symbol,
    quantity: 10 * (1 + random.below(65)),
    price,
  };
}

function pick(instruments: readonly Instrument[], random: Random): Instrument {
  return instruments[random.below(instruments.length)]!;
}

function skewedPick(instruments: readonly Instrument[], random: Random): Instrument {
  return random.below(100) < 79 ? instruments[random.below(busySymbols)]! : pick(instruments, random);
}
