import { helpOption } from '@wallaroo/command-line';

export const options = {
  host: {
    kind: 'text',
    short: 'h',
    placeholder: 'HOST:PORT[,...]',
    describe: 'Where to send; messages go to several in turn',
  },
  messages: { kind: 'whole', short: 'm', describe: 'Stop after N messages, or earlier when the files end' },
  file: {
    kind: 'list',
    short: 'f',
    placeholder: 'F[,...]',
    describe: 'Send what is in these files, one after the other; without it integers are sent',
  },
  repeat: { kind: 'flag', short: 'r', describe: 'Start again with the first file when the last one ends' },
  'batch-size': { kind: 'whole', short: 's', describe: 'Messages per tick [500]' },
  interval: {
    kind: 'whole',
    short: 'i',
    placeholder: 'NS',
    describe: 'Length of a tick in nanoseconds [5000000]',
  },
  'vary-by': {
    kind: 'whole',
    short: 'j',
    describe: 'Every 1001 ticks, add a random number from 0 to N-1 to the batch size [0]',
  },
  binary: { kind: 'flag', short: 'y', describe: 'The files hold records, not lines' },
  'msg-size': { kind: 'whole', short: 'g', describe: 'Records of N bytes, sent as they are' },
  'variable-size': { kind: 'flag', short: 'z', describe: 'Records with a u32 length in front, sent with it' },
  u64: { kind: 'flag', short: 'u', describe: 'Send the integers as 8 bytes, not as text' },
  'start-from': { kind: 'whole', short: 'v', describe: 'The first integer is N+1 [0]' },
  partition: { kind: 'text', short: 'p', describe: 'Follows each --u64 integer' },
  'no-write': { kind: 'flag', short: 'w', describe: 'Do not record what was sent in sent.txt' },
  // -h is the host here, as it has always been.
  help: { kind: 'flag', describe: helpOption.describe },
} as const;

export const help = {
  usage: `Usage: sender --host HOST:PORT[,...] --messages N [--file F[,...]]

Sends lines, records or integers over TCP, each with its length in four bytes in front.
Exits with 0 when everything was sent, with 1 when it was not, with 128 + its number after a signal.`,
  options,
  examples: [
    ['sender --host 127.0.0.1:7010 --messages 100', 'the texts 1 to 100'],
    ['sender --host 127.0.0.1:7010 --file words.txt --messages 10000 --repeat', 'lines, over and over'],
    ['sender -h 127.0.0.1:7010 -f votes.msg -m 10000 --binary --msg-size 9', 'records of 9 bytes'],
    ['sender -h 127.0.0.1:7010,127.0.0.1:7011 -m 1_000_000 -s 1000 -i 1_000_000', 'fast, to two workers'],
  ] as const,
};
