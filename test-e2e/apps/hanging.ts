import {
  application,
  bytes,
  framedTcpSource,
  source,
  type RunningSink,
  type SinkConfig,
} from '@wallaroo/worker';

/** A sink that never gets ready: the worker stays in the middle of its start. */
const hangingSink: SinkConfig<Buffer> = {
  kind: 'hanging',
  encoder: bytes.encode,
  open: (): RunningSink => ({
    start: () => new Promise(() => undefined),
    unsentBytes: 0,
    write: () => true,
    stop: async () => undefined,
  }),
};

export default application(
  'hanging',
  source('in', framedTcpSource({ decoder: bytes.decode })).toSink(hangingSink),
);
