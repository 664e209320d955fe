import type { Option, OptionTable } from './options.js';

export interface CommandHelp {
  /** The first line: how the command is written. */
  readonly usage: string;
  readonly options: OptionTable;
  /** Command line and what it does. */
  readonly examples?: readonly (readonly [command: string, what: string])[];
  readonly epilogue?: string;
}

const placeholders: Record<Option['kind'], string> = {
  flag: '',
  text: 'TEXT',
  list: 'A[,B...]',
  whole: 'N',
  decimal: 'NUMBER',
  address: 'HOST:PORT',
  addresses: 'HOST:PORT[,...]',
};

/** The text of `--help`. */
export async function helpText({ usage, options, examples = [], epilogue }: CommandHelp): Promise<string> {
  // Loaded when it is needed: it would double the time in which a command starts.
  const { default: yargs } = await import('yargs');
  const parser = yargs([]).scriptName('').help(false).version(false).usage(usage).wrap(110);
  for (const [name, option] of Object.entries(options)) {
    if (option.hidden) continue;
    const value = option.placeholder ?? placeholders[option.kind];
    parser.option(name, {
      ...(option.short && { alias: option.short }),
      ...(option.group && { group: option.group }),
      describe: value === '' ? option.describe : `${value}  ${option.describe}`,
    });
  }
  for (const [command, what] of examples) parser.example(command, what);
  if (epilogue) parser.epilogue(epilogue);
  return parser.getHelp();
}
