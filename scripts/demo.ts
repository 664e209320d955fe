/**
 * The demo: two workers run the alphabet application. Votes go to both, each letter is counted on one of them,
 * and the totals that come out stand beside totals counted here. Then one worker is killed and started again,
 * and the cluster goes on: first without its state, then, with --run-with-resilience, where it stood. Every command
 * is printed before it runs.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';

interface Worker {
  readonly name: string;
  readonly input: string;
  readonly output: string;
  readonly external: string;
  readonly role: readonly string[];
  /** The log and what was received are called after it. */
  readonly run: string;
}

const messages = 10_000;
const messagesAfterwards = 1000;
const stepTimeoutMs = 30_000;
const folder = mkdtempSync(join(tmpdir(), 'wallaroo-demo-'));
const resilienceDirectory = join(folder, 'resilience');
const votes = join(folder, 'votes.msg');
const running = new Set<ChildProcess>();

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    cleanUp();
    process.exit(1);
  });
}
try {
  await demo();
  await demoOfResilience();
} finally {
  cleanUp();
}

async function demo(): Promise<void> {
  const workers = await twoWorkers('');
  const [initializer, worker2] = workers;
  mkdirSync(resilienceDirectory);

  say(`${messages} votes are written to a file: 9 bytes each, a length, a letter, a number of votes`);
  writeFileSync(
    votes,
    await outputOf('node', '--import', 'tsx', 'examples/alphabet/generate.ts', '--messages', `${messages}`),
  );

  say('Two receivers listen, one for what each worker sends out');
  const receivers = await startReceivers(workers);

  say('Two workers run the application examples/alphabet/app.ts. The first one forms the cluster');
  const [first, second] = await startCluster(workers);
  quote(log('initializer'), /All 2 workers reporting.*/);

  say('The votes are sent to both workers in turn');
  await send(workers, messages);
  await until('all totals have come out', () => totalsOf(workers).lines === messages);

  say('Each letter is counted on one worker. Both are asked for theirs');
  for (const worker of workers) await showLetters(worker);

  say('The last total of each letter, beside a count of the file that was sent');
  compare(totalsOf(workers).totals, count(readFileSync(votes)));

  say('One worker is killed. The other one pauses: it says so, and tells who asks');
  console.log(`$ kill -9 ${second.pid}`);
  second.kill('SIGKILL');
  await until('the other worker has seen it', () => /unreachable/.test(textOf(log('initializer'))));
  quote(log('initializer'), /worker2 is unreachable.*/);
  await ask(initializer, 'cluster-status-query');

  say('The same command starts it again. It finds its place in the cluster by its files');
  const again = startWorker(worker2, log('worker2-again'));
  await until('the cluster goes on', () => /~~~Resuming/.test(textOf(log('initializer'))));
  quote(log('initializer'), /worker2 is back.*|~~~Resuming.*/g);

  say(
    'Its state is empty: this cluster runs without --run-with-resilience. New votes are counted on both workers',
  );
  await showLetters(worker2);
  await send(workers, messagesAfterwards);
  await until('new totals have come out', () => totalsOf(workers).lines >= messages + messagesAfterwards);
  await showLetters(worker2);
  console.log(`${messagesAfterwards} more votes are counted.`);

  say('Any worker shuts the whole cluster down');
  await shutDown([first, again], receivers, worker2);
}

