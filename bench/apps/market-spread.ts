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
  u53,
  u8,
  type RecordOf,
} from '@wallaroo/worker';

const orderFields = {
  kind: u8,
  side: u8,
  account: u32,
  orderId: ascii(6),
  symbol: ascii(4),
  quantity: f64,
  price: f64,
  time: ascii(21),
};
const quoteFields = { kind: u8, symbol: ascii(4), time: ascii(21), bid: f64, offer: f64 };
const rejection = record({
  side: u8,
  account: u32,
  orderId: ascii(6),
  symbol: ascii(4),
  quantity: f64,
  price: f64,
  bid: f64,
  offer: f64,
  timestamp: u53,
});

type Order = RecordOf<typeof orderFields>;
type Quote = RecordOf<typeof quoteFields>;

const newSymbol = () => ({ reject: true, bid: 0, offer: 0 });

const checkMarket = stateComputation('check market', newSymbol, (message: Order | Quote, state) => {
  if ('bid' in message) {
    const spread = message.offer - message.bid;
    const middle = (message.bid + message.offer) / 2;
    state.reject = spread >= 0.05 || spread / middle >= 0.05;
    state.bid = message.bid;
    state.offer = message.offer;
    return undefined;
  }
  if (!state.reject) return undefined;
  const { side, account, orderId, symbol, quantity, price } = message;
  const { bid, offer } = state;
  return { side, account, orderId, symbol, quantity, price, bid, offer, timestamp: Date.now() * 100 };
});

const orders = source('orders', framedTcpSource({ decoder: record(orderFields).decode }));
const quotes = source('nbbo', framedTcpSource({ decoder: record(quoteFields).decode }));

export default application(
  'Market Spread',
  orders
    .keyBy((order) => order.symbol)
    .merge(quotes.keyBy((quote) => quote.symbol))
    .to(checkMarket)
    .toSink(tcpSink({ encoder: framed(rejection.encode) })),
);
