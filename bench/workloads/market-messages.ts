import { framed } from './workload.js';

export interface Order {
  readonly side: number;
  readonly account: number;
  readonly orderId: string;
  readonly symbol: string;
  readonly quantity: number;
  readonly price: number;
}

export interface Quote {
  readonly symbol: string;
  readonly bid: number;
  readonly offer: number;
}

/** All messages carry one time: nothing in the job reads it. */
const time = '20160902-15:47:52.000';

export function encodeOrder(order: Order): Buffer {
  const payload = Buffer.alloc(53);
  payload[0] = 1;
  payload[1] = order.side;
  payload.writeUInt32BE(order.account, 2);
  payload.write(order.orderId, 6, 6, 'latin1');
  payload.write(order.symbol, 12, 4, 'latin1');
  payload.writeDoubleBE(order.quantity, 16);
  payload.writeDoubleBE(order.price, 24);
  payload.write(time, 32, 21, 'latin1');
  return framed(payload);
}

export function encodeQuote(quote: Quote): Buffer {
  const payload = Buffer.alloc(42);
  payload[0] = 2;
  payload.write(quote.symbol, 1, 4, 'latin1');
  payload.write(time, 5, 21, 'latin1');
  payload.writeDoubleBE(quote.bid, 26);
  payload.writeDoubleBE(quote.offer, 34);
  return framed(payload);
}

/** A rejected order; `timestamp` in units of 10 us. */
export function encodeRejection(order: Order, quote: Quote, timestamp: number): Buffer {
  const payload = Buffer.alloc(55);
  payload[0] = order.side;
  payload.writeUInt32BE(order.account, 1);
  payload.write(order.orderId, 5, 6, 'latin1');
  payload.write(order.symbol, 11, 4, 'latin1');
  payload.writeDoubleBE(order.quantity, 15);
  payload.writeDoubleBE(order.price, 23);
  payload.writeDoubleBE(quote.bid, 31);
  payload.writeDoubleBE(quote.offer, 39);
  payload.writeBigUInt64BE(BigInt(timestamp), 47);
  return framed(payload);
}
