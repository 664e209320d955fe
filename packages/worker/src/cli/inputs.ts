import { parseAddress, type Address } from '@wallaroo/protocol';
import { UsageError } from '@wallaroo/command-line';
import type { ConnectorInput, SourceInput } from '../api/source.js';

const formats =
  'Inputs must be in the `source_name@host:service` or `source_name@host:service:max_size` format!' +
  ' Those of connector sources may be in the' +
  ' `source_name@host:service:cookie:max_credits:refill_credits` format.';

/**
 * Reads `NAME@HOST:PORT[:MAXSIZE][,...]`, and `NAME@HOST:PORT:COOKIE:MAX_CREDITS:REFILL_CREDITS` for connector sources.
 * An entry without `NAME@` has the name ''.
 * @throws UsageError
 */
export function parseInputs(text: string): Map<string, SourceInput> {
  const inputs = new Map<string, SourceInput>();
  for (const entry of text.split(',')) {
    const [, name = '', place] = /^(?:([^@]*)@)?(.+)$/s.exec(entry.trim()) ?? [];
    const input = place === undefined ? undefined : parsePlace(entry, place);
    if (input === undefined) throw new UsageError(`--in: '${entry}': ${formats}`);
    if (inputs.has(name))
      throw new UsageError(`--in names ${name === '' ? 'the only source' : `source '${name}'`} twice`);
    inputs.set(name, input);
  }
  return inputs;
}

function parsePlace(entry: string, place: string): SourceInput | undefined {
  const [, written, rest] = /^(\[[^\]]*\]:\d+|[^:]*:\d+)((?::[^:]*)*)$/s.exec(place) ?? [];
  if (written === undefined || rest === undefined) return undefined;
  let address: Address;
  try {
    address = parseAddress(written);
  } catch {
    return undefined;
  }
  const [, ...parts] = rest.split(':');
  switch (parts.length) {
    case 0:
      return { address };
    case 1:
      return /^\d+$/.test(parts[0]!) ? { address, maxSize: Number(parts[0]) } : undefined;
    case 3:
      return { address, connector: parseConnector(entry, parts as [string, string, string]) };
    default:
      return undefined;
  }
}

const creditsMax = 2 ** 32 - 1;

function parseConnector(entry: string, [cookie, max, refill]: [string, string, string]): ConnectorInput {
  const refuse = (what: string) => new UsageError(`--in: '${entry}': ${what}`);
  if (cookie === '') throw refuse('the cookie is empty');
  const maxCredits = wholeNumber(max);
  if (maxCredits === undefined || maxCredits < 1 || maxCredits > creditsMax) {
    throw refuse(`MAX_CREDITS must be a whole number from 1 to ${creditsMax}, not '${max}'`);
  }
  const refillCredits = wholeNumber(refill);
  if (refillCredits === undefined || refillCredits >= maxCredits) {
    throw refuse(
      `REFILL_CREDITS must be a whole number from 0 to ${maxCredits - 1}, less than MAX_CREDITS, not '${refill}'`,
    );
  }
  return { cookie, maxCredits, refillCredits };
}

function wholeNumber(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
