import { expect } from 'chai';
import { drive } from '@wallaroo/worker/testing';
import { run } from '../../../test-e2e/support/process.js';
import { startWorker, stopWorkers } from '../../../test-e2e/support/worker.js';
import app from '../app.js';
import { lines } from '../generate.js';

describe('examples: word-count', () => {
  afterEach(stopWorkers);

  it('counts words without regard to capital letters', () => {
    const driver = drive(app);
    driver.put('lines', 'The people', 'the PEOPLE the');
    expect(driver.text()).to.equal('the => 1\npeople => 1\nthe => 2\npeople => 2\nthe => 3\n');
    expect(driver.keys('count word')).to.deep.equal(['the', 'people']);
  });

  it('takes punctuation off the ends of words and drops words that are nothing else', () => {
    const driver = drive(app);
    driver.put('lines', '  -- "Don\'t!" [well-known],  ... `x_y` !? ', '', '***');
    expect(driver.text()).to.equal("don't => 1\nwell-known => 1\nx_y => 1\n");
  });

  it('counts words of any alphabet', () => {
    const driver = drive(app);
    driver.receive('lines', 'Ärger, ärger; Ελλάδα. 水 🦘');
    expect(driver.text()).to.equal('ärger => 1\närger => 2\nελλάδα => 1\n水 => 1\n🦘 => 1\n');
  });

  it('reads and writes the bytes of the reference', () => {
    const driver = drive(app);
    driver.receive('lines', Buffer.from('48656c6c6f2c2068656c6c6f20776f726c6421', 'hex'));
    expect(driver.text()).to.equal('hello => 1\nhello => 2\nworld => 1\n');
    expect(driver.messages()[1].toString('hex')).to.equal('68656c6c6f203d3e20320a');
  });

  it('generates the same lines from the same seed', () => {
    expect([...lines(100, 7)]).to.deep.equal([...lines(100, 7)]);
    expect([...lines(100, 7)]).not.to.deep.equal([...lines(100, 8)]);
  });

  it('counts the words of 5000 generated lines in a worker', async () => {
    const { stdout: text } = await run(process.execPath, [
      ...['--import', 'tsx', 'examples/word-count/generate.ts'],
      ...['--messages', '5000', '--seed', '7'],
    ]);
    const sent = text.trimEnd().split('\n');
    expect(sent).to.have.length(5000);

    // What is a word in these lines, said another way: letters, with ' and - between letters.
    const totals = new Map<string, number>();
    let expected = '';
    for (const [word] of text.toLowerCase().matchAll(/[a-z]+(?:['-][a-z]+)*/g)) {
      const total = (totals.get(word) ?? 0) + 1;
      totals.set(word, total);
      expected += `${word} => ${total}\n`;
    }

    const worker = await startWorker('examples/word-count/app.ts', { sources: ['lines'] });
    await worker.send('lines', Buffer.concat(sent.map(framed)));
    await worker.outputOf(expected.length);
    const { code } = await worker.stop();
    expect(worker.output.toString()).to.equal(expected);
    expect(code).to.equal(0);
  });
});

function framed(text: string): Buffer {
  const message = Buffer.from(`    ${text}`);
  message.writeUInt32BE(message.length - 4, 0);
  return message;
}
