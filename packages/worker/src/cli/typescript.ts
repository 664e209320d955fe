import { readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Loader, Plugin } from 'esbuild';

/** Stands in the compiled text for the URL of the file that a line came from. */
const urlOfFile = '__wallaroo_url_of_file';

/**
 * Imports a TypeScript file, whatever Node's version can do itself and whatever its package.json says of types
 * of modules: the file and its own relative imports become one ES module; packages stay what they are.
 *
 * The module is written beside the file for the moment of the import, so that packages are found from there.
 */
export async function importTypeScript(file: string): Promise<Record<string, unknown>> {
  const compiled = await compile(file);
  const beside = join(dirname(file), `.${basename(file)}.${process.pid}.mjs`);
  try {
    await writeFile(beside, compiled);
    // Errors then name the author's lines.
    process.setSourceMapsEnabled(true);
    return (await import(pathToFileURL(beside).href)) as Record<string, unknown>;
  } finally {
    await rm(beside, { force: true });
  }
}

async function compile(file: string): Promise<string> {
  // Only who runs TypeScript pays for it.
  const { build, stop } = await import('esbuild');
  try {
    const { outputFiles } = await build({
      entryPoints: [file],
      bundle: true,
      packages: 'external',
      platform: 'node',
      format: 'esm',
      target: `node${process.versions.node}`,
      sourcemap: 'inline',
      sourcesContent: false,
      define: { 'import.meta.url': urlOfFile },
      plugins: [fileUrls],
      write: false,
      logLevel: 'silent',
    });
    return outputFiles[0]!.text;
  } finally {
    await stop();
  }
}

/** Lets `import.meta.url` be that of the author's file. */
const fileUrls: Plugin = {
  name: 'file-urls',
  setup({ onLoad }) {
    onLoad({ filter: /\.[cm]?[jt]s$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      const loader = /ts$/.test(path) ? 'ts' : ('js' satisfies Loader);
      if (!source.includes('import.meta')) return { contents: source, loader };
      return {
        contents: `const ${urlOfFile} = ${JSON.stringify(pathToFileURL(path).href)};${source}`,
        loader,
      };
    });
  },
};
