import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GeneratorCalls } from '../load/generator.js';
import type { ReceiverCalls } from '../load/receiver.js';
import type { Remote } from '../load/remote-calls.js';
import type { Workload } from '../workloads/workload.js';
import { end } from './children.js';
import { launchHelper, launchUnderTest } from './launch.js';
import { processUsage } from './process-usage.js';
import type { SystemUnderTest } from './systems.js';

/** Generator -> system under test -> receiver: three processes over loopback, connected and primed. */
export interface Rig {
  readonly workload: Workload;
  readonly generator: Remote<GeneratorCalls>;
  readonly receiver: Remote<ReceiverCalls>;
  readonly child: ChildProcess;
  readonly readyMs: number;
  /** CPU time that the system had used by then. */
  readonly readyCpuMs: number;
}

export interface RigOptions {
  readonly workload: Workload;
  readonly system: SystemUnderTest;
  /** For the `node` of the system under test. */
  readonly nodeFlags?: readonly string[];
}

/** Builds the rig, lets `run` use it, and takes it down whatever happens. */
export async function withRig<T>(options: RigOptions, run: (rig: Rig) => Promise<T>): Promise<T> {
  const { workload, system, nodeFlags = [] } = options;
  const scratch = mkdtempSync(join(tmpdir(), 'wallaroo-bench-'));
  const children: ChildProcess[] = [];
  try {
    const receiver = launchHelper<ReceiverCalls>('receiver.ts');
    children.push(receiver.child);
    const generator = launchHelper<GeneratorCalls>('generator.ts');
    children.push(generator.child);

    // Both have started fully before the system does, so that its start-up time is its own.
    await generator.remote.call('prepare', workload.name);
    const outputPort =
      system.sink === 'connector'
        ? await receiver.remote.call('listenAsConnector', { workload: workload.name, folder: scratch })
        : await receiver.remote.call('listen', workload.name);
    const output = `127.0.0.1:${outputPort}`;
    const ports = await freePorts(workload.streams.length);
    const inputs = workload.streams
      .map(({ source }, index) => `${source}@127.0.0.1:${ports[index]}`)
      .join(',');
    const command = system.command({ workload: workload.name, inputs, output, scratch });
    const { child, readyMs } = await launchUnderTest([...nodeFlags, ...command], system);
    children.push(child);
    const readyCpuMs = processUsage(child.pid!).cpuSeconds * 1000;

    await generator.remote.call(system.source === 'connector' ? 'connectAsConnector' : 'connect', ports);
    const rig = {
      workload,
      generator: generator.remote,
      receiver: receiver.remote,
      child,
      readyMs,
      readyCpuMs,
    };
    await prime(rig);
    const ended = new Promise<never>((_, reject) => {
      child.once('exit', (code, signal) => reject(new Error(`${system.name} ended: ${signal ?? code}`)));
    });
    ended.catch(() => undefined);
    return await Promise.race([run(rig), ended]);
  } finally {
    await Promise.all(children.map((child) => end(child)));
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Sends what must be known before the first step, and asks until the system knows it. */
async function prime({ workload, generator, receiver }: Rig): Promise<void> {
  if (workload.priming === undefined) return;
  await generator.call('sendPreamble');
  for (let probes = 1; ; probes++) {
    await generator.call('sendProbe');
    if (await receiver.call('isPrimed', probes)) break;
    if (probes === 10_000) throw new Error('the initial messages were never taken in');
  }
  await receiver.call('restart');
}

/** Ports that were free a moment ago. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
