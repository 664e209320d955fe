import {
  application,
  ascii,
  framed,
  framedTcpSource,
  record,
  source,
  stateComputation,
  tcpSink,
  u32,
  type RecordOf,
} from '@wallaroo/worker';

const questionFields = { key: ascii(12), number: u32 };
type Question = RecordOf<typeof questionFields>;
const answer = record({ number: u32, count: u32 });

const count = stateComputation(
  'count',
  () => ({ count: 0 }),
  ({ number }: Question, state) => ({ number, count: ++state.count }),
);

/** A key owned by the other worker comes in here, and its answer leaves there. */
export default application(
  'Cluster Echo',
  source('questions', framedTcpSource({ decoder: record(questionFields).decode }))
    .keyBy(({ key }) => key)
    .to(count)
    .toSink(tcpSink({ encoder: framed(answer.encode) })),
);
