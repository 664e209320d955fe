import {
  application,
  ascii,
  framed,
  record,
  source,
  stateComputation,
  u32,
  u53,
  type RecordOf,
} from '@wallaroo/worker';
import { sinkFor, sourceFor } from './ends.js';

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

export default function alphabet(args: readonly string[]) {
  return application(
    'Alphabet',
    source('votes', sourceFor(args, record(voteFields).decode))
      .keyBy((vote) => vote.letter)
      .to(countVotes)
      .toSink(sinkFor(args, framed(total.encode))),
  );
}
