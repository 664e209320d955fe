import type { ExternalMessage } from '@wallaroo/protocol';

/** What a command leaves behind: a line on one of its two outputs, and its exit status. */
export interface Outcome {
  readonly output: 'stdout' | 'stderr';
  readonly line: string;
  readonly exitCode: 0 | 1;
}

/** The cluster answers acceptance and refusal with one and the same message: only its text tells them apart. */
const accepted = /^Shrinking by \d+ workers!$/;

export function outcomeOf(reply: ExternalMessage): Outcome {
  switch (reply.type) {
    case 'shrinkQueryResponse': {
      const { node_names, node_count } = reply.body;
      const names = node_names.map((name) => `${name},`).join('');
      return {
        output: 'stdout',
        line: `Eligible for shrink: Node count: ${node_count}, Nodes: |${names}|`,
        exitCode: 0,
      };
    }
    case 'shrinkErrorResponse':
      return {
        output: 'stdout',
        line: `Cluster shrink response: ${reply.body}`,
        exitCode: accepted.test(reply.body) ? 0 : 1,
      };
    default:
      return failure('Received incorrect external message type');
  }
}

export function failure(line: string): Outcome {
  return { output: 'stderr', line, exitCode: 1 };
}
