import { expect } from 'chai';
import { drive } from '@wallaroo/worker/testing';
import { run } from '../../../test-e2e/support/process.js';
import { startWorker, stopWorkers } from '../../../test-e2e/support/worker.js';
import app from '../app.js';
import { votes } from '../generate.js';

describe('examples: alphabet', () => {
  afterEach(stopWorkers);

  it('counts the votes for each letter', () => {
    const driver = drive(app);
    driver.put('votes', { letter: 'a', votes: 5 }, { letter: 'b', votes: 7 }, { letter: 'a', votes: 1 });
    expect(driver.text()).to.equal('a => 5\nb => 7\na => 6\n');
    expect(driver.state('count votes', 'a')).to.deep.equal({ votes: 6 });
  });

  it('reads and writes the bytes of the reference', () => {
    const driver = drive(app);
    driver.receive('votes', Buffer.from('6e00000005', 'hex'));
    driver.receive('votes', Buffer.from('4100001534', 'hex'));
    expect(driver.values()).to.deep.equal([
      { letter: 'n', votes: 5 },
      { letter: 'A', votes: 5428 },
    ]);
    expect(driver.messages()[1].toString('hex')).to.equal('41203d3e20353432380a');
  });

  it('generates the same votes from the same seed', () => {
    expect([...votes(100, 7)]).to.deep.equal([...votes(100, 7)]);
    expect([...votes(100, 7)]).not.to.deep.equal([...votes(100, 8)]);
  });

  it('counts 6000 generated votes in a worker', async () => {
    const { stdoutBytes: input } = await run(process.execPath, [
      ...['--import', 'tsx', 'examples/alphabet/generate.ts'],
      ...['--messages', '6000', '--seed', '7'],
    ]);
    expect(input.length).to.equal(6000 * 9);

    const totals: Record<string, number> = {};
    let expected = '';
    for (let at = 0; at < input.length; at += 9) {
      const letter = input.toString('latin1', at + 4, at + 5);
      totals[letter] = (totals[letter] ?? 0) + input.readUInt32BE(at + 5);
      expected += `${letter} => ${totals[letter]}\n`;
    }

    const worker = await startWorker('examples/alphabet/app.ts', { sources: ['votes'] });
    await worker.send('votes', input);
    await worker.outputOf(expected.length);
    const { code } = await worker.stop();
    expect(worker.output.toString()).to.equal(expected);
    expect(code).to.equal(0);
  });
});
