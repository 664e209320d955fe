import { existsSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { refuseLeftovers } from '@wallaroo/command-line';
import { isNamed } from '../api/errors.js';
import { isApplication, type Application } from '../api/application.js';
import { ApplicationModuleError } from './application-module-error.js';
import { workerOptions } from './options.js';
import { importTypeScript } from './typescript.js';

const extensions = ['.ts', '.mts', '.js', '.mjs', '.cts', '.cjs'];

/**
 * Loads the module and makes the application from what it exports: an application, or a function from the
 * arguments that the worker did not use to an application.
 * @throws ApplicationModuleError; UsageError when arguments are left that nobody takes
 */
export async function loadApplication(module: string, args: readonly string[]): Promise<Application> {
  const exported = await importModule(module);
  const value = exported['default'] ?? Object.values(exported).find(isApplication);
  if (typeof value !== 'function') {
    // A plain application takes no arguments, so what the worker does not know is a mistake.
    refuseLeftovers(workerOptions, args);
    return checkApplication(module, value);
  }
  try {
    return checkApplication(module, await (value as (args: readonly string[]) => unknown)(args));
  } catch (cause) {
    if (cause instanceof ApplicationModuleError || isOperatorsMistake(cause)) throw cause;
    throw new ApplicationModuleError(
      `Something went wrong while building the application: ${(cause as Error).message}`,
      {
        cause,
      },
    );
  }
}

async function importModule(module: string): Promise<Record<string, unknown>> {
  const file = locate(module);
  try {
    if (/\.[cm]?ts$/.test(file)) return await importTypeScript(file);
    return (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  } catch (cause) {
    if (cause instanceof ApplicationModuleError) throw cause;
    throw new ApplicationModuleError(`Could not load module '${module}': ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** @returns the path of a file. @throws ApplicationModuleError */
function locate(module: string): string {
  const path = resolve(module);
  const candidates = [path, ...extensions.map((extension) => path + extension)];
  if (isDirectory(path)) candidates.push(...extensions.map((extension) => join(path, `index${extension}`)));
  const file = candidates.find((candidate) => existsSync(candidate) && !isDirectory(candidate));
  if (file !== undefined) return file;
  if (!/^[./]/.test(module)) {
    try {
      return createRequire(join(process.cwd(), 'x.js')).resolve(module);
    } catch {
      // Not a package either: told below.
    }
  }
  throw new ApplicationModuleError(
    `Could not load module '${module}': there is no file ${path} (nor with ${extensions.join(', ')}) and no package of that name`,
  );
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function checkApplication(module: string, value: unknown): Application {
  if (isApplication(value)) return value;
  throw new ApplicationModuleError(
    `Module '${module}' does not export an application: export default application(...), or a function that returns one`,
  );
}

/** An application's function may refuse its arguments: the text is all that the operator needs. */
function isOperatorsMistake(thrown: unknown): boolean {
  return isNamed(thrown, 'UsageError') || isNamed(thrown, 'ApplicationError');
}
