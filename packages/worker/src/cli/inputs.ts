import { parseAddress, type Address } from '@wallaroo/protocol';
import { UsageError } from '@wallaroo/command-line';
import type { SourceInput } from '../api/source.js';

/**
 * Reads `NAME@HOST:PORT[:MAXSIZE][,...]`. An entry without `NAME@` has the name ''.
 * @throws UsageError
 */
export function parseInputs(text: string): Map<string, SourceInput> {
  const inputs = new Map<string, SourceInput>();
  for (const entry of text.split(',')) {
    const [, name = '', place] = /^(?:([^@]*)@)?(.+)$/s.exec(entry.trim()) ?? [];
    const input = place === undefined ? undefined : parsePlace(place);
    if (input === undefined) {
      throw new UsageError(
        `--in: '${entry}': Inputs must be in the \`source_name@host:service\` or \`source_name@host:service:max_size\` format!`,
      );
    }
    if (inputs.has(name))
      throw new UsageError(`--in names ${name === '' ? 'the only source' : `source '${name}'`} twice`);
    inputs.set(name, input);
  }
  return inputs;
}

function parsePlace(place: string): SourceInput | undefined {
  const [, address, maxSize] = /^(\[[^\]]*\]:\d+|[^:]*:\d+)(?::(\d+))?$/.exec(place) ?? [];
  if (address === undefined) return undefined;
  let parsed: Address;
  try {
    parsed = parseAddress(address);
  } catch {
    return undefined;
  }
  return maxSize === undefined ? { address: parsed } : { address: parsed, maxSize: Number(maxSize) };
}
