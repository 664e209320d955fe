import { readOptions } from '../support/arguments.js';
import { command, writeAll } from '../support/command.js';
import { Random } from '../support/random.js';

/** Framed temperatures from absolute zero to 10 000 degrees Celsius. */
export function* temperatures(messages: number, seed: number): Generator<Buffer> {
  const random = new Random(seed);
  for (let i = 0; i < messages; i++) {
    const message = Buffer.alloc(8);
    message.writeUInt32BE(4, 0);
    message.writeFloatBE(-273.15 + random.fraction() * 10_273.15, 4);
    yield message;
  }
}

await command(import.meta.url, async (args) => {
  const { messages, seed } = readOptions(args, { messages: 10_000, seed: 1 });
  await writeAll(temperatures(messages, seed));
});
