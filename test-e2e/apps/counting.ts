import { application, generatorSource, source, tcpSink } from '@wallaroo/worker';

/** Numbers from 1 to the first argument, one on a line; without an argument they never end. */
export default function counting([last = 'Infinity']: readonly string[]) {
  const end = Number(last);
  return application(
    'counting',
    source(
      'numbers',
      generatorSource({ initialValue: () => 1, apply: (number) => (number < end ? number + 1 : undefined) }),
    ).toSink(tcpSink({ encoder: (number) => `${number}\n` })),
  );
}
