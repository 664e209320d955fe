import { readOptions } from '../support/arguments.js';
import { command, writeAll } from '../support/command.js';
import { Random } from '../support/random.js';

/** From the Bill of Rights. */
const vocabulary = (
  'congress shall make no law respecting an establishment of religion or prohibiting the free exercise thereof ' +
  'abridging freedom speech press right people peaceably to assemble and petition government for a redress ' +
  'grievances well-regulated militia being necessary security state keep bear arms not be infringed soldier ' +
  "in time peace quartered any house without consent owner nor war but manner prescribed by one's persons"
).split(' ');

const marks = [',', ';', ':', '.', '?', '!'];

/** Lines of 4 to 16 words, with the capital letters and the punctuation of prose. */
export function* lines(messages: number, seed: number): Generator<Buffer> {
  const random = new Random(seed);
  for (let i = 0; i < messages; i++) {
    const words = Array.from({ length: 4 + random.below(13) }, () =>
      dressed(random.pick(vocabulary), random),
    );
    yield Buffer.from(`${capitalized(words.join(' '))}.\n`);
  }
}

function dressed(word: string, random: Random): string {
  switch (random.below(12)) {
    case 0:
      return capitalized(word);
    case 1:
      return `"${word}"`;
    case 2:
      return `(${word})`;
    case 3:
      return `${word} -`;
    case 4:
    case 5:
      return `${word}${random.pick(marks)}`;
    default:
      return word;
  }
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

await command(import.meta.url, async (args) => {
  const { messages, seed } = readOptions(args, { messages: 1000, seed: 1 });
  await writeAll(lines(messages, seed));
});
