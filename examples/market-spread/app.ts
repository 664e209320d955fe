import {
  application,
  ascii,
  f64,
  framed,
  framedTcpSource,
  record,
  source,
  stateComputation,
  tcpSink,
  u32,
  u64,
  u8,
} from '@wallaroo/worker';

/** From this spread on, in units of the price or as a part of it, nobody should trade. */
const spreadLimit = 0.05;

const order = record({
  type: u8, // 1
  side: u8, // 1 buys, 2 sells
  account: u32,
  orderId: ascii(6),
  symbol: ascii(4),
  quantity: f64,
  price: f64,
  transactTime: ascii(21), // 20160902-15:47:52.000
});

/** National best bid and offer. */
const nbbo = record({
  type: u8, // 2
  symbol: ascii(4),
  transactTime: ascii(21),
  bid: f64,
  offer: f64,
});

const rejection = record({
  side: u8,
  account: u32,
  orderId: ascii(6),
  symbol: ascii(4),
  quantity: f64,
  price: f64,
  bid: f64,
  offer: f64,
  timestamp: u64,
});

/** What is known of a symbol. While nothing is, its orders are rejected. */
class Market {
  rejecting = true;
  bid = 0;
  offer = 0;
}

const orders = source('orders', framedTcpSource({ decoder: order.decode }));
const marketData = source('market-data', framedTcpSource({ decoder: nbbo.decode }));

export default application(
  'market-spread',
  orders
    .keyBy(({ symbol }) => symbol)
    .merge(marketData.keyBy(({ symbol }) => symbol))
    .to(
      stateComputation('check order', Market, (message, market) => {
        if ('bid' in message) {
          const { bid, offer } = message;
          market.rejecting = isWide(bid, offer);
          market.bid = bid;
          market.offer = offer;
          return undefined;
        }
        if (!market.rejecting) return undefined;
        const { side, account, orderId, symbol, quantity, price, transactTime } = message;
        const timestamp = nanoseconds(transactTime);
        return {
          side,
          account,
          orderId,
          symbol,
          quantity,
          price,
          bid: market.bid,
          offer: market.offer,
          timestamp,
        };
      }),
    )
    .toSink(tcpSink({ encoder: framed(rejection.encode) })),
);

function isWide(bid: number, offer: number): boolean {
  const spread = offer - bid;
  const mid = (bid + offer) / 2;
  return spread >= spreadLimit || spread / mid >= spreadLimit;
}

/**
 * A time such as `20160902-15:47:52.000` (UTC) in nanoseconds since 1970; 0 for what is none.
 * The order's own time rather than the clock's: the same orders give the same output whenever they come.
 */
function nanoseconds(time: string): bigint {
  const date = `${time.slice(0, 4)}-${time.slice(4, 6)}-${time.slice(6, 8)}`;
  const milliseconds = Date.parse(`${date}T${time.slice(9)}Z`);
  return milliseconds > 0 ? BigInt(milliseconds) * 1_000_000n : 0n;
}
