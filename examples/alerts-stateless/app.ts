import {
  application,
  computation,
  generatorSource,
  source,
  tcpSink,
  type Application,
} from '@wallaroo/worker';
import { readOptions } from '../support/arguments.js';

/** A deposit of more than this is worth an alert, and so is a withdrawal of more. */
const limit = 1000;

const users = ['Fido', 'Rex', 'Dr. Whiskers', 'Feathers', 'Mountaineer'];

interface Transaction {
  /** Counts from 1. */
  readonly n: number;
  readonly user: string;
  readonly amount: number;
}

/** `--transactions N` ends the stream after N transactions; without it there is no end. */
export default function alerts(args: readonly string[]): Application {
  const { transactions } = readOptions(args, { transactions: Infinity });
  const generator = generatorSource({
    initialValue: () => transaction(1, 1),
    apply: ({ n, amount }) => (n < transactions ? transaction(n + 1, amountAfter(amount)) : undefined),
  });
  return application(
    'alerts-stateless',
    source('transactions', generator)
      .to(
        computation('check transaction', ({ user, amount }) => {
          if (amount > limit) return `Deposit Alert for ${user}: ${amount}`;
          if (amount < -limit) return `Withdrawal Alert for ${user}: ${amount}`;
          return undefined;
        }),
      )
      .toSink(tcpSink({ encoder: (alert) => `${alert}\n` })),
  );
}

/** The users take turns. */
function transaction(n: number, amount: number): Transaction {
  return { n, user: users[(n - 1) % users.length], amount };
}

/**
 * `(amount * (2 ** 61 - 1) + 7) mod 2500 - 1250`, where `mod` is never negative.
 * That product is too large for a number; its remainder is the same with (2 ** 61 - 1) mod 2500 as the factor.
 */
function amountAfter(amount: number): number {
  const remainder = (amount * 1451 + 7) % 2500;
  return (remainder < 0 ? remainder + 2500 : remainder) - 1250;
}
