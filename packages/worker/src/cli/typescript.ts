import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Plugin } from 'esbuild';
import { ApplicationModuleError } from './application-module-error.js';

/**
 * Imports a TypeScript file, whatever Node's version can do itself and whatever its package.json says of types
 * of modules: the file and its own relative imports become one ES module; packages stay what they are.
 *
 * For the moment of the import that module is a temporary file, in which all imports are absolute.
 * @throws ApplicationModuleError when the file cannot be compiled; what the module throws
 */
export async function importTypeScript(file: string): Promise<Record<string, unknown>> {
  const compiled = await compile(file);
  const folder = await mkdtemp(join(tmpdir(), 'wallaroo-module-'));
  try {
    const module = join(folder, `${basename(file)}.mjs`);
    await writeFile(module, compiled);
    // Errors then name the author's lines.
    process.setSourceMapsEnabled(true);
    return (await import(pathToFileURL(module).href)) as Record<string, unknown>;
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function compile(file: string): Promise<string> {
  // Only who runs TypeScript pays for it.
  const { build, stop } = await import('esbuild');
  try {
    const { outputFiles } = await build({
      entryPoints: [file],
      absWorkingDir: dirname(file),
      outfile: `${file}.mjs`,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: `node${process.versions.node}`,
      sourcemap: 'inline',
      sourceRoot: `${pathToFileURL(dirname(file)).href}/`,
      sourcesContent: false,
      define: Object.fromEntries(metaNames.map((name) => [`import.meta.${name}`, standIn(name)])),
      plugins: [packagesByUrl, metaOfEachFile],
      write: false,
      logLevel: 'silent',
    });
    return outputFiles[0]!.text;
  } catch (failure) {
    throw new ApplicationModuleError(`Could not compile '${file}': ${(failure as Error).message}`);
  } finally {
    await stop();
  }
}

/** Packages are not compiled: the module imports them by the URL that Node would find, so none exists twice. */
const packagesByUrl: Plugin = {
  name: 'packages-by-url',
  setup({ onResolve, resolve }) {
    onResolve({ filter: /^[^./]/ }, async ({ path, kind, resolveDir, importer, pluginData }) => {
      if (pluginData === packagesByUrl.name || kind === 'entry-point') return undefined;
      if (isBuiltin(path) || /^(data|file):/.test(path)) return { path, external: true };
      const found = await resolve(path, { kind, resolveDir, importer, pluginData: packagesByUrl.name });
      if (found.errors.length > 0) return { errors: found.errors };
      if (/\.[cm]?tsx?$/.test(found.path)) return found;
      return { path: pathToFileURL(found.path).href, external: true };
    });
  },
};

const metaNames = ['url', 'filename', 'dirname'] as const;
const standIn = (name: string) => `__wallaroo_meta_${name}`;

/** Lets the members of `import.meta` be those of the author's file. */
const metaOfEachFile: Plugin = {
  name: 'meta-of-each-file',
  setup({ onLoad }) {
    onLoad({ filter: /\.[cm]?[jt]s$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      const loader = /ts$/.test(path) ? 'ts' : 'js';
      if (!source.includes('import.meta')) return { contents: source, loader };
      const meta = { url: pathToFileURL(path).href, filename: path, dirname: dirname(path) };
      const constants = metaNames.map((name) => `${standIn(name)} = ${JSON.stringify(meta[name])}`);
      return { contents: `const ${constants.join(', ')};${source}`, loader };
    });
  },
};
