import type { Address } from '@wallaroo/protocol';
import type { SourceInput } from '../api/source.js';
import type { Plan } from '../core/topology/plan.js';
import { ConfigurationError } from './errors.js';

/** @throws ConfigurationError when an input belongs to no source, or to one of another kind */
export function checkInputs(plan: Plan, inputs: ReadonlyMap<string, SourceInput>): void {
  const sources = plan.stages.flatMap(({ work }) => (work.kind === 'source' ? [work] : []));
  const names = sources.map(({ name }) => name);
  for (const [name, { maxSize, connector }] of inputs) {
    if (name === '' && names.length !== 1) {
      throw new ConfigurationError(
        `--in has an address without a name, but the application has ${names.length} sources`,
        `Write NAME@HOST:PORT with one of: ${names.join(', ')}.`,
      );
    }
    if (name !== '' && !names.includes(name)) {
      throw new ConfigurationError(
        `--in names a source '${name}' that the application does not have`,
        `Its sources: ${names.join(', ')}.`,
      );
    }
    const source = name === '' ? sources[0]! : sources.find((candidate) => candidate.name === name)!;
    const { kind, takesConnectorInput = false } = source.config;
    if (connector !== undefined && !takesConnectorInput) {
      throw new ConfigurationError(
        `--in gives a cookie and credits to source '${source.name}', whose kind is ${kind}`,
        `Write ${source.name}@HOST:PORT or ${source.name}@HOST:PORT:MAXSIZE.`,
      );
    }
    if (maxSize !== undefined && takesConnectorInput) {
      throw new ConfigurationError(
        `--in gives a longest payload to source '${source.name}', whose kind is ${kind}`,
        `Write ${source.name}@HOST:PORT or ${source.name}@HOST:PORT:COOKIE:MAX_CREDITS:REFILL_CREDITS.`,
      );
    }
  }
}

/**
 * Sinks take the addresses in the order of the plan; a single address serves all of them.
 * @throws ConfigurationError when there are too few
 */
export function addressesOfSinks(plan: Plan, outputs: readonly Address[]): Map<string, Address> {
  const names = plan.stages.flatMap(({ work }) =>
    work.kind === 'sink' && work.config.needsAddress ? [work.name] : [],
  );
  if (names.length > 0 && outputs.length === 0) {
    throw new ConfigurationError(
      `Sink '${names[0]}' has no address`,
      'Give --out HOST:PORT, or an address in the configuration of the sink.',
    );
  }
  if (outputs.length > 1 && outputs.length < names.length) {
    throw new ConfigurationError(
      `--out has ${outputs.length} addresses for ${names.length} sinks (${names.join(', ')})`,
      'Give one for each sink, in this order, or a single one for all.',
    );
  }
  return new Map(names.map((name, i) => [name, outputs.length === 1 ? outputs[0]! : outputs[i]!]));
}
