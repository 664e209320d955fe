import {
  application,
  ascii,
  framedTcpSource,
  record,
  source,
  stateComputation,
  tcpSink,
  u32,
} from '@wallaroo/worker';

const vote = record({ letter: ascii(1), votes: u32 });

class Total {
  votes = 0;
}

export default application(
  'alphabet',
  source('votes', framedTcpSource({ decoder: vote.decode }))
    .keyBy(({ letter }) => letter)
    .to(
      stateComputation('count votes', Total, ({ letter, votes }, total) => {
        total.votes += votes;
        return { letter, votes: total.votes };
      }),
    )
    .toSink(tcpSink({ encoder: ({ letter, votes }) => `${letter} => ${votes}\n` })),
);