/** The same crash, of workers whose state is on disk. */
async function demoOfResilience(): Promise<void> {
  const workers = await twoWorkers('resilient-', ['--run-with-resilience']);
  const [, worker2] = workers;
  const counted = () => totalsOf(workers).totals;

  say('Two workers again, now with --run-with-resilience: a checkpoint of all state every second');
  const receivers = await startReceivers(workers);
  const [first, second] = await startCluster(workers);
  await send(workers, messages);
  const sent = count(readFileSync(votes));
  const areCounted = (expected: ReadonlyMap<string, number>) => () =>
    [...expected].every(([letter, total]) => counted().get(letter) === total);
  await until('all totals have come out', areCounted(sent));
  console.log(`${messages} votes are counted: every total is right.`);
  const before = counted();

  say('One worker is killed without a warning, and started again by the same command');
  console.log(`$ kill -9 ${second.pid}`);
  second.kill('SIGKILL');
  await until('the other worker has seen it', () => /unreachable/.test(textOf(log('resilient-initializer'))));
  const again = startWorker(worker2, log('resilient-worker2-again'));
  await until('the cluster goes on', () => /~~~Resuming/.test(textOf(log('resilient-initializer'))));
  quote(log('resilient-worker2-again'), /RESILIENCE: Rolled back.*/);

  say('Its state has come back. The next votes are counted on top of it');
  await showLetters(worker2);
  await send(workers, messagesAfterwards);
  const expected = new Map(sent);
  for (const [letter, more] of count(readFileSync(votes).subarray(0, 9 * messagesAfterwards)))
    expected.set(letter, expected.get(letter)! + more);
  // What came out behind the last checkpoint may come out again, so totals are looked at and not lines.
  await until('the totals go on where they stood', areCounted(expected));
  const [letter] = [...expected.keys()].sort();
  console.log(`${letter}: ${before.get(letter!)} before the crash, ${counted().get(letter!)} now.`);
  console.log(`${messagesAfterwards} more votes are counted on top of ${messages}: every total is right.`);

  await shutDown([first, again], receivers, worker2);
}

async function twoWorkers(run: string, options: readonly string[] = []): Promise<[Worker, Worker]> {
  const addresses = await freeAddresses(7);
  const control = addresses.pop()!;
  const place = () => ({
    input: addresses.pop()!,
    output: addresses.pop()!,
    external: addresses.pop()!,
    run,
  });
  return [
    {
      ...{ name: 'initializer', ...place() },
      role: ['--cluster-initializer', '--worker-count', '2', '--control', control, ...options],
    },
    { name: 'worker2', ...place(), role: ['--name', 'worker2', '--control', control, ...options] },
  ];
}

async function startReceivers(workers: readonly Worker[]): Promise<ChildProcess[]> {
  const receivers = workers.map((worker) =>
    start('data_receiver', ['--listen', worker.output], received(worker)),
  );
  await until('the receivers listen', () =>
    workers.every((worker) => /^Listening/.test(textOf(received(worker)))),
  );
  return receivers;
}

async function startCluster([initializer, worker2]: readonly [Worker, Worker]) {
  const first = startWorker(initializer, log(`${initializer.run}initializer`));
  const second = startWorker(worker2, log(`${worker2.run}worker2`));
  await until('the cluster is ready', () =>
    /successfully initialized/.test(textOf(log(`${initializer.run}initializer`))),
  );
  return [first, second] as const;
}

async function shutDown(
  [first, second]: readonly [ChildProcess, ChildProcess],
  receivers: readonly ChildProcess[],
  at: Worker,
): Promise<void> {
  await run('cluster_shutdown', [at.external]);
  await ended(first, 'initializer', 0);
  await ended(second, 'worker2', 0);
  for (const receiver of receivers) {
    receiver.kill('SIGTERM');
    await ended(receiver, 'a receiver', 0);
  }
  const left = readdirSync(resilienceDirectory);
  if (left.length > 0) throw new Error(`Files were left behind: ${left.join(', ')}`);
  console.log('All ended with exit code 0, and their files are gone.');
}

function startWorker({ input, output, external, role }: Worker, logFile: string): ChildProcess {
  const args = [
    ...['--application-module', 'examples/alphabet/app.ts', '--in', `votes@${input}`, '--out', output],
    ...['--external', external, '--resilience-dir', resilienceDirectory, ...role],
  ];
  return start('wallaroo-worker', args, logFile);
}

function send(workers: readonly Worker[], many: number): Promise<void> {
  return run('sender', [
    ...['--host', workers.map(({ input }) => input).join(','), '--file', votes, '--binary'],
    ...['--msg-size', '9', '--messages', `${many}`, '--no-write'],
  ]);
}

async function ask({ external }: Worker, type: string): Promise<Buffer> {
  const answer = await outputOf('external_sender', '--external', external, '--type', type, '--json');
  process.stdout.write(answer);
  return answer;
}

/** Asks for the keys of the only stage with state. */
async function showLetters(worker: Worker): Promise<void> {
  const answer = JSON.parse(String(await ask(worker, 'state-entity-query'))) as Record<string, string[]>;
  const [letters = []] = Object.values(answer);
  console.log(`${worker.name}: ${letters.sort().join(' ')} (${letters.length} letters)`);
}

