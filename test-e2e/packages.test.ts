import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect } from 'chai';
import { run, stopAll } from './support/process.js';

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
    expect(stdout).to.include('Successfully ran target build for 6 projects');
  }).timeout(150_000);

  it('installed elsewhere load an application written in TypeScript', async () => {
    writeFileSync(
      join(folder, 'app.ts'),
      `import { application, generatorSource, source, stdoutSink } from '@wallaroo/worker';
       enum Start { one = 1 }
       const numbers = generatorSource<number>({ initialValue: () => Start.one, apply: (n) => (n < 3 ? n + 1 : null) });
       export default application('numbers', source('numbers', numbers).toSink(stdoutSink({ encoder: String })));`,
    );
    const { code, stdout } = await run(
      join(folder, 'node_modules', '.bin', 'wallaroo-worker'),
      ['--application-module', './app', '--dry-run'],
      { cwd: folder },
    );
    expect(code).to.equal(0);
    expect(stdout).to.include('source numbers (generator)');
  });
});
