import {
  application,
  ascii,
  framedTcpSource,
  record,
  source,
  stateComputation,
  tcpSink,
  u32,
  type RecordOf,
} from '@wallaroo/worker';

const fields = { letter: ascii(1), votes: u32 };
type Vote = RecordOf<typeof fields>;

class Total {
  votes = 0;
}

const countVotes = stateComputation('count votes', Total, (vote: Vote, total) => {
  total.votes += vote.votes;
  return { letter: vote.letter, votes: total.votes };
});

export default application(
  'Alphabet',
  source('alphabet', framedTcpSource({ decoder: record(fields).decode }))
    .keyBy((vote) => vote.letter)
    .to(countVotes)
    .toSink(tcpSink({ encoder: ({ letter, votes }) => `${letter} => ${votes}\n` })),
);
