import { parseAddress, type Address } from '@wallaroo/protocol';

/**
 * One command-line option. Names, type, help text, and so the type of its value, stand in one row.
 * `whole` numbers allow `_` between digits and the prefixes 0x and 0b.
 */
export interface Option {
  readonly kind: 'flag' | 'text' | 'list' | 'whole' | 'decimal' | 'address' | 'addresses';
  /** One letter, without the dash. */
  readonly short?: string;
  /** Other long names that mean the same. */
  readonly aliases?: readonly string[];
  readonly describe: string;
  /** What stands for the value in the help text. */
  readonly placeholder?: string;
  readonly group?: string;
  /** Accepted, not shown by `--help`. */
  readonly hidden?: boolean;
}

export type OptionTable = Readonly<Record<string, Option>>;

interface ValueOf {
  flag: boolean;
  text: string;
  list: readonly string[];
  whole: number;
  decimal: number;
  address: Address;
  addresses: readonly Address[];
}

/** What was given, by long name. A flag that was not given is false, any other option undefined. */
export type Values<Table extends OptionTable> = {
  readonly [Name in keyof Table]: Table[Name]['kind'] extends 'flag'
    ? boolean
    : ValueOf[Table[Name]['kind']] | undefined;
};

export const helpOption = {
  kind: 'flag',
  short: 'h',
  describe: 'Show this help and exit',
} as const satisfies Option;

/** The operator's mistake, told in one sentence that names the option. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** @throws UsageError naming the option when `text` is no value of its kind */
export function parseValue(name: string, option: Option, text: string): ValueOf[Option['kind']] {
  switch (option.kind) {
    case 'flag':
      if (text === '' || text === 'true') return true;
      if (text === 'false') return false;
      throw new UsageError(`--${name} takes no value, but got '${text}'`);
    case 'text':
      return text;
    case 'list':
      return listed(text);
    case 'whole':
      return parseWhole(name, text);
    case 'decimal': {
      const value = Number(text);
      if (text.trim() === '' || !Number.isFinite(value))
        throw new UsageError(`--${name} needs a number, but got '${text}'`);
      return value;
    }
    case 'address':
      return parseAddressOption(name, text);
    case 'addresses':
      return listed(text).map((part) => parseAddressOption(name, part));
  }
}

function listed(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function parseWhole(name: string, text: string): number {
  if (/^(\d+(_\d+)*|0x[0-9a-fA-F]+(_[0-9a-fA-F]+)*|0b[01]+(_[01]+)*)$/.test(text)) {
    const value = Number(text.replaceAll('_', ''));
    if (Number.isSafeInteger(value)) return value;
  }
  throw new UsageError(`--${name} needs a whole number, but got '${text}'`);
}

function parseAddressOption(name: string, text: string): Address {
  try {
    return parseAddress(text);
  } catch (cause) {
    throw new UsageError(`--${name}: ${(cause as Error).message}`, { cause });
  }
}
