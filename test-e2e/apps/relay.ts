import { parseArgs } from 'node:util';
import {
  application,
  bytes,
  computationMulti,
  framed,
  framedTcpSource,
  lineTcpSource,
  source,
  stdoutSink,
  tcpSink,
  webSocketSink,
  webSocketSource,
} from '@wallaroo/worker';

/**
 * What comes in goes out, framed. Arguments choose the ends:
 *
 *     --source framed|little|function|lines|websocket   --header N   --parallelism N   --max BYTES
 *     --sinks N   --sink tcp|stdout|websocket|binary-websocket
 *     --times N    each message goes out N times
 *     --skip       onError: skip
 *
 * The decoder refuses payloads that begin with `bad`, drops those that begin with `drop`, and makes
 * `<empty>` of those without bytes.
 */
export default function relay(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      source: { type: 'string', default: 'framed' },
      header: { type: 'string', default: '4' },
      parallelism: { type: 'string' },
      max: { type: 'string' },
      sink: { type: 'string', default: 'tcp' },
      sinks: { type: 'string', default: '1' },
      times: { type: 'string', default: '1' },
      skip: { type: 'boolean', default: false },
    },
  });
  const common = {
    decoder,
    ...(values.parallelism && { parallelism: Number(values.parallelism) }),
    ...(values.max && { maxSize: Number(values.max) }),
  };
  const headerLength = Number(values.header);
  const sources = {
    framed: () => framedTcpSource({ ...common, headerLength }),
    little: () => framedTcpSource({ ...common, headerLength, lengthFormat: 'little-endian' }),
    // The length counts itself, as in some older protocols.
    function: () =>
      framedTcpSource({ ...common, headerLength: 2, lengthFormat: (b, at) => b.readUInt16BE(at) - 2 }),
    lines: () => lineTcpSource(common),
    websocket: () => webSocketSource(common),
  };
  const sinks = {
    tcp: () => tcpSink({ encoder: framed(bytes.encode) }),
    stdout: () => stdoutSink({ encoder: (payload: Buffer) => `${payload.toString()}\n` }),
    websocket: () => webSocketSink({ encoder: bytes.encode }),
    'binary-websocket': () => webSocketSink({ encoder: bytes.encode, frames: 'binary' }),
  };
  const times = Number(values.times);
  const input = source('in', sources[values.source as keyof typeof sources]());
  const output =
    times === 1
      ? input
      : input.to(
          computationMulti('multiply', (payload: Buffer) => Array.from({ length: times }, () => payload)),
        );
  return application(
    { name: 'relay', onError: values.skip ? 'skip' : 'stop' },
    output.toSinks(Array.from({ length: Number(values.sinks) }, sinks[values.sink as keyof typeof sinks])),
  );
}

function decoder(buffer: Buffer, start: number, end: number): Buffer | undefined {
  if (start === end) return Buffer.from('<empty>');
  const payload = Buffer.from(buffer.subarray(start, end));
  if (payload.toString('latin1', 0, 3) === 'bad') throw new Error('the payload is bad');
  return payload.toString('latin1', 0, 4) === 'drop' ? undefined : payload;
}
