import { expect } from 'chai';
import { drive } from '@wallaroo/worker/testing';
import { run } from '../../../test-e2e/support/process.js';
import { startWorker, stopWorkers } from '../../../test-e2e/support/worker.js';
import app from '../app.js';
import { temperatures } from '../generate.js';

describe('examples: celsius', () => {
  afterEach(stopWorkers);

  it('converts temperatures', () => {
    const driver = drive(app);
    driver.put('celsius', { celsius: 100 }, { celsius: 0 }, { celsius: -40 });
    expect(driver.values()).to.deep.equal([{ fahrenheit: 212 }, { fahrenheit: 32 }, { fahrenheit: -40 }]);
  });

  it('goes on with zero, which is a value like others', () => {
    const driver = drive(app);
    driver.put('celsius', { celsius: -32 / 1.8 });
    expect(driver.values()).to.deep.equal([{ fahrenheit: 0 }]);
  });

  it('reads and writes the bytes of the reference', () => {
    const driver = drive(app);
    driver.receive('celsius', Buffer.from('46089369', 'hex'));
    expect(driver.messages().map((message) => message.toString('hex'))).to.deep.equal(['0000000446765623']);
  });

  it('reads the first temperature of the reference as it stands there', () => {
    const driver = drive(app);
    driver.receive('celsius', Buffer.from('44ab7646', 'hex'));
    expect(driver.messages()[0].readFloatBE(4)).to.equal(
      Math.fround(Math.fround(1371.696044921875 * 1.8) + 32),
    );
  });

  it('generates the same temperatures from the same seed', () => {
    expect([...temperatures(100, 7)]).to.deep.equal([...temperatures(100, 7)]);
    expect([...temperatures(100, 7)]).not.to.deep.equal([...temperatures(100, 8)]);
  });

  it('converts 6000 generated temperatures in a worker', async () => {
    const { stdoutBytes: input } = await run(process.execPath, [
      ...['--import', 'tsx', 'examples/celsius/generate.ts'],
      ...['--messages', '6000', '--seed', '7'],
    ]);
    expect(input.length).to.equal(6000 * 8);

    // Storing in a Float32Array rounds to 32 bits.
    const expected = Buffer.from(input);
    const f32 = new Float32Array(1);
    for (let at = 0; at < input.length; at += 8) {
      f32[0] = input.readFloatBE(at + 4) * 1.8;
      f32[0] += 32;
      expected.writeFloatBE(f32[0], at + 4);
    }

    const worker = await startWorker('examples/celsius/app.ts', { sources: ['celsius'] });
    await worker.send('celsius', input);
    await worker.outputOf(expected.length);
    const { code } = await worker.stop();
    expect(worker.output.equals(expected), 'the output is as computed').to.equal(true);
    expect(code).to.equal(0);
  });
});
