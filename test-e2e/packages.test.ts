import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { expect } from 'chai';
import { Client } from './support/client.js';
import { run, start, stopAll } from './support/process.js';

const commands = [
  'wallaroo-worker',
  'cluster_shutdown',
  'cluster_shrinker',
  'sender',
  'data_receiver',
  'external_sender',
];
const packages = resolve('packages');

describe('the packages', () => {
  const folder = mkdtempSync(join(tmpdir(), 'wallaroo-packages-'));

  before(async function () {
    this.timeout(300_000);
    const paths = readdirSync(packages).map((name) => join(packages, name));
    const packed = await run('npm', ['pack', '--silent', '--pack-destination', folder, ...paths], {
      timeoutMs: 120_000,
    });
    expect(packed.code, packed.stderr).to.equal(0);
    writeFileSync(join(folder, 'package.json'), '{ "private": true }');
    const tarballs = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
    expect(tarballs).to.have.length(paths.length);
    const installed = await run(
      'npm',
      [
        'install',
        '--prefer-offline',
        '--no-audit',
        '--no-fund',
        '--silent',
        ...tarballs.map((name) => `./${name}`),
      ],
      { cwd: folder, timeoutMs: 180_000 },
    );
    expect(installed.code, installed.stderr).to.equal(0);
  });

  afterEach(stopAll);
  after(() => rmSync(folder, { recursive: true }));

  for (const command of commands) {
    it(`installed elsewhere bring ${command}`, async () => {
      const { code, stdout } = await run(join(folder, 'node_modules', '.bin', command), ['--help'], {
        cwd: folder,
      });
      expect(code).to.equal(0);
      expect(stdout).to.include(command);
    });

    it(`are linked into the root of the project: ${command}`, async () => {
      const { code } = await run(join('node_modules', '.bin', command), ['--help']);
      expect(code).to.equal(0);
    });
  }

  it('are built by lerna in the order of their dependencies', async () => {
    const { code, stdout } = await run('node_modules/.bin/lerna', ['run', 'build'], { timeoutMs: 120_000 });
    expect(code).to.equal(0);
    expect(stripVTControlCharacters(stdout)).to.include('Successfully ran target build for 8 projects');
  }).timeout(150_000);

  it('installed elsewhere serve an application written in TypeScript, also beside another copy of them', async () => {
    writeFileSync(
      join(folder, 'app.ts'),
      `import { application, ascii, framedTcpSource, record, source, stdoutSink, u8, type RecordOf } from '@wallaroo/worker';
       enum Mark { end = '!' }
       const vote = record({ letter: ascii(1), votes: u8 });
       const encoder = ({ letter, votes }: RecordOf<typeof vote>): string => letter + votes + Mark.end;
       export default application('votes', source('votes', framedTcpSource({ decoder: vote.decode })).toSink(stdoutSink({ encoder })));`,
    );
    // The second command brings a copy of its own, as one that is installed globally does.
    for (const command of [
      join(folder, 'node_modules', '.bin', 'wallaroo-worker'),
      resolve('node_modules/.bin/wallaroo-worker'),
    ]) {
      const args = ['--application-module', './app', '--in', 'votes@127.0.0.1:0', '--cluster-initializer'];
      const worker = start(command, args, { cwd: folder });
      await worker.waitForOutput(/INIT PHASE IV/);
      const [, port] = await worker.waitForOutput(/source is listening on 127\.0\.0\.1:(\d+)/);
      const bad = await Client.connect(Number(port));
      await bad.write(Buffer.from('00000003414243', 'hex'));
      await worker.waitForOutput(/Unable to decode message at votes source.*Closed connection/);
      const good = await Client.connect(Number(port));
      await good.write(Buffer.from('000000024105', 'hex'));
      await worker.waitForOutput(/A5!/);
      worker.kill('SIGTERM');
      expect((await worker.finished()).code).to.equal(0);
      await Promise.all([bad.end(), good.end()]);
    }
  });
});
