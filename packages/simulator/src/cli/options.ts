import { helpOption } from '@wallaroo/command-line';

export const options = {
  seeds: { kind: 'whole', describe: 'Run so many seeds [200]' },
  from: { kind: 'whole', describe: 'The first of them [1]' },
  seed: { kind: 'whole', describe: 'Run this seed alone' },
  soak: { kind: 'flag', describe: 'Run 20,000 seeds, with faults twice as dense' },
  'fault-rate': { kind: 'decimal', describe: 'So many times the faults of each kind [1; with --soak 2]' },
  figures: {
    kind: 'text',
    placeholder: 'FILE',
    describe: 'Write the figures of many seeds there, now and then and at the end',
  },
  sum: {
    kind: 'flag',
    describe: 'Add up the figures in the files that are named, and print the table of all',
  },
  planted: {
    kind: 'text',
    placeholder: 'BUG',
    describe: 'Break the protocol in this way and stop when a checker has caught it; "list" names the ways',
  },
  workers: { kind: 'whole', describe: 'Clusters of N workers; default: as the seed has it' },
  resilience: {
    kind: 'text',
    placeholder: 'on|off',
    describe: 'With checkpoints or without; default: as the seed has it',
  },
  messages: { kind: 'whole', describe: 'N messages for each source; default: as the seed has it' },
  faults: { kind: 'text', placeholder: 'JSON', describe: 'These faults instead of those of the seed' },
  trace: { kind: 'flag', describe: 'With --seed: print all that happens' },
  help: helpOption,
} as const;

export const help = {
  usage: `Usage: simulate [--seeds N | --seed N | --soak]
       simulate --sum FILE...

Runs whole clusters on virtual time, with faults, and checks what they do.
Exits with 0 when nothing was wrong, with 1 when something was.`,
  options,
  examples: [
    ['simulate --seeds 1000', 'a thousand seeds and a table'],
    ['simulate --seed 42 --trace', 'one seed, with all that happens'],
    ["simulate --seed 42 --faults '[]'", 'the same seed without its faults'],
    ['simulate --soak --from 5001 --seeds 5000 --figures 2.json', 'a part of a soak run'],
    ['simulate --sum 1.json 2.json 3.json 4.json', 'the table of all its parts'],
  ] as const,
};
