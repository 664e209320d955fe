import { helpOption } from '@wallaroo/command-line';

export const options = {
  minutes: { kind: 'whole', describe: 'Go on for so long [10]' },
  steps: { kind: 'whole', describe: 'End after so many steps, if the time is not up before' },
  seed: { kind: 'whole', describe: 'What is done, and in which order, is drawn from this [by chance]' },
  workers: { kind: 'whole', describe: 'Workers that form the cluster; others come and go [3]' },
  help: helpOption,
} as const;

export const help = {
  usage: `Usage: npm run soak -- [--minutes M] [--steps N] [--seed N]

Runs a cluster of real processes under load, with resilience, and does to it what crashes, networks and operators
do: kills (one worker, several, all, also while they recover, join or leave), stops processes for a while, breaks
and stalls connections, rotates logs, lets workers join and leave. Messages come by TCP, from the workers themselves,
and from clients of the connector protocol, whose outputs go to a sink that commits in two phases. Every message has a number by key: lost, repeated
and mixed up ones show. A line for each step, a table at the end.

Exits with 0 when nothing was wrong, with 1 when something was. The same seed does the same things in the same order;
what they meet differs, as time does.`,
  options,
  examples: [
    ['npm run soak -- --minutes 60', 'an hour'],
    ['npm run soak -- --seed 7 --steps 20', 'the first twenty steps of seed 7'],
  ] as const,
};
