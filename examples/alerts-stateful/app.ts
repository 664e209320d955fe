import {
  application,
  generatorSource,
  source,
  stateComputation,
  tcpSink,
  type Application,
  type GeneratorSourceOptions,
} from '@wallaroo/worker';
import { readOptions } from '../support/arguments.js';

/** A user's total above this is worth an alert, and so is one below its negative. */
const limit = 2000;

const users = ['Fido', 'Rex', 'Dr. Whiskers', 'Feathers', 'Mountaineer'];

interface Transaction {
  /** Counts from 1. */
  readonly n: number;
  readonly user: string;
  readonly amount: number;
}

class Account {
  total = 0;
}

/** `--transactions N` ends the stream after N transactions; without it there is no end. */
export default function alerts(args: readonly string[]): Application {
  const { transactions } = readOptions(args, { transactions: Infinity });
  return application(
    'alerts-stateful',
    source('transactions', generatorSource(generated(transactions)))
      .keyBy(({ user }) => user)
      .to(
        stateComputation('check transaction total', Account, ({ user, amount }, account) => {
          account.total += amount;
          if (account.total > limit) return `Deposit Alert for ${user}: ${account.total}`;
          if (account.total < -limit) return `Withdrawal Alert for ${user}: ${account.total}`;
          return undefined;
        }),
      )
      .toSink(tcpSink({ encoder: (alert) => `${alert}\n` })),
  );
}

/** The users take turns. Who is far from zero is brought back, so that alerts come and go. */
function generated(transactions: number): GeneratorSourceOptions<Transaction> {
  const totals = users.map(() => 0);
  const transaction = (n: number, drawn: number): Transaction => {
    const turn = (n - 1) % users.length;
    const amount = totals[turn] > 5000 ? -6000 : totals[turn] < -5000 ? 6000 : drawn;
    totals[turn] += amount;
    return { n, user: users[turn], amount };
  };
  return {
    initialValue: () => transaction(1, 1),
    apply: ({ n, amount }) => (n < transactions ? transaction(n + 1, amountAfter(amount)) : undefined),
  };
}

/**
 * `(amount * (2 ** 61 - 1) + 7) mod 2500 - 1250`, where `mod` is never negative.
 * That product is too large for a number; its remainder is the same with (2 ** 61 - 1) mod 2500 as the factor.
 */
function amountAfter(amount: number): number {
  const remainder = (amount * 1451 + 7) % 2500;
  return (remainder < 0 ? remainder + 2500 : remainder) - 1250;
}
