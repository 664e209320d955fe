import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { eventually } from './support/changes.js';
import { Client, frame, frames, sendAll } from './support/client.js';
import { stopAll } from './support/process.js';
import { CollectingSink } from './support/sink.js';
import { appPath, launchWorker, workerBin } from './support/worker-process.js';

describe('start-up', () => {
  let sink: CollectingSink;

  beforeEach(async () => {
    sink = await CollectingSink.listen();
  });
  afterEach(async () => {
    await stopAll();
    await sink.close();
  });

  const inputs = ['--in', 'words@127.0.0.1:0,all@127.0.0.1:0:99'];

  it('tells every step in its order, each line with the time in seconds and microseconds', async () => {
    const startedAt = Date.now() / 1000;
    const worker = await launchWorker({ app: 'keyed', args: [...inputs, '--out', sink.address] });
    const place = String.raw`127\.0\.0\.1:\d+`;
    const at = sink.address.replaceAll('.', '\\.');
    const expected = [
      String.raw`\*\*\*\*CLUSTERING MODE is active\*\*\*\*`,
      String.raw`\*\*\*\*AUTOSCALE MODE is active\*\*\*\*`,
      String.raw`\|\|\| Resilience directory: .+\|\|\|`,
      `Set up external channel listener on ${place}`,
      `initializer external: listening on ${place}`,
      String.raw`Running as Initializer\.\.\.`,
      `initializer control: listening on ${place}`,
      `initializer data: listening on ${place}`,
      'All worker control channels identified',
      'All worker data channels identified',
      'Initializing application',
      'Distributing local topologies to workers',
      'Finished distributing',
      `Connecting to sink at ${at}`,
      `Connecting to sink at ${at}`,
      String.raw`words source will listen \(but not yet\) on 127\.0\.0\.1:0`,
      'words TCP Source max buffer size: 16384',
      String.raw`all source will listen \(but not yet\) on 127\.0\.0\.1:0`,
      'all TCP Source max buffer size: 99',
      String.raw`\|~~ INIT PHASE I: Application is created! ~~\|`,
      `words source is listening on ${place}`,
      `all source is listening on ${place}`,
      String.raw`\|~~ INIT PHASE II: Application is initialized! ~~\|`,
      String.raw`\|~~ INIT PHASE III: Application is ready to work! ~~\|`,
      'initializer reported topology ready!',
      'All 1 workers reporting Topology ready!',
      String.raw`Application has successfully initialized\.`,
      String.raw`\|~~ INIT PHASE IV: Cluster is ready to work! ~~\|`,
    ];
    const { lines } = worker;
    const times = lines.map((line) => /^(\d+\.\d{6}),/.exec(line)?.[1]);
    expect(times).to.not.include(undefined);
    times.map(Number).forEach((time, i) => {
      expect(time).to.be.within(startedAt - 1, Date.now() / 1000 + 1);
      expect(time, lines[i]).to.be.at.least(Number(times[i - 1] ?? 0));
    });
    let next = 0;
    for (const text of expected) {
      const found = lines.findIndex((line, i) => i >= next && new RegExp(`^[\\d.]+,${text}$`).test(line));
      expect(found, `${text}, after line ${next} of\n${lines.join('\n')}`).to.be.at.least(next);
      next = found + 1;
    }
  });

  for (const [rotation, args] of [
    [false, []],
    [true, ['--log-rotation']],
  ] as const) {
    it(`says that it is resilient, ${rotation ? 'with' : 'without'} log rotation`, async () => {
      const directory = mkdtempSync(join(tmpdir(), 'wallaroo-e2e-'));
      try {
        const worker = await launchWorker({
          app: 'keyed',
          args: [
            ...inputs,
            '--out',
            sink.address,
            '--resilience-dir',
            directory,
            '--run-with-resilience',
            ...args,
          ],
        });
        const first = worker.lines.slice(0, 5).map((line) => line.replace(/^\d+\.\d{6},/, ''));
        expect(first).to.deep.equal([
          '****RESILIENCE MODE is active****',
          '****CLUSTERING MODE is active****',
          '****AUTOSCALE MODE is active****',
          `||| Resilience directory: ${directory}|||`,
          `||| Log-rotation: ${rotation}|||`,
        ]);
        expect((await worker.stop()).code).to.equal(0);
      } finally {
        rmSync(directory, { recursive: true });
      }
    });
  }

  it('reads nothing before the application is initialized', async () => {
    const worker = await launchWorker({
      app: 'hanging',
      args: ['--in', 'in@127.0.0.1:0'],
      until: /INIT PHASE II:/,
    });
    const client = await Client.connect(worker.port('in'));
    await client.write(frame('early'));
    expect((await worker.stop()).code).to.equal(0);
    expect(worker.lines.filter((line) => /ERROR|WARNING/.test(line))).to.deep.equal([]);
  });

  it('keeps what clients sent before the application was initialized', async () => {
    const worker = await launchWorker({
      app: 'relay',
      args: ['--in', 'in@127.0.0.1:0', '--out', sink.address],
      until: /in source is listening/,
    });
    await sendAll(worker.port('in'), frames(['early', 'bird']));
    await sink.waitForBytes(frames(['early', 'bird']).length);
    expect(sink.received.equals(frames(['early', 'bird']))).to.equal(true);
  });

  it('shows each line at once when standard output is a file', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'wallaroo-e2e-'));
    const path = join(directory, 'worker.log');
    const file = openSync(path, 'a');
    const args = ['--application-module', appPath('relay'), '-t', '--out', sink.address, '-e', '127.0.0.1:0'];
    const worker = spawn(process.execPath, [workerBin, ...args], { stdio: ['ignore', file, 'inherit'] });
    try {
      const exited = once(worker, 'exit');
      closeSync(file);
      const log = () => readFileSync(path, 'utf8');
      await eventually(() => log().includes('Application has successfully initialized.\n'), 'the line');
      const [, port] = /external: listening on 127\.0\.0\.1:(\d+)/.exec(log())!;
      await sendAll(Number(port), Buffer.concat([Buffer.from([0, 0, 0, 4, 0, 1]), Buffer.from('hi')]));
      await eventually(() => log().includes('$$$ ExternalPrint: hi $$$\n'), 'the print');
      worker.kill('SIGTERM');
      expect(await exited).to.deep.equal([0, null]);
      expect(log()).to.match(/Connections: Finished shutdown procedure\.\n$/);
    } finally {
      worker.kill('SIGKILL');
      rmSync(directory, { recursive: true });
    }
  });

  describe('WALLAROO_THRESHOLDS', () => {
    /** The categorised lines of a worker that refuses one connection. */
    const categorised = async (thresholds: string) => {
      const worker = await launchWorker({
        app: 'relay',
        args: ['--in', 'in@127.0.0.1:0', '--out', sink.address],
        env: { WALLAROO_THRESHOLDS: thresholds },
      });
      await sendAll(worker.port('in'), frame('bad'));
      expect((await worker.stop()).code).to.equal(0);
      expect(worker.linesWith('Application has successfully initialized.')).to.have.length(1);
      return worker.lines.flatMap((line) => /,([A-Z]+,\w+),/.exec(line)?.[1] ?? []);
    };

    it('chooses what is logged, by category and severity', async () => {
      expect(await categorised('')).to.deep.equal(['ERROR,TCPSource']);
      expect(await categorised('*.8')).to.include('ERROR,TCPSource');
      expect(await categorised('*.2')).to.deep.equal([]);
      expect(await categorised('TCPSource.critical,*.debug')).to.not.include('ERROR,TCPSource');
    });
  });
});
