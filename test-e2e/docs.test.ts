import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { OptionTable } from '@wallaroo/command-line';
import { externalMessages } from '@wallaroo/protocol';
import { expect } from 'chai';
import ts from 'typescript';
import { options as shrinkerOptions } from '../packages/cluster-shrinker/src/options.js';
import { options as receiverOptions } from '../packages/tools/src/data-receiver/options.js';
import { options as externalSenderOptions } from '../packages/tools/src/external-sender/options.js';
import { commandNames, queryNames } from '../packages/tools/src/external-sender/requests.js';
import { options as senderOptions } from '../packages/tools/src/sender/options.js';
import { workerOptions } from '../packages/worker/src/cli/options.js';

/** The documents are true: their links, their options, their names and their programs. */

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

interface Document {
  /** Relative to the root. */
  readonly path: string;
  readonly text: string;
}

const manuals = ['README.md', 'CHANGELOG.md', 'packages/worker/README.md', ...markdownBelow('docs')].map(
  documentAt,
);
const packageReadmes = readdirSync(join(root, 'packages'))
  .map((name) => `packages/${name}/README.md`)
  .filter((path) => existsSync(join(root, path)) && manuals.every((manual) => manual.path !== path))
  .map(documentAt);

describe('the documents', () => {
  for (const document of [...manuals, ...packageReadmes]) {
    it(`link to what exists: ${document.path}`, () => {
      expect(brokenLinks(document)).to.deep.equal([]);
    });
  }

  for (const { path, text } of manuals) {
    it(`keep to 110 characters a line: ${path}`, () => {
      const long = text.split('\n').flatMap((line, index) => (line.length > 110 ? [index + 1] : []));
      expect(long, 'line numbers').to.deep.equal([]);
    });
  }

  it('compile: every ts block that starts with an import', () => {
    const files = manuals.flatMap(programsIn);
    expect(files).not.to.be.empty;
    expect(diagnosticsOf(files)).to.deep.equal([]);
  });
});

describe('the manuals name everything', () => {
  const worker = documentAt('docs/operator-manual/worker.md');
  const tools = documentAt('docs/operator-manual/tools.md');

  it('worker.md has a row for each option of the worker, with its short form, and for no other', () => {
    expect(optionRows(worker.text)).to.have.members(optionNames(workerOptions));
  });

  const tables = {
    sender: senderOptions,
    data_receiver: receiverOptions,
    external_sender: externalSenderOptions,
    cluster_shrinker: shrinkerOptions,
  };
  for (const [command, table] of Object.entries<OptionTable>(tables)) {
    it(`tools.md has a row for each option of ${command}, and for no other`, () => {
      expect(optionRows(sectionOf(tools, command))).to.have.members(optionNames(table));
    });
  }

  it('tools.md names each type of external_sender', () => {
    const section = sectionOf(tools, 'external_sender');
    const missing = [...queryNames, ...commandNames].filter((name) => !section.includes(`\`${name}\``));
    expect(missing).to.deep.equal([]);
  });

  it('external-messages.md has a row for each message, with its number', () => {
    const { text } = documentAt('docs/operator-manual/external-messages.md');
    const rows = [...text.matchAll(/^\| +(\d+) \| `(\w+)`/gm)].map(([, id, name]) => `${id} ${name}`);
    const expected = Object.entries(externalMessages).map(([name, { id }]) => `${id} ${name}`);
    expect(rows).to.have.members(expected);
  });

  it('api.md or codecs.md names each export of @wallaroo/worker', () => {
    const text = manual('api') + manual('codecs');
    expect(unnamed(exportsOf('packages/worker/src/index.ts'), text)).to.deep.equal([]);
  });

  it('testing.md names each export of @wallaroo/worker/testing', () => {
    expect(unnamed(exportsOf('packages/worker/src/testing.ts'), manual('testing'))).to.deep.equal([]);
  });
});

function documentAt(path: string): Document {
  return { path, text: readFileSync(join(root, path), 'utf8') };
}

function manual(name: string): string {
  return documentAt(`docs/user-manual/${name}.md`).text;
}

function markdownBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return markdownBelow(path);
    return path.endsWith('.md') ? [path] : [];
  });
}

// Links

function brokenLinks({ path, text }: Document): string[] {
  const prose = withoutCode(text);
  const targets = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!);
  return targets.filter((target) => !/^[a-z]+:/.test(target) && !linkHolds(path, target));
}

