import { helpOption } from '@wallaroo/command-line';
import { commandNames, queryNames } from './requests.js';

export const options = {
  external: {
    kind: 'text',
    short: 'e',
    placeholder: 'HOST:PORT',
    describe: "A worker's external channel",
  },
  type: { kind: 'text', short: 't', placeholder: 'TYPE', describe: 'What to send [print]' },
  message: {
    kind: 'text',
    short: 'm',
    describe: 'The text that goes with print, rotate-log, clean-shutdown',
  },
  json: { kind: 'flag', short: 'j', describe: "Print the answer's JSON and nothing else" },
  help: helpOption,
} as const;

export const help = {
  usage: `Usage: external_sender --external HOST:PORT [--type TYPE] [--message TEXT] [--json]

Sends one message to the external channel of a worker and, if it is a query, prints the answer.

Types that are answered:
  ${queryNames.join('\n  ')}
Types without an answer:
  ${commandNames.join('\n  ')}`,
  options,
  examples: [
    ['external_sender -e 127.0.0.1:5050 -t cluster-status-query --json', 'is the cluster processing?'],
    ['external_sender -e 127.0.0.1:5050 -t rotate-log -m worker1', "rotate worker1's event log"],
    ['external_sender -e 127.0.0.1:5050 -t clean-shutdown', 'stop the cluster'],
  ] as const,
};
