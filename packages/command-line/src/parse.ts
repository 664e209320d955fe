import { parseValue, UsageError, type Option, type OptionTable, type Values } from './options.js';

export interface ParsedArguments<Table extends OptionTable> {
  readonly values: Values<Table>;
  /** The long names that stood on the command line as older documents have them. */
  readonly aliasesUsed: readonly string[];
  /** Options that the table does not know and words that belong to no option, in their order. */
  readonly rest: readonly string[];
}

/** `--pony...` options whose value may follow after a blank. */
const ponyOptionsWithValue = new Set(['--ponythreads', '--ponyminthreads', '--ponymaxthreads']);

/**
 * Reads a command line.
 *
 *     --long value   --long=value   -s value   -s=value   -svalue   -tX (flags in a bundle)
 *
 * A value that starts with a dash is given through `=` only. The last of several wins.
 * `--pony...` options are dropped: they belong to a runtime that we do not have.
 * @throws UsageError naming the option that lacks its value or has an unreadable one
 */
export function parseArguments<Table extends OptionTable>(
  table: Table,
  argv: readonly string[],
): ParsedArguments<Table> {
  const byLong = new Map<string, string>();
  const byShort = new Map<string, string>();
  const values: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(table)) {
    if (option.kind === 'flag') values[name] = false;
    if (option.short) byShort.set(option.short, name);
    for (const long of [name, ...(option.aliases ?? [])]) byLong.set(long, name);
  }
  const rest: string[] = [];
  const aliasesUsed: string[] = [];

  let at = 0;
  const following = (name: string): string => {
    const next = argv[at];
    if (next === undefined || /^-./.test(next)) {
      const hint = next === undefined ? '' : ` A value that starts with '-' is written --${name}=${next}`;
      throw new UsageError(`--${name} needs a value.${hint}`);
    }
    at++;
    return next;
  };
  const give = (name: string, attached: string | undefined) => {
    const option: Option = table[name]!;
    const text = attached ?? (option.kind === 'flag' ? '' : following(name));
    values[name] = parseValue(name, option, text);
  };

  while (at < argv.length) {
    const word = argv[at++]!;
    if (word.startsWith('--pony')) {
      if (ponyOptionsWithValue.has(word) && /^\d+$/.test(argv[at] ?? '')) at++;
      continue;
    }
    const long = /^--([^=]+)(?:=(.*))?$/s.exec(word);
    if (long) {
      const name = byLong.get(long[1]!);
      if (name === undefined) {
        rest.push(word);
      } else {
        if (name !== long[1]) aliasesUsed.push(long[1]!);
        give(name, long[2]);
      }
      continue;
    }
    const bundle = expandBundle(word, table, byShort);
    if (bundle === undefined) rest.push(word);
    else for (const [name, attached] of bundle) give(name, attached);
  }
  return { values: values as Values<Table>, aliasesUsed, rest };
}

/** `-tn=w1` as [flag t, name w1]; undefined when the word is no bundle of known options. */
function expandBundle(
  word: string,
  table: OptionTable,
  byShort: ReadonlyMap<string, string>,
): [name: string, attached: string | undefined][] | undefined {
  if (!/^-[^-]/.test(word)) return undefined;
  const found: [string, string | undefined][] = [];
  for (let i = 1; i < word.length; i++) {
    const name = byShort.get(word[i]!);
    if (name === undefined) return undefined;
    if (table[name]!.kind !== 'flag') {
      const attached = word.slice(i + 1);
      found.push([name, attached === '' ? undefined : attached.replace(/^=/, '')]);
      return found;
    }
    if (word[i + 1] === '=') {
      found.push([name, word.slice(i + 2)]);
      return found;
    }
    found.push([name, undefined]);
  }
  return found;
}
