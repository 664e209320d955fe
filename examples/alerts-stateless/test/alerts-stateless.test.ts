import { expect } from 'chai';
import { drive } from '@wallaroo/worker/testing';
import { startWorker, stopWorkers } from '../../../test-e2e/support/worker.js';
import alerts from '../app.js';

describe('examples: alerts-stateless', () => {
  afterEach(stopWorkers);

  it('reports single transactions beyond the limit', () => {
    const driver = drive(alerts([]));
    driver.put(
      'transactions',
      { user: 'Rex', amount: 1000 },
      { user: 'Rex', amount: 1001 },
      { user: 'Fido', amount: -1000 },
      { user: 'Fido', amount: -1001 },
      { user: 'Fido', amount: 0 },
    );
    expect(driver.text()).to.equal('Deposit Alert for Rex: 1001\nWithdrawal Alert for Fido: -1001\n');
  });

  for (const nonsense of ['0', '-1', '1.5', '1e3', 'many', '']) {
    it(`refuses --transactions=${nonsense}`, () => {
      expect(() => alerts([`--transactions=${nonsense}`])).to.throw(
        `--transactions takes a whole number from 1 on, not '${nonsense}'`,
      );
    });
  }

  it('refuses options that it does not have', () => {
    expect(() => alerts(['--transaction', '5'])).to.throw("Unknown option '--transaction'");
  });

  it('reports the alerts among 20000 transactions in a worker', async () => {
    const users = ['Fido', 'Rex', 'Dr. Whiskers', 'Feathers', 'Mountaineer'];
    let expected = '';
    let amount = 1n;
    for (let i = 0; i < 20_000; i++) {
      if (i > 0) amount = flooredModulo(amount * 2305843009213693951n + 7n, 2500n) - 1250n;
      if (amount > 1000n) expected += `Deposit Alert for ${users[i % 5]}: ${amount}\n`;
      if (amount < -1000n) expected += `Withdrawal Alert for ${users[i % 5]}: ${amount}\n`;
    }
    expect(expected)
      .to.match(/Deposit/)
      .and.match(/Withdrawal/);

    const worker = await startWorker('examples/alerts-stateless/app.ts', {
      args: ['--transactions', '20000'],
    });
    await worker.outputOf(expected.length);
    const { code } = await worker.stop();
    expect(worker.output.toString()).to.equal(expected);
    expect(code).to.equal(0);
  });
});

function flooredModulo(a: bigint, b: bigint): bigint {
  return ((a % b) + b) % b;
}
