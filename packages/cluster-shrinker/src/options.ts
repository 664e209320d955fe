import { helpOption } from '@wallaroo/command-line';

export const options = {
  external: {
    kind: 'text',
    short: 'e',
    placeholder: 'HOST:PORT',
    describe: "A worker's external channel",
  },
  query: { kind: 'flag', short: 'q', describe: 'Ask which workers can leave; nothing changes' },
  count: { kind: 'whole', short: 'c', describe: 'Remove N workers, chosen by the cluster' },
  workers: { kind: 'list', short: 'w', describe: 'Remove the workers with these names' },
  drain: {
    kind: 'flag',
    short: 'd',
    describe:
      'Let workers go that have clients: when these have sent what they still have, within a time limit',
  },
  help: helpOption,
} as const;

export const help = {
  usage: `Usage: cluster_shrinker --external HOST:PORT (--query | --count N | --workers A[,B...]) [--drain]

Removes workers from a running cluster. Their state moves to the workers that stay.
A worker with clients on its sources stays, unless --drain is given: then it lets nobody else in, reads to the
end what its clients still send, and goes.
Exits with 0 when the cluster accepted, with 1 when it refused.`,
  options,
  examples: [
    ['cluster_shrinker --external 127.0.0.1:5050 --query', 'list the workers that can leave'],
    ['cluster_shrinker --external 127.0.0.1:5050 --count 1', 'remove any one worker'],
    ['cluster_shrinker --external 127.0.0.1:5050 --workers worker2,worker3', 'remove these two'],
  ] as const,
};
