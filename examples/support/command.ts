import { realpathSync } from 'node:fs';
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

const blockBytes = 64 * 1024;

/**
 * Runs `main` in the module that was given to `node`, and not where that module is imported.
 * An error is told in one line and makes the exit code 1.
 * @param moduleUrl `import.meta.url` of the caller
 */
export async function command(
  moduleUrl: string,
  main: (args: readonly string[]) => Promise<void>,
): Promise<void> {
  const [, script, ...args] = process.argv;
  if (script === undefined || realpathSync(script) !== fileURLToPath(moduleUrl)) return;
  // Whoever reads our output may have had enough, as `head` does.
  process.stdout.on('error', () => process.exit(1));
  try {
    await main(args);
  } catch (error) {
    console.error(`Error: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}

/** Writes pieces as they are made, in blocks, and waits while the stream is full. */
export async function writeAll(pieces: Iterable<Buffer>, stream: Writable = process.stdout): Promise<void> {
  let block: Buffer[] = [];
  let bytes = 0;
  for (const piece of pieces) {
    block.push(piece);
    bytes += piece.length;
    if (bytes < blockBytes) continue;
    if (!stream.write(Buffer.concat(block))) await once(stream, 'drain');
    block = [];
    bytes = 0;
  }
  stream.write(Buffer.concat(block));
}
