import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { run, stopAll } from '../../../test-e2e/support/process.js';
import { externalChannel, refusingAddress, type TcpServer } from '../../tools/test/support/tcp-server.js';

const command = fileURLToPath(new URL('../bin/cluster_shutdown.js', import.meta.url));
const usage = 'Usage: cluster_shutdown HOST:PORT\n';

describe('cluster_shutdown', () => {
  let worker: TcpServer | undefined;

  afterEach(async () => {
    await stopAll();
    await worker?.close();
    worker = undefined;
  });

  it('asks for a clean shutdown without a text, says nothing and exits with 0', async () => {
    worker = await externalChannel('none');
    const { code, stdout, stderr } = await run(command, [worker.address]);
    expect({ code, stdout, stderr }).to.deep.equal({ code: 0, stdout: '', stderr: '' });
    await worker.until(() => worker!.ended === 1);
    expect(worker.streams.map((bytes) => bytes.toString('hex'))).to.deep.equal(['000000020003']);
  });

  it('ignores the options of the Pony runtime', async () => {
    worker = await externalChannel('none');
    const { code } = await run(command, ['--ponythreads', '1', '--ponynoblock', worker.address]);
    expect(code).to.equal(0);
  });

  it('says that nobody listens', async () => {
    const address = await refusingAddress();
    const { code, stdout, stderr } = await run(command, [address]);
    expect({ code, stdout, stderr }).to.deep.equal({
      code: 1,
      stdout: '',
      stderr: `Error: Unable to connect to ${address}\n`,
    });
  });

  for (const args of [[], ['localhost'], ['localhost:port'], ['127.0.0.1:1', '127.0.0.1:2'], ['']]) {
    it(`shows its usage when called with ${JSON.stringify(args)}`, async () => {
      const { code, stdout, stderr } = await run(command, args);
      expect({ code, stdout, stderr }).to.deep.equal({ code: 1, stdout: '', stderr: usage });
    });
  }

  it('names the option that was probably meant', async () => {
    const { code, stderr } = await run(command, ['--hepl']);
    expect(code).to.equal(1);
    expect(stderr).to.equal("Unknown option '--hepl'. Did you mean '--help'?\n");
  });

  for (const option of ['--help', '-h']) {
    it(`explains itself with ${option}`, async () => {
      const { code, stdout, stderr } = await run(command, [option]);
      expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
      expect(stdout.startsWith(usage)).to.equal(true);
      expect(stdout).to.include('Examples:').and.to.include('--help');
    });
  }
});
