import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { run, start, stopAll, type RunningProcess } from '../../../../test-e2e/support/process.js';
import { TcpServer } from '../support/tcp-server.js';

const command = fileURLToPath(new URL('../../bin/data_receiver.js', import.meta.url));

describe('data_receiver', () => {
  let receiver: RunningProcess;
  let port: number;
  let heading: string;
  const clients: Socket[] = [];

  async function listen(...args: string[]): Promise<void> {
    receiver = start(command, ['--listen', '127.0.0.1:0', ...args]);
    const [line, digits] = await receiver.waitForOutput(/^Listening on 127\.0\.0\.1:(\d+)\n/);
    heading = line;
    port = Number(digits);
  }

  function client(): Socket {
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    clients.push(socket);
    return socket;
  }

  /** Resolves when the system has all of it. */
  function send(bytes: Buffer | string, socket = client()): Promise<void> {
    return new Promise((resolve) => socket.end(bytes, resolve));
  }

  async function stop(signal: NodeJS.Signals = 'SIGTERM') {
    receiver.kill(signal);
    return receiver.finished();
  }

  afterEach(async () => {
    for (const socket of clients.splice(0)) socket.destroy();
    await stopAll();
  });

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`copies bytes unchanged, and at ${signal} loses none of those that had been sent`, async () => {
      await listen();
      const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7) & 255));
      await send(bytes);
      const { code, stdoutBytes, stderr } = await stop(signal);
      expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
      expect(stdoutBytes.equals(Buffer.concat([Buffer.from(heading), bytes]))).to.equal(true);
    });
  }

  it('takes any number of connections at the same time', async () => {
    await listen();
    const sockets = Array.from({ length: 20 }, client);
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
    await Promise.all(sockets.map((socket, i) => send(`<${i}>`, socket)));
    const { stdout } = await stop();
    for (let i = 0; i < 20; i++) expect(stdout).to.include(`<${i}>`);
  });

  it('ends while a connection is still open', async () => {
    await listen();
    client().write('still here');
    await receiver.waitForOutput(/still here/);
    expect((await stop()).code).to.equal(0);
  });

  it('goes on after a connection was reset', async () => {
    await listen();
    const socket = client();
    socket.write('first ');
    await receiver.waitForOutput(/first /);
    socket.resetAndDestroy();
    await send('second');
    await receiver.waitForOutput(/first second/);
  });

  it('loses nothing when its output is slow and the end comes meanwhile', async () => {
    await listen();
    receiver.pauseOutput();
    const bytes = Buffer.alloc(400_000, 'slow ');
    await send(bytes);
    receiver.kill('SIGTERM');
    receiver.resumeOutput();
    const { code, stdoutBytes } = await receiver.finished();
    expect(code).to.equal(0);
    expect(stdoutBytes.equals(Buffer.concat([Buffer.from(heading), bytes]))).to.equal(true);
  });

  it('ends with 1 when nobody reads its output any more', async () => {
    await listen();
    receiver.closeOutput();
    const socket = client();
    const more = () => {
      while (socket.writable && socket.write(Buffer.alloc(65536)));
    };
    socket.on('connect', more).on('drain', more);
    expect((await receiver.finished()).code).to.equal(1);
  });

  it('prints each frame on a line with --framed, and skips empty ones', async () => {
    await listen('--framed');
    await send('\0\0\0\x05first\0\0\0\0\0\0\0\x06second');
    expect((await stop()).stdout).to.equal(`${heading}first\nsecond\n`);
  });

  it('ends the connection of a frame over the limit, and no other', async () => {
    await listen('-f');
    const other = client();
    other.write('\0\0\0\x05first');
    await receiver.waitForOutput(/first\n/);
    const socket = client();
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.resume().write(Buffer.from([0, 0, 0, 1, 97, 0, 0, 64, 1]));
    await closed;
    await send('\0\0\0\x04last', other);
    const { code, stdout, stderr } = await stop();
    expect({ code, stdout, stderr }).to.deep.equal({
      code: 0,
      stdout: `${heading}first\na\nlast\n`,
      stderr: 'Received an expect larger than 16kb. Exiting.\n',
    });
  });

  it('reads and prints nothing of it with --no-write', async () => {
    await listen('--no-write');
    await send('unseen');
    expect((await stop()).stdout).to.equal(heading);
  });

  it('reads in small portions with a small buffer', async () => {
    await listen('--buffer-size', '16', '--ponythreads=1');
    await send('x'.repeat(5000));
    expect((await stop()).stdout).to.equal(heading + 'x'.repeat(5000));
  });

  it('fails when the port is taken', async () => {
    const taken = await TcpServer.listen();
    try {
      const { code, stdout, stderr } = await run(command, ['-l', taken.address]);
      expect({ code, stdout, stderr }).to.deep.equal({ code: 1, stdout: '', stderr: 'Unable to listen\n' });
    } finally {
      await taken.close();
    }
  });

  it('explains itself with --help, and after an address that is missing or none', async () => {
    const asked = await run(command, ['--help']);
    expect(asked).to.include({ code: 0, stderr: '' });
    for (const option of [
      '-l, --listen',
      '-f, --framed',
      '-n, --no-write',
      '-b, --buffer-size',
      '-h, --help',
    ]) {
      expect(asked.stdout).to.include(option);
    }
    const missing = "Must supply required '--listen' argument\n";
    const malformed = "'--listen' argument should be in format: '127.0.0.1:7669\n";
    expect(await run(command, [])).to.include({ code: 1, stdout: asked.stdout, stderr: missing });
    expect(await run(command, ['-l', '7669'])).to.include({
      code: 1,
      stdout: asked.stdout,
      stderr: malformed,
    });
  });

  it('names the option that was probably meant', async () => {
    const { code, stdout, stderr } = await run(command, ['--lisen', '127.0.0.1:0']);
    expect({ code, stdout, stderr }).to.deep.equal({
      code: 1,
      stdout: '',
      stderr: "Unknown option '--lisen'. Did you mean '--listen'?\n",
    });
  });
});
