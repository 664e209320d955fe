import { application, computation, framedTcpSource, source, tcpSink, utf8 } from '@wallaroo/worker';

/** An application that has nothing in common with `rescale-counts` but the name of a source. */
export default application(
  'rescale other',
  source('in', framedTcpSource({ decoder: utf8.decode }))
    .to(computation('as it is', (text: string) => text))
    .toSink(tcpSink({ encoder: (text) => `${text}\n` })),
);
