import { UsageError, type Values } from '@wallaroo/command-line';
import type { ShrinkRequest } from '@wallaroo/protocol';
import type { options } from './options.js';

/**
 * What to ask of the cluster. A count of 0 and an empty list of names count as not given.
 * @throws UsageError unless exactly one of the three modes was given
 */
export function shrinkRequest({
  query,
  count = 0,
  workers = [],
  drain,
}: Values<typeof options>): ShrinkRequest {
  const modes = [query, count > 0, workers.length > 0].filter(Boolean).length;
  if (modes !== 1) {
    throw new UsageError('You must specify exactly one of --query, --count, or --workers');
  }
  return { query, node_names: [...workers], node_count: count, ...(drain && { drain }) };
}
