import { expect } from 'chai';
import { Client, frames } from './support/client.js';
import { stopAll } from './support/process.js';
import { CollectingSink } from './support/sink.js';
import { launchWorker } from './support/worker-process.js';

describe('an exception in a function of the application', () => {
  let sink: CollectingSink;

  beforeEach(async () => {
    sink = await CollectingSink.listen();
  });
  afterEach(async () => {
    await stopAll();
    await sink.close();
  });

  const launch = (...args: string[]) =>
    launchWorker({ app: 'failing', args: ['--in', 'text@127.0.0.1:0', '--out', sink.address, ...args] });
  const long = `boom ${'x'.repeat(5000)}`;

  /** Where it fails: the message that does it, what the error names, and what came out before. */
  const cases: Record<string, { message?: string; names: (string | RegExp)[]; output?: string }> = {
    computation: { names: ["computation 'explode'", '"boom"', 'RangeError: no room for boom'] },
    state: { names: ["computation 'keep'", "key 'key of boom'", '"boom"', 'no room for boom'] },
    'state-factory': {
      message: 'any',
      names: ["computation 'make'", /there is no state to be had/],
      output: '',
    },
    key: { names: ['keyBy after text', '"boom"', 'no room for boom'] },
    'numeric-key': { names: ['keyBy after text', 'the key must be a text, not number'] },
    iteration: {
      names: ["computation 'iterate'", 'no room for boom'],
      output: 'first of fine\nfine\nfirst of boom\n',
    },
    'multi-string': { names: ["computation 'letters'", 'it must return an array or another iterable'] },
    encoder: { names: ["encoder of sink 'TCP'", 'no room for boom'] },
    'numeric-encoder': { names: ["encoder of sink 'TCP'", 'must return text or bytes, not number'] },
    writer: { names: ["encoder of sink 'TCP'", 'no room for boom'], output: 'cut fine\n' },
  };

  for (const [place, { message = 'boom', names, output = 'fine\n' }] of Object.entries(cases)) {
    it(`(${place}) ends the worker with code 1 and says where, on what and why`, async () => {
      const worker = await launch(place);
      const client = await Client.connect(worker.port('text'));
      await client.write(frames(['fine', message, 'too late']));
      const { code, stderr } = await worker.process.finished();
      await sink.waitForEnd();
      expect(code).to.equal(1);
      const [headline] = stderr.split('\n');
      expect(headline).to.match(/^Error: Pipeline 'text': /);
      for (const name of names) {
        if (typeof name === 'string') expect(headline).to.include(name);
        else expect(headline).to.match(name);
      }
      expect(sink.text).to.equal(output);
    });
  }

  it('(generator) ends the worker with code 1', async () => {
    const worker = await launch('generator');
    const { code, stderr } = await worker.process.finished();
    expect(code).to.equal(1);
    expect(stderr).to.include('no room for boom').and.include('text');
  });

  it('shows the author the line, and of a long message the beginning', async () => {
    const worker = await launch('computation');
    const client = await Client.connect(worker.port('text'));
    await client.write(frames([long]));
    const { code, stderr } = await worker.process.finished();
    expect(code).to.equal(1);
    const [headline, ...stack] = stderr.split('\n');
    expect(headline!.length).to.be.lessThan(500);
    expect(stack.join('\n')).to.match(/apps\/failing\.ts:\d+/);
  });

  for (const place of ['state', 'numeric-key', 'iteration', 'writer']) {
    it(`(${place}) drops the message and goes on, if the application says skip`, async () => {
      const worker = await launch(place, '--skip');
      const client = await Client.connect(worker.port('text'));
      const messages = Array.from({ length: 500 }, (_, i) => ['boom', `fine ${i}`]).flat();
      await client.write(frames(messages));
      await sink.waitForText('fine 499\n');
      const { code, stderr } = await worker.stop();
      await sink.waitForEnd();
      expect([code, stderr]).to.deep.equal([0, '']);
      const fine = sink.text.split('\n').filter((line) => /^(cut )?fine \d/.test(line));
      expect(fine.map((line) => Number(/\d+/.exec(line)))).to.deep.equal(
        Array.from({ length: 500 }, (_, i) => i),
      );
      const others = new Set(sink.text.split('\n').filter((line) => !/fine \d/.test(line)));
      expect([...others]).to.deep.equal(place === 'iteration' ? ['first of boom', ''] : ['']);
      const lines = worker.linesWith('Skipped a message');
      expect(lines.length).to.be.within(1, 5);
      expect(lines[0]).to.include(",ERROR,Application,Skipped a message: Pipeline 'text': ");
    });
  }

  it('is counted: each line says how many it stands for', async () => {
    const worker = await launch('computation', '--skip');
    const client = await Client.connect(worker.port('text'));
    for (let sent = 0; worker.linesWith('Skipped a message').length < 3; sent++) {
      await client.write(frames(['boom\n1753000000.000000,ERROR,Forged,line']));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const lines = worker.linesWith('Skipped a message');
    expect(lines[1]).to.match(/Skipped a message \(and \d+ more since the last such line\): /);
    expect(worker.lines.filter((line) => line.startsWith('1753000000'))).to.deep.equal([]);
  });
});
