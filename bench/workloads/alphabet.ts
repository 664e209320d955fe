import { framed, type Reference, type Workload } from './workload.js';
import { Random } from './random.js';

/** As many as in the reference's `votes.msg`. */
const votesInCycle = 10_000;

export function encodeVote(letter: string, votes: number): Buffer {
  const payload = Buffer.alloc(5);
  payload.write(letter, 0, 'latin1');
  payload.writeUInt32BE(votes, 1);
  return framed(payload);
}

export function encodeTotal(letter: string, total: bigint): Buffer {
  const payload = Buffer.alloc(9);
  payload.write(letter, 0, 'latin1');
  payload.writeBigUInt64BE(total, 1);
  return framed(payload);
}

/** Votes for 26 letters, 0 to 99 at a time; each vote answers with the letter's running total. */
export function alphabet(): Workload {
  const random = new Random(1);
  const votes = Array.from({ length: votesInCycle }, () => ({
    letter: String.fromCharCode(97 + random.below(26)),
    votes: random.below(100),
  }));
  return {
    name: 'alphabet',
    streams: [{ source: 'votes', cycle: votes.map((vote) => encodeVote(vote.letter, vote.votes)) }],
    outputShape: { kind: 'fixed', bytes: 13 },
    causes: Uint32Array.from(votes.keys()),
    unpredictableBytes: 0,
    newReference: () => newReference(votes),
  };
}

function newReference(votes: readonly { letter: string; votes: number }[]): Reference {
  const totals = new Map<string, bigint>();
  const add = (letter: string, amount: bigint): bigint => {
    const total = (totals.get(letter) ?? 0n) + amount;
    totals.set(letter, total);
    return total;
  };
  return {
    skipCycles: (count) => {
      for (const vote of votes) add(vote.letter, BigInt(vote.votes) * BigInt(count));
    },
    apply: (index) => {
      const vote = votes[index]!;
      return [encodeTotal(vote.letter, add(vote.letter, BigInt(vote.votes)))];
    },
  };
}
