import { helpOption, UsageError, type Values } from '@wallaroo/command-line';
import { parseAddress, type Address } from '@wallaroo/protocol';

export const options = {
  listen: {
    kind: 'text',
    short: 'l',
    placeholder: 'HOST:PORT',
    describe: 'Where to listen; port 0 picks a free one',
  },
  framed: { kind: 'flag', short: 'f', describe: 'Print the body of each u32-framed message on its own line' },
  'no-write': { kind: 'flag', short: 'n', describe: 'Receive, but print none of it' },
  'buffer-size': {
    kind: 'whole',
    short: 'b',
    describe: 'Bytes kept for a connection before it is held back [16384]',
  },
  help: helpOption,
} as const;

export const help = {
  usage: `Usage: data_receiver --listen HOST:PORT [--framed] [--no-write] [--buffer-size N]

Prints on standard output what any number of connections send, until SIGINT or SIGTERM.
What had arrived by then is still printed.`,
  options,
  examples: [
    ['data_receiver --listen 127.0.0.1:7002', 'print what the sinks of a cluster write'],
    ['data_receiver --listen 127.0.0.1:7002 --framed', 'the same for sinks that frame their messages'],
    ['data_receiver --listen 127.0.0.1:7002 --no-write', 'a sink that costs next to nothing'],
  ] as const,
};

export interface ReceiverSettings {
  readonly listen: Address;
  readonly framed: boolean;
  readonly write: boolean;
  readonly bufferBytes: number;
}

/** @throws UsageError */
export function receiverSettings(values: Values<typeof options>): ReceiverSettings {
  const bufferBytes = values['buffer-size'] ?? 16384;
  if (bufferBytes === 0) throw new UsageError('--buffer-size must be at least 1');
  return {
    listen: listenAddress(values.listen),
    framed: values.framed,
    write: !values['no-write'],
    bufferBytes,
  };
}

function listenAddress(text: string | undefined): Address {
  if (text === undefined) throw new UsageError("Must supply required '--listen' argument");
  try {
    return parseAddress(text);
  } catch (cause) {
    throw new UsageError("'--listen' argument should be in format: '127.0.0.1:7669", { cause });
  }
}
