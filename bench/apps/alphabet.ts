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
  u53,
  type RecordOf,
} from '@wallaroo/worker';

const voteFields = { letter: ascii(1), votes: u32 };
type Vote = RecordOf<typeof voteFields>;
const total = record({ letter: ascii(1), votes: u53 });

const countVotes = stateComputation(
  'count votes',
  () => ({ votes: 0 }),
  (vote: Vote, state) => {
    state.votes += vote.votes;
    return { letter: vote.letter, votes: state.votes };
  },
);

export default application(
  'Alphabet',
  source('votes', framedTcpSource({ decoder: record(voteFields).decode }))
    .keyBy((vote) => vote.letter)
    .to(countVotes)
    .toSink(tcpSink({ encoder: framed(total.encode) })),
);
