import { expect } from 'chai';
import { run, stopAll } from '../../test-e2e/support/process.js';

describe('the benchmark of the core', () => {
  afterEach(stopAll);

  it('measures one variant', async () => {
    const { code, stdout, stderr } = await run(process.execPath, [
      '--import',
      'tsx',
      'bench/core.ts',
      '+ encode',
    ]);
    expect(code, stderr).to.equal(0);
    expect(Number(stdout)).to.be.greaterThan(0);
  });
});
