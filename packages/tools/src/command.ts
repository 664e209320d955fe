import {
  helpText,
  parseArguments,
  refuseLeftovers,
  UsageError,
  type CommandHelp,
  type OptionTable,
  type Values,
} from '@wallaroo/command-line';

/** A command that takes options only, `--help` among them. */
export interface Command<Table extends OptionTable & { help: { kind: 'flag' } }> {
  readonly help: CommandHelp & { readonly options: Table };
  /** Gives the exit status. @throws UsageError */
  readonly run: (values: Values<Table>) => Promise<number>;
  /** Where the operator's mistakes are told: standard error, unless the command has always done otherwise. */
  readonly complain?: (message: string) => void;
}

/** Runs the command on this process's arguments and leaves its exit status in `process.exitCode`. */
export async function runCommand<Table extends OptionTable & { help: { kind: 'flag' } }>({
  help,
  run,
  complain = console.error,
}: Command<Table>): Promise<void> {
  try {
    const { values, rest } = parseArguments(help.options, process.argv.slice(2));
    if (values.help) {
      console.log(await helpText(help));
      return;
    }
    refuseLeftovers(help.options, rest);
    process.exitCode = await run(values);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    complain(error.message);
    process.exitCode = 1;
  }
}