function linkHolds(from: string, target: string): boolean {
  const [file = '', anchor] = target.split('#');
  const path = file === '' ? from : join(dirname(from), file);
  if (!existsSync(join(root, path))) return false;
  return anchor === undefined || anchorsOf(documentAt(path)).includes(anchor);
}

/** As GitHub makes them from headings. */
function anchorsOf({ text }: Document): string[] {
  return [...withoutFences(text).matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

function withoutFences(text: string): string {
  return text.replace(/^```[^]*?^```$/gm, '');
}

function withoutCode(text: string): string {
  return withoutFences(text).replace(/`[^`\n]*`/g, '');
}

/** From the heading `title` to the next of its level. */
function sectionOf({ path, text }: Document, title: string): string {
  const section = text.split(/^## /m).find((part) => part.startsWith(`${title}\n`));
  expect(section, `section '${title}' of ${path}`).to.be.a('string');
  return section!;
}

// Options and names

/** `long -s` for each table row that begins with an option. */
function optionRows(text: string): string[] {
  return [...text.matchAll(/^\| `--([a-z0-9-]+)`(?:, `-(\w)`)?/gm)].map(([, long, short]) =>
    short === undefined ? long! : `${long} -${short}`,
  );
}

function optionNames(table: OptionTable): string[] {
  return Object.entries(table)
    .filter(([, { hidden }]) => !hidden)
    .map(([long, { short }]) => (short === undefined ? long : `${long} -${short}`));
}

function exportsOf(path: string): string[] {
  const file = join(root, path);
  const program = ts.createProgram([file], compilerOptions());
  const checker = program.getTypeChecker();
  const module = checker.getSymbolAtLocation(program.getSourceFile(file)!)!;
  return checker.getExportsOfModule(module).map(({ name }) => name);
}

function unnamed(names: readonly string[], text: string): string[] {
  return names.filter((name) => !new RegExp(`\\b${name}\\b`).test(text));
}

// Programs

interface Program {
  readonly path: string;
  readonly text: string;
}

/**
 * The blocks of one document stand in one folder, so that those that are named (```ts app.ts) can import
 * each other. Line numbers in diagnostics are those of the block.
 */
function programsIn({ path, text }: Document): Program[] {
  const folder = join(root, dirname(path), `.${path.replace(/\W/g, '-')}`);
  return [...text.matchAll(/^```ts( [\w.-]+)?\n(import [^]*?)^```$/gm)].map(([, name, code], index) => ({
    path: join(folder, name?.trim() ?? `block-${index + 1}.ts`),
    text: code!,
  }));
}

function compilerOptions(): ts.CompilerOptions {
  const file = join(root, 'tsconfig.base.json');
  const { config } = ts.readConfigFile(file, ts.sys.readFile) as {
    config: { compilerOptions: Record<string, unknown> };
  };
  const { options, errors } = ts.convertCompilerOptionsFromJson(
    {
      ...config.compilerOptions,
      noEmit: true,
      declaration: false,
      declarationMap: false,
      sourceMap: false,
      types: ['node', 'mocha'],
    },
    root,
  );
  expect(errors).to.deep.equal([]);
  return options;
}

/** Compiles files that are not on disk, all in one program. */
function diagnosticsOf(programs: readonly Program[]): string[] {
  const byPath = new Map(programs.map(({ path, text }) => [path, text]));
  const options = compilerOptions();
  const disk = ts.createCompilerHost(options);
  const folders = new Set(programs.map(({ path }) => dirname(path)));
  const host: ts.CompilerHost = {
    ...disk,
    fileExists: (path) => byPath.has(path) || disk.fileExists(path),
    directoryExists: (path) => folders.has(path) || (disk.directoryExists?.(path) ?? true),
    readFile: (path) => byPath.get(path) ?? disk.readFile(path),
    getSourceFile: (path, version, onError) => {
      const text = byPath.get(path);
      return text === undefined
        ? disk.getSourceFile(path, version, onError)
        : ts.createSourceFile(path, text, version);
    },
  };
  const program = ts.createProgram([...byPath.keys()], options, host);
  return ts.getPreEmitDiagnostics(program).map(({ file, start, messageText }) => {
    const where =
      file && start !== undefined
        ? `${relative(root, file.fileName)}:${file.getLineAndCharacterOfPosition(start).line + 1}: `
        : '';
    return where + ts.flattenDiagnosticMessageText(messageText, '\n');
  });
}