/** Shows what a log says. */
function quote(file: string, what: RegExp): void {
  for (const line of textOf(file).match(what) ?? []) console.log(`${relative(folder, file)}: ${line}`);
}

/** Ends what was started and removes what was written, whatever happened. */
function cleanUp(): void {
  for (const child of running) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}

/** Prints the table. @throws when a total is wrong */
function compare(totals: ReadonlyMap<string, number>, expected: ReadonlyMap<string, number>): void {
  const rows = [...expected].sort(([a], [b]) => (a < b ? -1 : 1));
  console.log('letter       votes    expected');
  for (const [letter, votes] of rows) {
    const total = totals.get(letter);
    const mark = total === votes ? 'ok' : 'WRONG';
    console.log(`${letter.padEnd(6)}${String(total).padStart(12)}${String(votes).padStart(12)}  ${mark}`);
  }
  if (totals.size !== expected.size || rows.some(([letter, votes]) => totals.get(letter) !== votes)) {
    throw new Error('The totals that came out are not those of the votes that went in');
  }
  console.log(`\n${messages} votes for ${rows.length} letters: every total is right.`);
}

/** Lines such as `a => 12`; the last of a letter is its total. */
function totalsOf(workers: readonly Worker[]): { totals: Map<string, number>; lines: number } {
  const found = workers.flatMap((worker) => [...textOf(received(worker)).matchAll(/^(.) => (\d+)$/gm)]);
  return { totals: new Map(found.map(([, letter, total]) => [letter!, Number(total)])), lines: found.length };
}

function count(votes: Buffer): Map<string, number> {
  const totals = new Map<string, number>();
  for (let at = 0; at < votes.length; at += 9) {
    const letter = String.fromCharCode(votes[at + 4]!);
    totals.set(letter, (totals.get(letter) ?? 0) + votes.readUInt32BE(at + 5));
  }
  return totals;
}

function received({ run, name }: Worker): string {
  return join(folder, `${run}${name}-received.txt`);
}

function log(name: string): string {
  return join(folder, `${name}.log`);
}

function textOf(file: string): string {
  return readFileSync(file, 'utf8');
}

function say(text: string): void {
  console.log(`\n# ${text}`);
}

function announce(command: string, args: readonly string[]): string {
  const shown = args.map((arg) => (arg.startsWith(folder) ? relative(folder, arg) : arg)).join(' ');
  console.log(`$ ${command} ${shown}`);
  return command === 'node' ? process.execPath : join('node_modules', '.bin', command);
}

function start(command: string, args: readonly string[], outputFile: string): ChildProcess {
  const file = openSync(outputFile, 'w');
  const child = spawn(announce(command, args), args, { stdio: ['ignore', file, 'inherit'] });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

async function run(command: string, args: readonly string[]): Promise<void> {
  const child = spawn(announce(command, args), args, { stdio: ['ignore', 'ignore', 'inherit'] });
  running.add(child);
  await ended(child, command, 0);
  running.delete(child);
}

async function outputOf(command: string, ...args: string[]): Promise<Buffer> {
  const child = spawn(announce(command, args), args, { stdio: ['ignore', 'pipe', 'inherit'] });
  running.add(child);
  const chunks: Buffer[] = [];
  child.stdout!.on('data', (chunk: Buffer) => chunks.push(chunk));
  await ended(child, command, 0);
  running.delete(child);
  return Buffer.concat(chunks);
}

function ended(child: ChildProcess, what: string, expected: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const check = (code: number | null, signal: NodeJS.Signals | null) =>
      code === expected
        ? resolve()
        : reject(new Error(`${what} ended with ${code ?? signal}, not ${expected}`));
    if (child.exitCode !== null || child.signalCode !== null) check(child.exitCode, child.signalCode);
    else child.once('exit', check);
  });
}

async function until(what: string, holds: () => boolean): Promise<void> {
  const giveUpAt = performance.now() + stepTimeoutMs;
  while (!holds()) {
    if (performance.now() > giveUpAt) throw new Error(`Waited ${stepTimeoutMs} ms until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** All at the same time, so that no two are equal. */
function freeAddresses(many: number): Promise<string[]> {
  return Promise.all(Array.from({ length: many }, freeAddress));
}

function freeAddress(): Promise<string> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(`127.0.0.1:${port}`));
    });
  });
}
