import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { UsageError } from '@wallaroo/command-line';
import { InputBytes } from './input-bytes.js';

/**
 * Reads are synchronous: files come out of the page cache, and the next batch waits for them either way.
 * @throws UsageError when the file cannot be read
 */
export function openFile(file: string): InputBytes {
  const descriptor = openOrRefuse(file);
  let open = true;
  return new InputBytes((into, offset) => {
    if (!open) return 0;
    const count = readSync(descriptor, into, offset, into.length - offset, null);
    if (count === 0) {
      open = false;
      closeSync(descriptor);
    }
    return count;
  });
}

/** @throws UsageError for the first of the files that cannot be read */
export function checkFiles(files: readonly string[]): void {
  for (const file of files) closeSync(openOrRefuse(file));
}

function openOrRefuse(file: string): number {
  try {
    const descriptor = openSync(file, 'r');
    // A directory can be opened, too, and fails only when read.
    if (!fstatSync(descriptor).isDirectory()) return descriptor;
    closeSync(descriptor);
  } catch (cause) {
    throw new UsageError(`Error opening file '${file}'.`, { cause });
  }
  throw new UsageError(`Error opening file '${file}'.`);
}
