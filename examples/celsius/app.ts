import {
  application,
  computation,
  f32,
  framed,
  framedTcpSource,
  record,
  source,
  tcpSink,
} from '@wallaroo/worker';

const reading = record({ celsius: f32 });
const result = record({ fahrenheit: f32 });

// Each step rounds to the 32 bits that the messages have; the factor is not rounded.
export default application(
  'celsius',
  source('celsius', framedTcpSource({ decoder: reading.decode }))
    .to(computation('multiply by 1.8', ({ celsius }) => Math.fround(celsius * 1.8)))
    .to(computation('add 32', (product) => ({ fahrenheit: Math.fround(product + 32) })))
    .toSink(tcpSink({ encoder: framed(result.encode) })),
);
