import { application, connectorSink, connectorSource, source, stateComputation } from '@wallaroo/worker';

/** Counts by key, between two programs that speak the connector protocol: `KEY NUMBER` in, `KEY NUMBER COUNT` out. */
interface Numbered {
  readonly key: string;
  readonly number: number;
}

const decoder = (bytes: Buffer, start: number, end: number): Numbered => {
  const [key = '', number] = bytes.toString('latin1', start, end).split(' ');
  return { key, number: Number(number) };
};

export default application(
  'connectors',
  source('in', connectorSource({ decoder, cookie: 'way in', maxCredits: 200 }))
    .keyBy(({ key }) => key)
    .to(
      stateComputation(
        'count',
        () => ({ value: 0 }),
        ({ key, number }: Numbered, state) => `${key} ${number} ${++state.value}\n`,
      ),
    )
    .toSink(connectorSink({ encoder: (line) => line, cookie: 'way out', name: 'out' })),
);
