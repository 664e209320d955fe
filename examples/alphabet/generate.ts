import { readOptions } from '../support/arguments.js';
import { command, writeAll } from '../support/command.js';
import { Random } from '../support/random.js';

const letters = 'abcdefghijklmnopqrstuvwxyz';

/** Framed votes: each letter as likely as another, 0 to 99 votes at a time. */
export function* votes(messages: number, seed: number): Generator<Buffer> {
  const random = new Random(seed);
  for (let i = 0; i < messages; i++) {
    const message = Buffer.alloc(9);
    message.writeUInt32BE(5, 0);
    message.write(random.pick(letters), 4, 'latin1');
    message.writeUInt32BE(random.below(100), 5);
    yield message;
  }
}

await command(import.meta.url, async (args) => {
  const { messages, seed } = readOptions(args, { messages: 10_000, seed: 1 });
  await writeAll(votes(messages, seed));
});
