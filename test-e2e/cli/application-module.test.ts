import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { inBatches } from '../support/in-batches.js';
import { run, stopAll } from '../support/process.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';
import { appPath, workerBin } from '../support/worker-process.js';

const body = `application('loaded', source('in', framedTcpSource({ decoder: bytes.decode }))
  .to(computation('named here', (message) => message)).toSink(stdoutSink({ encoder: bytes.encode })))`;
const names = 'application, bytes, computation, framedTcpSource, source, stdoutSink';
const esm = `import { ${names} } from '@wallaroo/worker';\nexport default ${body};\n`;
const typed = `import { ${names}, type Application } from '@wallaroo/worker';
enum Level { low = 1, high }
namespace Limits { export const most = Level.high + 1; }
interface Point { readonly x: number }
const point: Point = { x: Limits.most };
if (point.x !== 3) throw new Error('enums and namespaces do not work');
const app: Application = ${body};
export default app;
`;

describe('wallaroo-worker --application-module', () => {
  afterEach(async () => {
    await stopAll();
    removeTemporaryFolders();
  });

  /** Loads without starting. */
  const plan = (module: string, cwd: string, ...args: string[]) =>
    run(workerBin, ['--application-module', module, '--dry-run', ...args], { cwd });
  const expectLoaded = async (module: string, cwd: string) => {
    const { code, stdout, stderr } = await plan(module, cwd);
    expect([code, stderr], `${module} in ${cwd}`).to.deep.equal([0, '']);
    expect(stdout).to.include("Application 'loaded'").and.include('named here');
  };
  const refusal = async (module: string, cwd: string) => {
    const { code, stdout, stderr } = await plan(module, cwd);
    expect([code, stdout], module).to.deep.equal([1, '']);
    expect(stderr).to.match(/^Error: /);
    return stderr.slice('Error: '.length);
  };

  it('takes TypeScript and JavaScript files with their extension and without, and folders', async () => {
    const folder = temporaryFolder({
      'package.json': '{"type":"module"}',
      'typescript.ts': typed,
      'module.mts': typed,
      'javascript.js': esm,
      'dotted.name.mjs': esm,
      'folder/index.ts': typed,
      'plain/index.js': esm,
    });
    const modules = ['typescript.ts', './typescript', 'module.mts', 'module', 'javascript.js', 'javascript'];
    const more = ['dotted.name.mjs', './dotted.name', join(folder, 'typescript'), 'folder', './plain/'];
    await inBatches([...modules, ...more], (module) => expectLoaded(module, folder));
  });

  it('takes a TypeScript file wherever it lies: without package.json, beside one of CommonJS', async () => {
    const several = {
      'app.ts': `import { pick } from './picked.js';\nimport text from './text.json' with { type: 'json' };
        ${typed}\nif (pick(text.value) !== 7) throw new Error('imports do not work');`,
      'picked.ts': 'export const pick = (value: number): number => value;',
      'text.json': '{ "value": 7 }',
    };
    const bare = temporaryFolder(several);
    const commonJs = temporaryFolder({ ...several, 'package.json': '{"type":"commonjs"}' });
    const silent = temporaryFolder({ ...several, 'package.json': '{"name":"x"}' });
    await inBatches([bare, commonJs, silent], (folder) => expectLoaded('app.ts', folder));
  });

  it('takes a CommonJS file', async () => {
    const folder = temporaryFolder({
      'app.cjs': `module.exports = import('@wallaroo/worker').then((w) => w);
        module.exports = async () => { const { ${names} } = await import('@wallaroo/worker'); return ${body}; };`,
    });
    await expectLoaded('app.cjs', folder);
  });

  it('takes a package by its name', async () => {
    const folder = temporaryFolder({});
    const place = join(folder, 'node_modules', 'my-app');
    mkdirSync(place);
    writeFileSync(join(place, 'package.json'), '{"name":"my-app","type":"module","main":"./main.js"}');
    writeFileSync(join(place, 'main.js'), esm);
    await expectLoaded('my-app', folder);
  });

  it('takes an application under another name than default', async () => {
    const folder = temporaryFolder({ 'app.mjs': esm.replace('export default', 'export const app =') });
    await expectLoaded('app.mjs', folder);
  });

  it('awaits a function that makes the application, and what the module awaits', async () => {
    const folder = temporaryFolder({
      'app.ts': `import { ${names} } from '@wallaroo/worker';
        const late = await Promise.resolve(${body});
        export default async (args: readonly string[]) => (args.length === 0 ? late : undefined);`,
    });
    await expectLoaded('app.ts', folder);
  });

  it('hands a function exactly the arguments that the worker did not use, in their order', async () => {
    const folder = temporaryFolder({
      'app.mjs': `import { ${names} } from '@wallaroo/worker';
        export default (args) => { console.log('ARGS ' + JSON.stringify(args)); return ${body}; };`,
    });
    const args = [
      'first',
      '-t',
      '--colour=red',
      '-e127.0.0.1:0',
      '--ponythreads',
      '4',
      '--ponynoblock',
      'x y',
    ];
    const more = ['--in', 'in@127.0.0.1:0', '--', '-Z', '--size', '17', '--name=w', '', '--ponypin', 'last'];
    const { code, stdout } = await plan('app.mjs', folder, ...args, ...more);
    expect(code).to.equal(0);
    const [, received] = /^ARGS (.*)$/m.exec(stdout)!;
    const expected = ['first', '--colour=red', 'x y', '--', '-Z', '--size', '17', '', 'last'];
    expect(JSON.parse(received!)).to.deep.equal(expected);
  });

  it('says that there is no such module', async () => {
    const folder = temporaryFolder({ 'empty/readme.md': '' });
    for (const module of ['./missing', 'missing.ts', 'missing-package', './empty', '/']) {
      const told = await refusal(module, folder);
      expect(told.trimEnd().split('\n')).to.have.length(1);
      expect(told).to.include(`Could not load module '${module}': `);
    }
  });

  it('shows where a module can not be read, and what it threw', async () => {
    const folder = temporaryFolder({
      'package.json': '{"type":"module"}',
      'syntax.ts': 'export const fine = 1;\nexport const broken = ;\n',
      'syntax.js': 'export const fine = 1;\nexport const broken = ;\n',
      'throwing.ts': 'const fine: number = 1;\nthrow new RangeError(`no ${fine}`);\n',
      'throwing.js': '\nthrow new RangeError("no 1");\n',
      'import.ts': "import './gone.js';\n",
      'build.ts': 'export default () => {\n  throw new RangeError("no plan");\n};\n',
    });
    for (const [module, text, place] of [
      ['syntax.ts', '', 'syntax.ts:2'],
      ['syntax.js', 'Unexpected token', 'syntax.js'],
      ['throwing.ts', 'no 1', 'throwing.ts:2'],
      ['throwing.js', 'no 1', 'throwing.js:2'],
      ['import.ts', 'gone.js', 'import.ts'],
    ] as const) {
      const told = await refusal(module, folder);
      expect(told.split('\n')[0]).to.match(/^Could not (load module|compile) '/);
      expect(told).to.include(text);
      expect(told, module).to.include(place);
    }
    const told = await refusal('build.ts', folder);
    expect(told).to.include('Something went wrong while building the application: no plan');
    expect(told).to.include('build.ts:2');
  });

  it('says what a module should export that exports nothing usable', async () => {
    const folder = temporaryFolder({
      'nothing.mjs': '',
      'other.mjs': 'export default { name: "application" };',
      'open.mjs': `import { ${names} } from '@wallaroo/worker';
        export default source('in', framedTcpSource({ decoder: bytes.decode }));`,
      'function.mjs': 'export default () => 7;',
      'class.mjs': 'export const x = class Application {};',
    });
    for (const module of ['nothing', 'other', 'open', 'function', 'class']) {
      const told = await refusal(`${module}.mjs`, folder);
      expect(told).to.equal(
        `Module '${module}.mjs' does not export an application: export default application(...), or a function that returns one\n`,
      );
    }
  });

  it('tells mistakes in the application in one line', async () => {
    const folder = temporaryFolder({
      'open.mjs': esm.replace(/\.toSink\(.*/s, ')'),
      'double.mjs': esm.replace(
        ".to(computation('named here'",
        ".to(computation('named here', (x) => x)).to(computation('named here'",
      ),
    });
    for (const [module, told] of [
      ['open.mjs', 'every pipeline must end with toSink or toSinks'],
      ['double.mjs', "Two different things are named computation 'named here'"],
    ] as const) {
      const { code, stderr } = await plan(module, folder);
      expect(code).to.equal(1);
      expect(stderr, module).to.include(told);
    }
  });

  it('draws the plan with --dry-run and --explain, as text and as a Mermaid chart, and opens nothing', async () => {
    const app = ['--application-module', appPath('keyed')];
    const [dryRun, explain] = await inBatches(['--dry-run', '--explain'], (flag) =>
      run(workerBin, [...app, flag]),
    );
    expect([dryRun!.code, dryRun!.stderr]).to.deep.equal([0, '']);
    expect(explain!.stdout).to.equal(dryRun!.stdout);
    const [text, chart] = dryRun!.stdout.split(/^(?=flowchart)/m) as [string, string];
    for (const stage of [
      'words',
      'trim',
      'lower',
      'keyBy after lower',
      'count words',
      'count all',
      'second',
    ]) {
      expect(text).to.include(stage);
      expect(chart).to.include(stage);
    }
    expect(chart).to.match(/^flowchart LR\n/);
    expect(chart.match(/subgraph/g)).to.have.length(chart.match(/^\s*end$/gm)!.length);
    expect(chart).to.match(/ ==> /).and.match(/ --> /);
    expect(dryRun!.stdout).to.not.match(/^\d+\.\d{6},/m);
  });
});
