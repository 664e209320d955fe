import { parseArgs } from 'node:util';

type OptionsLike<Defaults> = { [Name in keyof Defaults]: Defaults[Name] extends number ? number : string };

/**
 * Reads `--name value` and `--name=value`.
 * @param defaults all options that there are, with their values when they are not given. Where that is a number,
 *   the option takes whole numbers from 1 on
 * @throws Error that names the option, when it is unknown or cannot have that value
 */
export function readOptions<Defaults extends Readonly<Record<string, number | string>>>(
  args: readonly string[],
  defaults: Defaults,
): OptionsLike<Defaults> {
  const table = Object.fromEntries(Object.keys(defaults).map((name) => [name, { type: 'string' as const }]));
  const { values } = parseArgs({ args: [...args], options: table });
  const read = Object.entries(defaults).map(([name, standard]) => {
    const text = values[name];
    if (typeof text !== 'string') return [name, standard];
    return [name, typeof standard === 'number' ? wholeNumber(name, text) : text];
  });
  return Object.fromEntries(read);
}

function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || !Number.isSafeInteger(value)) {
    throw new Error(`--${name} takes a whole number from 1 on, not '${text}'`);
  }
  return value;
}
