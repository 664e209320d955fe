/**
 * The demo: starts a receiver and a worker with the alphabet application, sends votes, shows the totals that
 * came out beside totals counted here, and shuts down. Every command is printed before it runs.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';

const messages = 10_000;
const stepTimeoutMs = 30_000;
const folder = mkdtempSync(join(tmpdir(), 'wallaroo-demo-'));
const running = new Set<ChildProcess>();

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    cleanUp();
    process.exit(1);
  });
}
try {
  await demo();
} finally {
  cleanUp();
}

async function demo(): Promise<void> {
  const [input, output, external] = (await Promise.all([freePort(), freePort(), freePort()])).map(
    (port) => `127.0.0.1:${port}`,
  ) as [string, string, string];
  const votes = join(folder, 'votes.msg');
  const received = join(folder, 'received.txt');

  say(`${messages} votes are written to a file: 9 bytes each, a length, a letter, a number of votes`);
  writeFileSync(
    votes,
    await outputOf('node', '--import', 'tsx', 'examples/alphabet/generate.ts', '--messages', `${messages}`),
  );

  say('A receiver listens for what the application sends out');
  const receiver = start('data_receiver', ['--listen', output], received);
  await until('the receiver listens', () => readFileSync(received, 'utf8').includes('Listening on'));

  say('A worker runs the application examples/alphabet/app.ts');
  const log = join(folder, 'worker.log');
  const worker = start(
    'wallaroo-worker',
    [
      ...['--application-module', 'examples/alphabet/app.ts', '--in', `votes@${input}`, '--out', output],
      ...['--external', external, '--cluster-initializer'],
    ],
    log,
  );
  await until('the worker is ready', () =>
    readFileSync(log, 'utf8').includes('Application has successfully initialized.'),
  );

  say('The votes are sent to the source of the application');
  await run('sender', [
    ...['--host', input, '--file', votes, '--binary', '--msg-size', '9', '--messages', `${messages}`],
    '--no-write',
  ]);
  await until('all totals have come out', () => totalsIn(received).lines === messages);

  say('The worker is asked how many keys it holds');
  process.stdout.write(
    await outputOf('external_sender', '--external', external, '--type', 'cluster-status-query'),
  );
  process.stdout.write(
    await outputOf('external_sender', '--external', external, '--type', 'state-entity-count-query'),
  );

  say('The cluster is shut down');
  await run('cluster_shutdown', [external]);
  await ended(worker, 'the worker', 0);
  receiver.kill('SIGTERM');
  await ended(receiver, 'the receiver', 0);

  say('The last total of each letter, beside a count of the file that was sent');
  compare(totalsIn(received).totals, count(readFileSync(votes)));
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
function totalsIn(file: string): { totals: Map<string, number>; lines: number } {
  const found = [...readFileSync(file, 'utf8').matchAll(/^(.) => (\d+)$/gm)];
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

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
