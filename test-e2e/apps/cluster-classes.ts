import { application, framedTcpSource, source, stateComputation, tcpSink } from '@wallaroo/worker';

/**
 * Messages that are instances of a class of the application's own. `KEY NUMBER` comes in; out goes
 * `PROCESS ENTRANCE KEY TEXT WAY`, made by a method of the class. The argument says how they travel:
 *
 *     named     the application names the class
 *     bytes     the application makes bytes of its messages by itself
 *     unnamed   nobody says anything
 */
class Reading {
  way = 'stayed';
  readonly entrance = process.pid;
  readonly taken = new Date(86_400_000);
  readonly more = new Map<string, bigint>([['big', 2n ** 70n]]);

  constructor(
    readonly key: string,
    readonly number: number,
  ) {}

  get text(): string {
    return `${this.number}/${this.taken.getTime()}/${this.more.get('big')}`;
  }
}

/** Another one, that stands within the first. */
class Note {
  constructor(readonly reading: Reading) {}

  get line(): string {
    const { entrance, key, text, way } = this.reading;
    return `${process.pid} ${entrance} ${key} ${text} ${way}\n`;
  }
}

const decoder = (bytes: Buffer, start: number, end: number): Note => {
  const [key = '', number] = bytes.toString('latin1', start, end).split(' ');
  return new Note(new Reading(key, Number(number)));
};

const ways: Record<string, object> = {
  named: { classes: [Reading, Note] },
  bytes: {
    serialize: (message: unknown) => {
      const { reading } = message as Note;
      return Buffer.from(`${reading.key} ${reading.number} ${reading.entrance}`);
    },
    deserialize: (bytes: Uint8Array) => {
      const [key = '', number, entrance] = Buffer.from(bytes).toString().split(' ');
      const reading = Object.assign(new Reading(key, Number(number)), {
        entrance: Number(entrance),
        way: 'travelled',
      });
      return new Note(reading);
    },
  },
  unnamed: { classes: [Note] },
};

export default function classes([way = 'named']: readonly string[]) {
  return application(
    { name: 'cluster classes', ...ways[way] },
    source('in', framedTcpSource({ decoder }))
      .keyBy(({ reading }) => reading.key)
      .to(
        stateComputation(
          'look',
          () => ({}),
          (note: Note) => {
            const whole = note instanceof Note && note.reading instanceof Reading;
            if (!whole) throw new Error('it has lost its class');
            return note;
          },
        ),
      )
      .toSink(tcpSink({ encoder: (note) => note.line })),
  );
}
