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

/** `--no-journal`: with resilience, what was read since the last checkpoint may be lost. */
export default function alphabet(args: readonly string[]) {
  const sourceJournal = !args.includes('--no-journal');
  return application(
    'Alphabet',
    source('votes', framedTcpSource({ decoder: record(voteFields).decode, sourceJournal }))
      .keyBy((vote) => vote.letter)
      .to(countVotes)
      .toSink(tcpSink({ encoder: framed(total.encode) })),
  );
}
