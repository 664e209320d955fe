import { parseArgs } from 'node:util';
import {
  application,
  computationMulti,
  framedTcpSource,
  source,
  stateComputation,
  tcpSink,
} from '@wallaroo/worker';

/**
 * For volume. `in`: frames of a numbered stream go out as they came, each stream by way of one worker. `all`: small
 * messages `NUMBER` go from anywhere to anywhere, three times, and become `--times` messages on their way; out comes
 * a line `NUMBER COPY` for each.
 */
interface Frame {
  readonly payload: Buffer;
}

interface Copy {
  readonly number: number;
  readonly copy: number;
  readonly padding: string;
}

const decodeFrame = (bytes: Buffer, start: number, end: number): Frame => ({
  payload: Buffer.from(bytes.subarray(start, end)),
});
const decodeNumber = (bytes: Buffer, start: number, end: number): Copy => ({
  number: Number(bytes.toString('latin1', start, end)),
  copy: 0,
  padding: 'x'.repeat(500),
});
const pass = (name: string) =>
  stateComputation(
    name,
    () => ({}),
    (message: Copy) => message,
  );

export default function flow(args: readonly string[]) {
  const { values } = parseArgs({ args: [...args], options: { times: { type: 'string', default: '1' } } });
  const times = Number(values.times);
  return application(
    'cluster flow',
    source('in', framedTcpSource({ decoder: decodeFrame }))
      .keyBy(({ payload }) => `stream ${payload[0]}`)
      .to(
        stateComputation(
          'stream',
          () => ({}),
          (message) => message,
        ),
      )
      .toSink(
        tcpSink({
          name: 'frames',
          encoder: { encodeInto: ({ payload }, out) => void out.u32(payload.length).bytes(payload) },
        }),
      ),
    source('all', framedTcpSource({ decoder: decodeNumber }))
      .keyBy(({ number }) => `${number % 101}`)
      .to(pass('first'))
      .to(
        computationMulti('multiply', function* ({ number, padding }: Copy) {
          for (let copy = 0; copy < times; copy++) yield { number, copy, padding };
        }),
      )
      .keyBy(({ number, copy }) => `${(number + copy * 7) % 103}`)
      .to(pass('second'))
      .keyBy(({ number, copy }) => `${(number + copy * 11) % 107}`)
      .to(pass('third'))
      .toSink(
        tcpSink({ name: 'lines', encoder: ({ number, copy, padding }) => `${number} ${copy} ${padding}\n` }),
      ),
  );
}
