import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { TwoPhaseWorker } from '../support/two-phase-worker.js';

const program = fileURLToPath(new URL('../support/sink-process.ts', import.meta.url));

class SinkProcess {
  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
  ) {}

  static async start(directory: string, killAt?: number): Promise<SinkProcess> {
    const args = ['--import', 'tsx', program, directory, ...(killAt === undefined ? [] : [`${killAt}`])];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(child.stdout!, 'data')) as [Buffer];
    return new SinkProcess(child, Number(line.toString()));
  }

  get died(): boolean {
    return this.child.signalCode === 'SIGKILL';
  }

  async kill(): Promise<void> {
    if (this.child.signalCode !== null || this.child.exitCode !== null) return;
    this.child.kill('SIGKILL');
    await once(this.child, 'exit');
  }
}

describe('a connector sink that is killed', () => {
  let folder: string;
  let worker: TwoPhaseWorker;
  let sink: SinkProcess | undefined;
  let checkpoints: number;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'wallaroo-kill-'));
    worker = new TwoPhaseWorker('worker1');
    checkpoints = 0;
  });

  afterEach(async () => {
    await sink?.kill();
    rmSync(folder, { recursive: true });
  });

  const output = () => {
    const path = join(folder, `${worker.stream}.out`);
    return existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
  };
  /** No two checkpoints have the same bytes, so those of an aborted one would be seen. */
  const records = () => [Buffer.alloc(1000, ++checkpoints % 256), Buffer.from(`checkpoint ${checkpoints}\n`)];
  const checkPrefix = () => {
    const bytes = output();
    expect(
      worker.decided.subarray(0, bytes.length).equals(bytes),
      'only what is decided is in the output',
    ).to.equal(true);
  };
  const checkAll = async () => {
    await worker.connect(sink!.port);
    await worker.checkpoint(...records());
    await worker.settled();
    expect(output().equals(worker.decided), 'each committed byte once').to.equal(true);
  };

  it('has each committed byte once, whichever operation on the disk it dies in', async () => {
    let deaths = 0;
    for (let killAt = 1; ; killAt++) {
      sink = await SinkProcess.start(folder, killAt);
      try {
        await worker.connect(sink.port);
        await worker.checkpoint(...records());
        await worker.settled();
        await sink.kill();
        break;
      } catch {
        await sink.kill();
        expect(sink.died).to.equal(true);
        checkPrefix();
        deaths++;
      }
    }
    sink = await SinkProcess.start(folder);
    await checkAll();
    expect(deaths).to.be.greaterThan(14);
  }).timeout(180_000);

  it('has each committed byte once when the signal comes from outside, at any time', async () => {
    for (let life = 0; life < 6; life++) {
      sink = await SinkProcess.start(folder);
      await worker.connect(sink.port);
      for (let i = 0; i < 3; i++) await worker.checkpoint(...records());
      // How far the sink comes with these is a race, and another one each time.
      worker.output(...records());
      const transaction = life % 3 === 0 ? undefined : worker.prepare();
      if (transaction !== undefined && life % 3 === 2) {
        await worker.vote(transaction);
        worker.decide(transaction, true);
      }
      for (let turns = 0; turns < life * 3; turns++) await new Promise((resolve) => setImmediate(resolve));
      await sink.kill();
      checkPrefix();
    }
    sink = await SinkProcess.start(folder);
    await checkAll();
  }).timeout(180_000);
});
