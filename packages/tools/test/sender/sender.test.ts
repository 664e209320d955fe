import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { run, start, stopAll } from '../../../../test-e2e/support/process.js';
import { refusingAddress, TcpServer } from '../support/tcp-server.js';

const command = fileURLToPath(new URL('../../bin/sender.js', import.meta.url));

/** The bodies of u32-framed messages; fails when the last one is not complete. */
function bodies(bytes: Buffer): string[] {
  const found: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 4 + bytes.readUInt32BE(at);
    if (end > bytes.length) throw new Error('the stream ends inside a message');
    found.push(bytes.toString('latin1', at + 4, end));
    at = end;
  }
  return found;
}

function integers(first: number, last: number, step = 1): string[] {
  return Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, i) => String(first + i * step));
}

describe('sender', () => {
  let directory: string;
  const servers: TcpServer[] = [];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sender-'));
  });

  afterEach(async () => {
    await stopAll();
    await Promise.all(servers.splice(0).map((server) => server.close()));
    await rm(directory, { recursive: true });
  });

  async function serve(...args: Parameters<typeof TcpServer.listen>): Promise<TcpServer> {
    const server = await TcpServer.listen(...args);
    servers.push(server);
    return server;
  }

  async function result(args: readonly string[]) {
    const { code, stdout, stderr } = await run(command, args, { cwd: directory });
    return { code, stdout, stderr };
  }

  /** What a server receives from a sender that succeeds. */
  async function sent(...args: string[]): Promise<Buffer> {
    const server = await serve();
    const outcome = await result(['--host', server.address, ...args]);
    expect(outcome).to.deep.equal({ code: 0, stdout: 'Connected\n', stderr: '' });
    await server.until(() => server.ended === 1);
    return server.streams[0]!;
  }

  it('sends integers as text, as many as asked for', async () => {
    expect(bodies(await sent('-m', '1234'))).to.deep.equal(integers(1, 1234));
  });

  it('goes on behind --start-from, in small batches', async () => {
    const bytes = await sent('-m', '10', '-v', '95', '--batch-size', '3', '--interval', '1_000_000');
    expect(bodies(bytes)).to.deep.equal(integers(96, 105));
  });

  it('frames binary integers once', async () => {
    const bytes = await sent('-m', '2', '--u64', '--partition', 'part', '--ponythreads=1');
    expect(bytes.toString('hex')).to.equal(
      ['0000000c', '0000000000000001', '70617274', '0000000c', '0000000000000002', '70617274'].join(''),
    );
  });

  it('sends the lines of files until they end', async () => {
    await writeFile(join(directory, 'a'), 'one\n\ntwo\r\n');
    await writeFile(join(directory, 'b'), 'three');
    expect(bodies(await sent('-m', '100', '--file', 'a,b'))).to.deep.equal(['one', 'two', 'three']);
  });

  it('repeats files up to the number of messages', async () => {
    await writeFile(join(directory, 'a'), 'one\ntwo\n');
    expect(bodies(await sent('-m', '5', '-rf', 'a'))).to.deep.equal(['one', 'two', 'one', 'two', 'one']);
  });

  it('sends records of a size as they are', async () => {
    const records = Buffer.from(Array.from({ length: 900_000 }, (_, i) => (i * 11) & 255));
    await writeFile(join(directory, 'a'), records);
    const bytes = await sent(
      '-m',
      '200_000',
      '-i0',
      '--no-write',
      '--binary',
      '--msg-size',
      '9',
      '-f',
      'a',
      '-r',
    );
    expect(bytes.equals(Buffer.concat([records, records]))).to.equal(true);
  });

  it('sends framed records with their frames', async () => {
    const records = Buffer.from('\0\0\0\x02hi\0\0\0\0\0\0\0\x05there', 'latin1');
    await writeFile(join(directory, 'a'), records);
    expect((await sent('-m', '9', '-yzf', 'a')).equals(records)).to.equal(true);
  });

  it('sends to several hosts in turn, on one schedule', async () => {
    const hosts = await Promise.all([serve(), serve(), serve()]);
    const addresses = hosts.map((server) => server.address).join(',');
    const outcome = await result(['--host', addresses, '-m', '2000', '-s', '100']);
    expect(outcome).to.deep.equal({ code: 0, stdout: 'Connected\nConnected\nConnected\n', stderr: '' });
    for (const [place, server] of hosts.entries()) {
      await server.until(() => server.ended === 1);
      expect(bodies(server.streams[0]!)).to.deep.equal(integers(place + 1, 2000, 3));
    }
  });

  it('records in sent.txt when it sent what', async () => {
    const before = Date.now();
    await sent('-m', '3', '--vary-by', '5');
    const lines = (await readFile(join(directory, 'sent.txt'), 'utf8')).split('\n');
    expect(lines.pop()).to.equal('');
    const entries = lines.map((line) => /^(\d+)000000, (.*)$/.exec(line)!.slice(1));
    expect(entries.map(([, payload]) => payload)).to.deep.equal(['1', '2', '3']);
    for (const [time] of entries) expect(Number(time)).to.be.within(before, Date.now());
  });

  it('leaves no file with --no-write', async () => {
    await sent('-m', '3', '--no-write');
    expect(existsSync(join(directory, 'sent.txt'))).to.equal(false);
  });

  it('sends nothing and succeeds when nothing is asked for', async () => {
    expect((await sent('-m', '0')).length).to.equal(0);
  });

  it('waits for a host that reads more slowly than it could send', async () => {
    const server = await serve((socket) => {
      socket.on('data', () => {
        socket.pause();
        setTimeout(() => socket.resume(), 1);
      });
    });
    expect(await result(['-h', server.address, '-m', '2_000_000', '-i0', '-w'])).to.include({ code: 0 });
    await server.until(() => server.ended === 1);
    const found = bodies(server.streams[0]!);
    expect(found.length).to.equal(2_000_000);
    expect(found.every((body, i) => body === String(i + 1))).to.equal(true);
  });

  it('tries again until somebody listens', async () => {
    const address = await refusingAddress();
    const sender = start(command, ['-h', address, '-m', '3'], { cwd: directory });
    await sender.waitForOutput(/Unable to connect/);
    const server = await serve(undefined, { port: Number(address.split(':')[1]) });
    const { code, stdout, stderr } = await sender.finished();
    expect({ code, stdout, stderr }).to.deep.equal({
      code: 0,
      stdout: 'Unable to connect\nConnected\n',
      stderr: '',
    });
    await server.until(() => server.ended === 1);
    expect(bodies(server.streams[0]!)).to.deep.equal(['1', '2', '3']);
  });

  it('gives up when nobody listens for 10 seconds, and sends nothing to the others', async () => {
    const address = await refusingAddress();
    const server = await serve();
    expect(await result(['-h', `${server.address},${address}`, '-m', '3'])).to.deep.equal({
      code: 1,
      stdout: 'Connected\nUnable to connect\n',
      stderr: `Error: No connection to ${address} within 10 seconds. 0 of 3 messages were sent.\n`,
    });
    expect(server.received).to.equal(0);
  });

  for (const how of ['destroy', 'resetAndDestroy'] as const) {
    it(`fails when the host ends the connection (${how})`, async () => {
      const server = await serve((socket) => socket.once('data', () => socket[how]()));
      const { code, stdout, stderr } = await result(['-h', server.address, '-m', '1_000_000_000', '-w']);
      expect({ code, stdout }).to.deep.equal({ code: 1, stdout: 'Connected\n' });
      expect(stderr).to.match(
        new RegExp(
          `^Error: Lost the connection to ${server.address}\\. \\d+ of 1000000000 messages were sent\\.\n$`,
        ),
      );
    });
  }

  it('fails between two ticks, too', async () => {
    const server = await serve((socket) => socket.once('data', () => socket.destroy()));
    const day = '86_400_000_000_000';
    const { code } = await result(['-h', server.address, '-m', '2', '-s1', '-i', day, '-w']);
    expect(code).to.equal(1);
  });

  for (const [signal, status] of [
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const) {
    it(`ends at ${signal} with whole messages, and says how many`, async () => {
      const server = await serve();
      const sender = start(command, ['-h', server.address, '-m', '1_000_000_000'], { cwd: directory });
      await server.until(() => server.received > 0);
      sender.kill(signal);
      const { code, stderr } = await sender.finished();
      await server.until(() => server.ended === 1);
      const found = bodies(server.streams[0]!);
      expect(code).to.equal(status);
      expect(stderr).to.equal(`Stopped by ${signal}. ${found.length} of 1000000000 messages were sent.\n`);
      const log = await readFile(join(directory, 'sent.txt'), 'utf8');
      expect(log.trimEnd().split('\n')).to.have.length(found.length);
    });
  }

  it('sends the whole records of a file that ends inside one, and fails', async () => {
    await writeFile(join(directory, 'a'), 'aabbc');
    const server = await serve();
    const outcome = await result(['-h', server.address, '-m', '9', '-yg2', '-f', 'a']);
    await server.until(() => server.ended === 1);
    expect(server.streams.map(String)).to.deep.equal(['aabb']);
    expect(outcome).to.deep.equal({
      code: 1,
      stdout: 'Connected\n',
      stderr: 'Error: the last record has 1 bytes instead of 2. 2 of 9 messages were sent.\n',
    });
  });

  const faults: readonly [args: string[], stdout: string][] = [
    [
      [],
      "Must supply required '--host' argument, separated by ',' if supplying multiple hosts\n" +
        "Must supply required '--messages' argument\n",
    ],
    [['-h', '8080', '-m1'], "'--host' arguments should be in format: '127.0.0.1:8080\n"],
    [['-h', ':1', '-m1', '-f', 'absent'], "Error opening file 'absent'.\n"],
    [['-h', ':1', '-m1', '-f', '.'], "Error opening file '.'.\n"],
    [['-h', ':1', '-m', 'many'], "--messages needs a whole number, but got 'many'\n"],
    [['--mesages', '1'], "Unknown option '--mesages'. Did you mean '--messages'?\n"],
  ];
  for (const [args, stdout] of faults) {
    it(`refuses ${JSON.stringify(args)}`, async () => {
      expect(await result(args)).to.deep.equal({ code: 1, stdout, stderr: '' });
    });
  }

  it('explains itself with --help', async () => {
    const { code, stdout, stderr } = await result(['--help']);
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    for (const short of 'hmfsirygzuvpjw') expect(stdout).to.match(new RegExp(`-${short}, --[a-z0-9-]+ `));
    expect(stdout).to.include('Examples:');
  });
});
