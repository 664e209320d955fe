import { parseArgs } from 'node:util';
import {
  application,
  computation,
  framedTcpSource,
  source,
  stateComputation,
  tcpSink,
} from '@wallaroo/worker';

/**
 * Counts by key, and says where: `KEY NUMBER PADDING` comes in, `PROCESS KEY NUMBER COUNT PADDING` goes out. At its
 * end a worker prints how many messages it has read, `READ COUNT`.
 *
 *     --app-name NAME
 *     --more          another version of the application: one stage more
 *     --on-commit     with resilience, output waits for its checkpoint
 *     --no-journal    with resilience, what was read is not kept until its checkpoint
 */
interface Numbered {
  readonly key: string;
  readonly number: number;
  readonly padding: string;
}

class Count {
  value = 0;
}

export default function counts(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      'app-name': { type: 'string', default: 'cluster counts' },
      more: { type: 'boolean', default: false },
      'on-commit': { type: 'boolean', default: false },
      'no-journal': { type: 'boolean', default: false },
    },
  });
  let read = 0;
  process.on('exit', () => console.log(`READ ${read}`));
  const decoder = (bytes: Buffer, start: number, end: number): Numbered => {
    read++;
    const [key = '', number, padding = ''] = bytes.toString('latin1', start, end).split(' ');
    return { key, number: Number(number), padding };
  };
  const sourceJournal = !values['no-journal'];
  const input = source('in', framedTcpSource({ decoder, parallelism: 50, sourceJournal })).to(
    computation('as it is', (message: Numbered) => message),
  );
  return application(
    values['app-name'],
    (values.more ? input.to(computation('once more', (message) => message)) : input)
      .keyBy(({ key }) => key)
      .to(
        stateComputation(
          'count',
          Count,
          ({ key, number, padding }: Numbered, state) =>
            `${process.pid} ${key} ${number} ${++state.value} ${padding}`,
        ),
      )
      .toSink(
        tcpSink({
          encoder: (line) => `${line}\n`,
          deliver: values['on-commit'] ? 'on-commit' : 'at-once',
        }),
      ),
  );
}
