import {
  application,
  computationMulti,
  framedTcpSource,
  source,
  tcpSink,
  type Decoder,
} from '@wallaroo/worker';

/** Frames in, the same frames out, as many times as the argument says. Costs little, so that sockets are the limit. */
interface Message {
  readonly payload: Buffer;
}

const decoder: Decoder<Message> = (bytes, start, end) => ({
  payload: Buffer.from(bytes.subarray(start, end)),
});

export default function identity([times = '1']: readonly string[]) {
  const input = source('in', framedTcpSource({ decoder }));
  const multiplied = computationMulti('multiply', function* (message: Message) {
    for (let i = 0; i < Number(times); i++) yield message;
  });
  return application(
    'identity',
    (times === '1' ? input : input.to(multiplied)).toSink(
      tcpSink({
        encoder: { encodeInto: ({ payload }, out) => void out.u32(payload.length).bytes(payload) },
      }),
    ),
  );
}
