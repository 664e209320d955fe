import { helpOption, type OptionTable } from '@wallaroo/command-line';

const running = 'Application and cluster:';
const addresses = 'Addresses:';
const resilience = 'For state that outlives crashes:';
const other = 'Other:';

/** The worker's command line. */
export const workerOptions = {
  'application-module': {
    kind: 'text',
    group: running,
    placeholder: 'MODULE',
    describe:
      'The application: a .ts, .js or .mjs file, with or without its extension, or the name of a package',
  },
  'cluster-initializer': {
    kind: 'flag',
    short: 't',
    aliases: ['topology-initializer'],
    group: running,
    describe: "This worker forms the cluster; its name is 'initializer'",
  },
  'worker-count': {
    kind: 'whole',
    short: 'w',
    group: running,
    describe: 'Workers that form the cluster, or that join it together, this one included (default 1)',
  },
  name: {
    kind: 'text',
    short: 'n',
    aliases: ['worker-name'],
    group: running,
    describe: 'Name of this worker, for every worker but the initializer',
  },
  'dry-run': {
    kind: 'flag',
    aliases: ['explain'],
    group: running,
    describe: 'Print the plan of the application as text and as a Mermaid chart, and exit',
  },
  in: {
    kind: 'text',
    short: 'i',
    group: addresses,
    placeholder: 'NAME@HOST:PORT[:MAXSIZE][,...]',
    describe:
      'Where each source listens; without NAME@ for the only source. ' +
      'A connector source: NAME@HOST:PORT[:COOKIE:MAX_CREDITS:REFILL_CREDITS]',
  },
  out: {
    kind: 'addresses',
    short: 'o',
    group: addresses,
    describe: 'Where the sinks connect, in their order',
  },
  metrics: {
    kind: 'address',
    short: 'm',
    group: addresses,
    describe: 'Metrics hub; default: none, or that of the cluster that this worker joins',
  },
  control: {
    kind: 'address',
    short: 'c',
    aliases: ['control-channel'],
    group: addresses,
    describe: 'Control channel of the initializer: where it listens, and where all others go',
  },
  data: {
    kind: 'address',
    short: 'd',
    group: addresses,
    describe: 'Data channel of the initializer (default: a free port on 127.0.0.1)',
  },
  external: { kind: 'address', short: 'e', group: addresses, describe: "Where operators' tools connect" },
  'my-control': {
    kind: 'address',
    short: 'x',
    group: addresses,
    describe:
      'Own control channel of a worker that is not the initializer (default: a free port on 127.0.0.1)',
  },
  'my-data': {
    kind: 'address',
    short: 'y',
    group: addresses,
    describe: 'Own data channel of a worker that is not the initializer (default: a free port on 127.0.0.1)',
  },
  join: {
    kind: 'address',
    short: 'j',
    group: running,
    describe: 'Join a running cluster: the control channel of any of its workers',
  },
  'peer-timeout': {
    kind: 'whole',
    group: other,
    describe: 'Milliseconds without a sign of life after which a worker counts as unreachable (default 3000)',
  },
  'start-timeout': {
    kind: 'whole',
    group: other,
    describe: 'Seconds that a worker waits for its cluster to form; 0: for ever (default 300)',
  },
  'join-timeout': {
    kind: 'whole',
    group: other,
    describe: 'Seconds that joining workers wait for the others of their round, at the cluster (default 60)',
  },
  'drain-timeout': {
    kind: 'whole',
    group: other,
    describe: 'Seconds that a leaving worker waits for the clients of its sources, if asked to (default 30)',
  },
  'resilience-dir': {
    kind: 'text',
    short: 'r',
    group: other,
    placeholder: 'DIRECTORY',
    describe: 'Where the worker keeps its files (default /tmp)',
  },
  'run-with-resilience': { kind: 'flag', group: resilience, describe: 'Keep state across crashes' },
  'log-rotation': {
    kind: 'flag',
    group: resilience,
    describe: 'Start a new event log when the old one is long',
  },
  'event-log-file-size': {
    kind: 'whole',
    short: 'l',
    group: resilience,
    describe: 'Bytes after which the event log is rotated',
  },
  'time-between-checkpoints': {
    kind: 'whole',
    group: resilience,
    describe: 'Nanoseconds from one checkpoint to the next (default 1_000_000_000)',
  },
  'stop-pause': {
    kind: 'whole',
    short: 'u',
    aliases: ['stop-world'],
    group: other,
    describe:
      'Nanoseconds that a stopping worker waits for a sink that takes nothing (default 2_000_000_000)',
  },
  help: { ...helpOption, group: other },
  // For benchmarks: how many slots move at once, instead of as many as hold some thousand keys.
  'slots-per-route': { kind: 'whole', hidden: true, describe: '' },
  // Accepted for the sake of older command lines; they have no effect there either.
  file: { kind: 'text', short: 'f', hidden: true, describe: '' },
  'spike-seed': { kind: 'whole', hidden: true, describe: '' },
  'spike-prob': { kind: 'decimal', hidden: true, describe: '' },
  'spike-margin': { kind: 'whole', hidden: true, describe: '' },
  'spike-drop': { kind: 'flag', hidden: true, describe: '' },
  'resilience-dos-server': { kind: 'addresses', hidden: true, describe: '' },
  'resilience-enable-io-journal': { kind: 'flag', hidden: true, describe: '' },
  'resilience-no-local-file-io': { kind: 'flag', hidden: true, describe: '' },
} as const satisfies OptionTable;

export const workerHelp = {
  usage: 'wallaroo-worker --application-module MODULE [options] [options of the application]',
  options: workerOptions,
  examples: [
    [
      'wallaroo-worker --application-module ./my-app.ts --in votes@127.0.0.1:7010 --out 127.0.0.1:7002 --cluster-initializer',
      'Run my-app.ts on one worker',
    ],
    [
      'wallaroo-worker --application-module ./my-app.ts --in votes@127.0.0.1:7010 --out 127.0.0.1:7002 --cluster-initializer --worker-count 2 --control 127.0.0.1:6000',
      'The first of two workers',
    ],
    [
      'wallaroo-worker --application-module ./my-app.ts --in votes@127.0.0.1:7011 --out 127.0.0.1:7002 --name w2 --control 127.0.0.1:6000',
      'The second one',
    ],
    ['wallaroo-worker --application-module ./my-app.ts --dry-run', 'See how it would run'],
  ],
  epilogue:
    'Options that are not listed here are handed to the application if its module exports a function.\n' +
    'SIGTERM and SIGINT stop the cluster when all that its workers have read is processed and sent.\n' +
    'WALLAROO_THRESHOLDS=CATEGORY.SEVERITY,... chooses what is logged; *.8 is everything.',
} as const;
