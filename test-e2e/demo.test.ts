import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect } from 'chai';
import { run, stopAll } from './support/process.js';

const leftovers = () => readdirSync(tmpdir()).filter((name) => name.startsWith('wallaroo-demo-'));

describe('scripts/demo', () => {
  afterEach(stopAll);

  it('counts votes on a real worker, shows right totals, and leaves nothing behind', async () => {
    const before = leftovers();
    const { code, stdout, stderr } = await run('scripts/demo', [], { timeoutMs: 120_000 });
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    expect(stdout)
      .to.include('10000 votes for 26 letters: every total is right.')
      .and.not.to.include('WRONG');
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
