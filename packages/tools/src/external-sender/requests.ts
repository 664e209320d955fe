import { nearest, UsageError } from '@wallaroo/command-line';
import type { ExternalMessage } from '@wallaroo/protocol';

/** Sent, and that is all. `text` is the operator's --message. */
interface CommandRow {
  readonly command: (text: string) => ExternalMessage;
}

/** Sent, then answered by a message of type `reply`. */
interface QueryRow {
  readonly query: ExternalMessage;
  readonly reply: ExternalMessage['type'];
  readonly heading: string;
}

export type RequestRow = CommandRow | QueryRow;

const commands: Readonly<Record<string, CommandRow>> = {
  print: { command: (body) => ({ type: 'print', body }) },
  'rotate-log': { command: (body) => ({ type: 'rotateLog', body }) },
  'clean-shutdown': { command: (body) => ({ type: 'cleanShutdown', body }) },
  'boundary-count-status': { command: () => ({ type: 'reportStatus', body: 'boundary-count-status' }) },
};

const queries: Readonly<Record<string, QueryRow>> = {
  'partition-query': {
    query: { type: 'partitionQuery' },
    reply: 'partitionQueryResponse',
    heading: 'Partition Distribution:',
  },
  'partition-count-query': {
    query: { type: 'partitionCountQuery' },
    reply: 'partitionCountQueryResponse',
    heading: 'Partition Distribution (counts):',
  },
  'cluster-status-query': {
    query: { type: 'clusterStatusQuery' },
    reply: 'clusterStatusQueryResponse',
    heading: 'Cluster Status:',
  },
  'source-ids-query': {
    query: { type: 'sourceIdsQuery' },
    reply: 'sourceIdsQueryResponse',
    heading: 'Source Ids:',
  },
  'state-entity-query': {
    query: { type: 'stateEntityQuery' },
    reply: 'stateEntityQueryResponse',
    heading: 'State Entity Distribution:',
  },
  'state-entity-count-query': {
    query: { type: 'stateEntityCountQuery' },
    reply: 'stateEntityCountQueryResponse',
    heading: 'State Entity Count:',
  },
  'cluster-state-entity-count-query': {
    query: { type: 'clusterStateEntityCountQuery' },
    reply: 'clusterStateEntityCountQueryResponse',
    heading: 'Cluster State Entity Count:',
  },
  'stateless-partition-query': {
    query: { type: 'statelessPartitionQuery' },
    reply: 'statelessPartitionQueryResponse',
    heading: 'Stateless Partition Distribution:',
  },
  'stateless-partition-count-query': {
    query: { type: 'statelessPartitionCountQuery' },
    reply: 'statelessPartitionCountQueryResponse',
    heading: 'Stateless Partition Count:',
  },
};

export const commandNames = Object.keys(commands);
export const queryNames = Object.keys(queries);

const rows = new Map<string, RequestRow>([...Object.entries(commands), ...Object.entries(queries)]);

/** @throws UsageError naming the type that was most likely meant */
export function requestOfType(name: string): RequestRow {
  const row = rows.get(name.toLowerCase());
  if (row) return row;
  const meant = nearest(name.toLowerCase(), rows.keys());
  throw new UsageError(
    `Unknown --type '${name}'. ${meant ? `Did you mean '${meant}'?` : '--help lists the types.'}`,
  );
}

/** The answer as the operator sees it; undefined when it is no answer to this query. */
export function answerText(row: QueryRow, reply: ExternalMessage, json: boolean): string | undefined {
  if (row.query.type === 'clusterStatusQuery' && reply.type === 'clusterStatusQueryResponseNotInitialized') {
    return json
      ? '{"processing_messages": false}'
      : `${row.heading}\nCluster not yet initialized\nProcessing messages: false`;
  }
  if (reply.type !== row.reply) return undefined;
  if (json) return JSON.stringify(reply.body);
  switch (reply.type) {
    case 'clusterStatusQueryResponse': {
      const { processing_messages, worker_count, worker_names } = reply.body;
      const names = worker_names.map((name) => `${name},`).join('');
      return `${row.heading}\nProcessing messages: ${processing_messages}, Worker count: ${worker_count}, Workers: |${names}|`;
    }
    case 'sourceIdsQueryResponse':
      return `${row.heading}${reply.body.source_ids.join(',')}`;
    default:
      return `${row.heading}\n${JSON.stringify(reply.body)}`;
  }
}
