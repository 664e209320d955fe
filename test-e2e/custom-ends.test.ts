import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { eventually } from './support/changes.js';
import { stopAll } from './support/process.js';
import { launchWorker, type LaunchedWorker } from './support/worker-process.js';

describe("an application's own source and sink", () => {
  let directory: string;
  let input: string;
  let output: string;
  let worker: LaunchedWorker;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'wallaroo-e2e-'));
    input = join(directory, 'input.txt');
    output = join(directory, 'output.txt');
    writeFileSync(input, 'first\nsecond\n');
    worker = await launchWorker({ app: 'custom', args: [input, output] });
  });
  afterEach(async () => {
    await stopAll();
    rmSync(directory, { recursive: true });
  });

  const outputIs = (text: string) => eventually(() => readFileSync(output, 'utf8') === text, text);

  it('carry messages as those of the worker do', async () => {
    await outputIs('FIRST\nSECOND\n');
    appendFileSync(input, 'third\nfour');
    await outputIs('FIRST\nSECOND\nTHIRD\n');
    appendFileSync(input, 'th\n');
    await outputIs('FIRST\nSECOND\nTHIRD\nFOURTH\n');
    expect(worker.linesWith('file source follows')).to.have.length(1);
    expect((await worker.stop()).code).to.equal(0);
    await outputIs('FIRST\nSECOND\nTHIRD\nFOURTH\nthe end\n');
  });

  for (const [line, reason] of [
    ['fail source', 'the file says fail'],
    ['fail sink', 'the sink read fail'],
  ] as const) {
    it(`end the worker in order when one of them can not go on (${line})`, async () => {
      await outputIs('FIRST\nSECOND\n');
      appendFileSync(input, `${line}\nlost\n`);
      const { code, stderr } = await worker.process.finished();
      expect(code).to.equal(1);
      expect(stderr).to.match(new RegExp(`^Error: ${reason}`));
      expect(readFileSync(output, 'utf8')).to.match(/^FIRST\nSECOND\n(LOST\n)?the end\n$/);
    });
  }

  it('end the worker with the place of an exception in a computation', async () => {
    await outputIs('FIRST\nSECOND\n');
    appendFileSync(input, 'boom\n');
    const { code, stderr } = await worker.process.finished();
    expect(code).to.equal(1);
    expect(stderr).to.match(/^Error: Pipeline 'file': computation 'capitals' failed on "boom": /);
  });

  it('end the worker with the place of an exception when the source pushes a message itself', async () => {
    await outputIs('FIRST\nSECOND\n');
    appendFileSync(input, 'booms\n');
    const { code, stderr } = await worker.process.finished();
    expect(code).to.equal(1);
    expect(stderr).to.match(/^Error: Pipeline 'file': computation 'capitals' failed on "booms": /);
  });
});
