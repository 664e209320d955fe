import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { drive } from '@wallaroo/worker/testing';
import { start, stopAll, type RunningProcess } from '../../../test-e2e/support/process.js';
import { reservedPort } from '../../../test-e2e/support/cluster.js';
import app from '../app.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));

describe('examples: letters-once', () => {
  let folder: string;

  before(() => (folder = mkdtempSync(join(tmpdir(), 'wallaroo-letters-'))));
  afterEach(stopAll);
  after(() => rmSync(folder, { recursive: true }));

  const program = (name: string, ...args: readonly string[]) =>
    start(process.execPath, ['--import', 'tsx', `examples/letters-once/${name}.ts`, ...args], {
      cwd: root,
      timeoutMs: 50_000,
    });
  const kill = async (running: RunningProcess) => {
    running.kill('SIGKILL');
    await running.finished();
  };

  it('counts lines by their first letter', () => {
    const driver = drive(app);
    driver.put('lines', 'apple', 'banana', 'avocado');
    expect(driver.text()).to.equal('a => 1\nb => 1\na => 2\n');
  });

  it('counts each line of a file once, though everything dies on the way', async () => {
    const [input, output] = [await reservedPort(), await reservedPort()];
    const file = join(folder, 'lines.txt');
    const letters = 'abcdefghij';
    const lines = Array.from({ length: 100_000 }, (_, i) => `${letters[i % 10]} line ${i}`);
    writeFileSync(file, lines.join('\n'));
    const directory = join(folder, 'out');
    const keep = () => program('keep', '--listen', `127.0.0.1:${output}`, '--directory', directory);
    const bring = () => program('bring', '--to', `127.0.0.1:${input}`, '--file', file);
    const work = () =>
      start(
        `${root}packages/worker/bin/wallaroo-worker.js`,
        [
          ...['--application-module', 'examples/letters-once/app.ts', '--cluster-initializer'],
          ...['--in', `lines@127.0.0.1:${input}`, '--out', `127.0.0.1:${output}`],
          ...['--run-with-resilience', '--resilience-dir', folder],
          ...['--time-between-checkpoints', '20000000'],
        ],
        { cwd: root, timeoutMs: 50_000 },
      );
    const keeper = keep();
    let worker = work();
    let client = bring();
    await keeper.waitForOutput(/has \d+ bytes/);
    await Promise.all([kill(worker), kill(client), kill(keeper)]);
    keep();
    worker = work();
    client = bring();
    await client.waitForOutput(/All lines are safe/);
    worker.kill('SIGTERM');
    expect((await worker.finished()).code).to.equal(0);
    const outputs = readdirSync(directory).filter((name) => name.endsWith('.out'));
    expect(outputs).to.deep.equal(['letters-once-w-initializer-id-counts.out']);
    const counts = readFileSync(join(directory, outputs[0]!), 'utf8').split('\n').slice(0, -1);
    // All lines of a file come by one stream, and by one worker: in their order.
    expect(counts).to.deep.equal(lines.map((line, i) => `${line[0]} => ${Math.floor(i / 10) + 1}`));
  });
});
