import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect } from 'chai';
import { run, stopAll } from './support/process.js';

const leftovers = () => readdirSync(tmpdir()).filter((name) => name.startsWith('wallaroo-demo-'));

describe('scripts/demo', () => {
  afterEach(stopAll);

  it('runs two workers, shows right totals, survives a kill, with its state too, and leaves nothing behind', async () => {
    const before = leftovers();
    const { code, stdout, stderr } = await run('scripts/demo', [], { timeoutMs: 120_000 });
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    expect(stdout)
      .to.include('10000 votes for 26 letters: every total is right.')
      .and.not.to.include('WRONG');
    // Both workers own letters, and one of them was away for a while.
    expect(stdout)
      .to.match(/^initializer: (\w ){5,}/m)
      .and.to.match(/^worker2: (\w ){5,}/m);
    expect(stdout).to.include('"processing_messages":false,"unreachable":["worker2"]');
    expect(stdout).to.include('1000 more votes are counted.');
    expect(stdout)
      .to.match(/^resilient-worker2-again.log: RESILIENCE: Rolled back to checkpoint \d+/m)
      .and.to.match(/^a: \d+ before the crash, \d+ now\.$/m)
      .and.to.include('1000 more votes are counted on top of 10000: every total is right.');
    expect(stdout).to.include('All ended with exit code 0, and their files are gone.');
    for (const command of [
      'data_receiver',
      'wallaroo-worker',
      'sender',
      'external_sender',
      'cluster_shutdown',
    ]) {
      expect(stdout, 'the commands are shown').to.include(`$ ${command} `);
    }
    expect(leftovers()).to.have.members(before);
  }).timeout(150_000);
});
