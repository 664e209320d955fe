import {
  application,
  computation,
  computationMulti,
  framedTcpSource,
  generatorSource,
  source,
  stateComputation,
  tcpSink,
  utf8,
  type Pipeline,
} from '@wallaroo/worker';

/**
 * Functions that throw on the message `boom`. The arguments say which, and `--skip` sets `onError: 'skip'`.
 */
const boom = (text: string) => {
  if (text.startsWith('boom')) throw new RangeError(`no room for ${text.slice(0, 20)}`);
  return text;
};

const places: Record<string, (input: Pipeline<string>) => Pipeline<string>> = {
  computation: (input) => input.to(computation('explode', boom)),
  state: (input) =>
    input.keyBy((text) => `key of ${text.slice(0, 10)}`).to(stateComputation('keep', () => ({}), boom)),
  'state-factory': (input) =>
    input.to(
      stateComputation(
        'make',
        (): object => {
          throw new Error('there is no state to be had');
        },
        (text: string) => text,
      ),
    ),
  key: (input) => input.keyBy(boom),
  'numeric-key': (input) => input.keyBy((text) => (text === 'boom' ? (7 as never) : text)),
  iteration: (input) =>
    input.to(
      computationMulti('iterate', function* (text: string) {
        yield `first of ${text}`;
        yield boom(text);
      }),
    ),
  'multi-string': (input) =>
    input.to(computationMulti('letters', (text: string) => (text === 'boom' ? (text as never) : [text]))),
  encoder: (input) => input,
  'numeric-encoder': (input) => input,
  writer: (input) => input,
};

export default function failing(args: readonly string[]) {
  const where = args[0]!;
  const input =
    where === 'generator'
      ? source(
          'text',
          generatorSource({
            initialValue: () => 'a',
            apply: (last) => boom(last.length < 50 ? `${last}a` : 'boom'),
          }),
        )
      : source('text', framedTcpSource({ decoder: utf8.decode }));
  return application(
    { name: 'failing', onError: args.includes('--skip') ? 'skip' : 'stop' },
    (places[where] ?? ((same) => same))(input).toSink(
      tcpSink({ encoder: encoders[where] ?? ((text) => `${text}\n`) }),
    ),
  );
}

const encoders: Record<string, Parameters<typeof tcpSink<string>>[0]['encoder']> = {
  encoder: (text) => `${boom(text)}\n`,
  'numeric-encoder': (text) => (text === 'boom' ? (7 as never) : `${text}\n`),
  writer: {
    encodeInto: (text, out) => {
      out.text('cut ');
      out.text(`${boom(text)}\n`);
    },
  },
};
