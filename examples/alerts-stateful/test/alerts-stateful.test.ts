import { expect } from 'chai';
import { drive } from '@wallaroo/worker/testing';
import { startWorker, stopWorkers } from '../../../test-e2e/support/worker.js';
import alerts from '../app.js';

describe('examples: alerts-stateful', () => {
  afterEach(stopWorkers);

  it('reports totals beyond the limit, for each user apart', () => {
    const driver = drive(alerts([]));
    driver.put(
      'transactions',
      { user: 'Rex', amount: 2000 },
      { user: 'Fido', amount: -2000 },
      { user: 'Rex', amount: 1 },
      { user: 'Fido', amount: -1 },
      { user: 'Rex', amount: -1 },
    );
    expect(driver.text()).to.equal('Deposit Alert for Rex: 2001\nWithdrawal Alert for Fido: -2001\n');
    expect(driver.state('check transaction total', 'Rex')).to.deep.equal({ total: 2000 });
  });

  it('refuses a number of transactions that is none', () => {
    expect(() => alerts(['--transactions', 'many'])).to.throw(
      "--transactions takes a whole number from 1 on, not 'many'",
    );
  });

  it('reports the alerts among 20000 transactions in a worker', async () => {
    const expected = alertsAmong(20_000);
    expect(expected)
      .to.match(/Deposit/)
      .and.match(/Withdrawal/);

    const worker = await startWorker('examples/alerts-stateful/app.ts', {
      args: ['--transactions', '20000'],
    });
    await worker.outputOf(expected.length);
    const { code } = await worker.stop();
    expect(worker.output.toString()).to.equal(expected);
    expect(code).to.equal(0);
  });
});

/** The generator and the alerts as the reference has them: with integers of any size. */
function alertsAmong(transactions: number): string {
  const users = ['Fido', 'Rex', 'Dr. Whiskers', 'Feathers', 'Mountaineer'];
  const totals = [1n, 0n, 0n, 0n, 0n];
  let index = 0;
  let amount = 1n;
  let text = '';
  for (let n = 1; n < transactions; n++) {
    index = (index + 1) % users.length;
    amount = flooredModulo(amount * 2305843009213693951n + 7n, 2500n) - 1250n;
    if (totals[index] > 5000n) amount = -6000n;
    else if (totals[index] < -5000n) amount = 6000n;
    totals[index] += amount;
    if (totals[index] > 2000n) text += `Deposit Alert for ${users[index]}: ${totals[index]}\n`;
    if (totals[index] < -2000n) text += `Withdrawal Alert for ${users[index]}: ${totals[index]}\n`;
  }
  return text;
}

function flooredModulo(a: bigint, b: bigint): bigint {
  return ((a % b) + b) % b;
}
