import { networkInterfaces } from 'node:os';
import { expect } from 'chai';
import { Client, frame, freePort, takenPort } from '../support/client.js';
import { inBatches } from '../support/in-batches.js';
import { run, start, stopAll } from '../support/process.js';
import { CollectingSink } from '../support/sink.js';
import { appPath, launchWorker, LaunchedWorker, workerBin, initialized } from '../support/worker-process.js';

describe('wallaroo-worker, addresses and other forms', () => {
  let sink: CollectingSink;

  beforeEach(async () => {
    sink = await CollectingSink.listen();
  });
  afterEach(async () => {
    await stopAll();
    await sink.close();
  });

  const relay = () => ['--application-module', appPath('relay'), '-t', '--out', sink.address];

  it('a port that is in use, of any listener: told with its name, and code 1', async () => {
    const taken = await takenPort();
    const address = `127.0.0.1:${taken.port}`;
    const websocket = ['--application-module', appPath('relay'), '-t', '--sink=websocket', '--out', address];
    await inBatches(
      [
        [[...relay(), '--in', `in@${address}`], 'in source'],
        [[...relay(), '--source=websocket', '--in', `in@${address}`], 'in source'],
        [[...relay(), '--external', address], 'initializer external'],
        [[...relay(), '--control', address], 'initializer control'],
        [[...relay(), '--data', address], 'initializer data'],
        [websocket, 'WebSocket sink'],
      ] as const,
      async ([args, what]) => {
        const { code, stdout, stderr } = await run(workerBin, args);
        expect(code, what).to.equal(1);
        expect(stderr).to.equal(
          `Error: ${what}: unable to listen on (${address}): another process listens there. ` +
            'Choose an address of this machine and a port that no other process listens on.\n',
        );
        expect(stdout).to.not.include('successfully initialized');
      },
    );
    taken.close();
  });

  it('an address that is not of this machine: told, and code 1', async () => {
    const { code, stderr } = await run(workerBin, [...relay(), '--external', '192.0.2.1:7000']);
    expect(code).to.equal(1);
    expect(stderr).to.match(
      /^Error: initializer external: unable to listen on \(192\.0\.2\.1:7000\): this machine/,
    );
  });

  it('an input that is given twice: told, and code 1', async () => {
    const { code, stderr } = await run(workerBin, [...relay(), '--in', 'in@127.0.0.1:0,in@127.0.0.1:1']);
    expect({ code, stderr }).to.deep.equal({ code: 1, stderr: "Error: --in names source 'in' twice\n" });
  });

  it('an input without a name is that of the only source', async () => {
    const worker = await launchWorker({ app: 'relay', args: ['--in', '127.0.0.1:0', '--out', sink.address] });
    const client = await Client.connect(worker.port('in'));
    await client.write(frame('hello'));
    await sink.waitForBytes(9);
    expect((await worker.stop()).code).to.equal(0);
  });

  it('listeners are where they were told to be, on IPv6 too', async () => {
    const six = networkInterfaces()['lo']?.some(({ family }) => family === 'IPv6');
    const loopback = six ? '[::1]' : '127.0.0.1';
    const ports = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
    const worker = await launchWorker({
      app: 'relay',
      args: [
        ...[
          '--out',
          sink.address,
          '--in',
          `in@${loopback}:${ports[0]}`,
          '--external',
          `127.0.0.1:${ports[1]}`,
        ],
        ...['--control', `:${ports[2]}`, '--data', `localhost:${ports[3]}`],
      ],
    });
    expect(worker.linesWith(`in source is listening on ${loopback}:${ports[0]}`)).to.have.length(1);
    expect(worker.externalPort).to.equal(ports[1]);
    expect(worker.controlPort).to.equal(ports[2]);
    expect(worker.dataPort).to.equal(ports[3]);
  });

  const forms: Record<string, (ports: readonly number[]) => string[]> = {
    'long forms with a blank': ([control, data, external]) => [
      ...['--control', `127.0.0.1:${control}`, '--data', `127.0.0.1:${data}`],
      ...['--external', `127.0.0.1:${external}`, '--cluster-initializer', '--name', 'ignored'],
    ],
    'long forms with an equals sign': ([control, data, external]) => [
      ...[`--control=127.0.0.1:${control}`, `--data=127.0.0.1:${data}`],
      ...[`--external=127.0.0.1:${external}`, '--cluster-initializer', '--name=ignored'],
    ],
    'short forms, bundled with values': ([control, data, external]) => [
      ...['-c', `127.0.0.1:${control}`, `-d127.0.0.1:${data}`, `-te=127.0.0.1:${external}`, '-nignored'],
    ],
    'names of older documents, and flags of the other runtime': ([control, data, external]) => [
      ...['--topology-initializer', '--worker-name', 'ignored', '--ponythreads=1', '--ponypinasio'],
      ...['--control-channel', `127.0.0.1:${control}`, '--data', `127.0.0.1:${data}`, '--ponynoblock'],
      ...['--external', `127.0.0.1:${external}`, '--stop-world', '2_000_000_000', '--worker-count', '1'],
      ...['--ponyminthreads', '1', '--file', 'x', '--spike-seed=0x1F', '--spike-drop', '--spike-prob=0.5'],
    ],
    'the last of several': ([control, data, external]) => [
      ...['-c', '127.0.0.1:1', '-c', `127.0.0.1:${control}`, '-d', `127.0.0.1:${data}`, '-e', '127.0.0.1:1'],
      ...['-t', `--external=127.0.0.1:${external}`],
    ],
  };

  for (const [form, args] of Object.entries(forms)) {
    it(`takes ${form}`, async () => {
      const ports = [await freePort(), await freePort(), await freePort()];
      const worker = new LaunchedWorker(
        start(workerBin, ['--application-module', appPath('relay'), '--sink=stdout', ...args(ports)]),
      );
      await worker.waitForLine(initialized);
      expect([worker.controlPort, worker.dataPort, worker.externalPort]).to.deep.equal(ports);
      expect((await worker.stop()).code).to.equal(0);
    });
  }

  it('gives up on a sink after the pause of --stop-pause', async () => {
    const args = ['--in', '127.0.0.1:0', '--out', `127.0.0.1:${await freePort()}`, '-u100_000_000'];
    const worker = await launchWorker({ app: 'relay', args });
    const client = await Client.connect(worker.port('in'));
    await client.write(frame('lost'));
    await client.end();
    const { code, stderr } = await worker.stop();
    expect(code).to.equal(1);
    expect(stderr).to.include('Sink TCP: 8 bytes of output could not be sent: it took nothing for 100 ms');
  });
});
