import { UsageError, type Values } from '@wallaroo/command-line';
import { parseAddress, type Address } from '@wallaroo/protocol';
import type { options } from './options.js';

/** What the messages are. */
export type Content =
  | { readonly kind: 'integers'; readonly startFrom: number }
  | { readonly kind: 'u64'; readonly startFrom: number; readonly partition: string }
  | FileContent;

export interface FileContent {
  /** Lines of text; records of `recordBytes`, length header included; records with a u32 length in front. */
  readonly kind: 'lines' | 'fixed' | 'framed';
  readonly recordBytes: number;
  readonly files: readonly string[];
  readonly repeat: boolean;
}

export interface Rate {
  readonly batchSize: number;
  readonly intervalNs: number;
  readonly varyBy: number;
}

export interface Plan {
  readonly hosts: readonly Address[];
  readonly messages: number;
  readonly content: Content;
  readonly rate: Rate;
  readonly write: boolean;
}

/** @throws UsageError that tells every fault, one a line */
export function planOf(values: Values<typeof options>): Plan {
  const faults: string[] = [];
  const hosts = hostsOf(values.host, faults);
  if (values.messages === undefined) faults.push("Must supply required '--messages' argument");
  const content = contentOf(values, faults);
  const batchSize = values['batch-size'] ?? 500;
  if (batchSize === 0) faults.push('--batch-size must be at least 1');
  if (faults.length > 0) throw new UsageError(faults.join('\n'));
  return {
    hosts,
    messages: values.messages ?? 0,
    content,
    rate: { batchSize, intervalNs: values.interval ?? 5_000_000, varyBy: values['vary-by'] ?? 0 },
    write: !values['no-write'],
  };
}

function hostsOf(text: string | undefined, faults: string[]): Address[] {
  if (!text) {
    faults.push("Must supply required '--host' argument, separated by ',' if supplying multiple hosts");
    return [];
  }
  try {
    return text.split(',').map((host) => parseAddress(host.trim()));
  } catch {
    faults.push("'--host' arguments should be in format: '127.0.0.1:8080");
    return [];
  }
}

function contentOf(values: Values<typeof options>, faults: string[]): Content {
  const { file, binary, u64, repeat, 'msg-size': size, 'variable-size': framed } = values;
  const sized = size !== undefined || framed;
  if (size !== undefined && framed) faults.push("--msg-size and --variable-size can't be used together");
  if (size === 0) faults.push('--msg-size must be at least 1');
  if (binary && !sized) faults.push('--binary requires either --msg-size or --variable-size');
  if (sized && !binary) faults.push('--msg-size and --variable-size require --binary');
  if (file === undefined) {
    if (binary) faults.push('--binary requires --file');
    const startFrom = values['start-from'] ?? 0;
    return u64
      ? { kind: 'u64', startFrom, partition: values.partition ?? '' }
      : { kind: 'integers', startFrom };
  }
  if (file.length === 0) faults.push('--file needs the name of a file');
  if (u64) faults.push("--file and --u64 can't be used together");
  const kind = !binary ? 'lines' : framed ? 'framed' : 'fixed';
  return { kind, recordBytes: size ?? 0, files: file, repeat };
}
