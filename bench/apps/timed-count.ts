import { application, source, stateComputation, type SinkConfig, type SourceConfig } from '@wallaroo/worker';

/** A message to be counted. Workers of one machine share the clock. */
export interface Message {
  readonly key: string;
  /** Milliseconds on the clock of the machine; 0 while keys are made. */
  readonly due: number;
}

interface Count {
  n: number;
  last: number;
  readonly name: string;
  readonly owner: string;
}

export interface TimedCountOptions {
  readonly load: SourceConfig<Message>;
  readonly report: SinkConfig<Message>;
  /** In each state. */
  readonly owner: string;
}

/**
 * A keyed count, with states of about 100 bytes once they are encoded. Messages come out as they went in, but those by
 * which keys are made, which do not come out.
 */
export function timedCount(name: string, { load, report, owner }: TimedCountOptions) {
  const newCount = (): Count => ({
    n: 0,
    last: 0,
    name: 'a counter with a name of its own, as states have',
    owner,
  });
  return application(
    name,
    source('load', load)
      .keyBy(({ key }) => key)
      .to(
        stateComputation('count', newCount, ({ key, due }: Message, count): Message | undefined => {
          count.n++;
          count.last = due;
          return due === 0 ? undefined : { key, due };
        }),
      )
      .toSink(report),
  );
}

export const nowMs = () => Number(process.hrtime.bigint()) / 1e6;

export function keyOf(number: number): string {
  return `key-${String(number).padStart(8, '0')}`;
}

/** As `LatencyLog` takes them. */
export const messageEncoder: SinkConfig<Message>['encoder'] = {
  encodeInto: ({ key, due }, out) => void out.u32(Number(key.slice(4))).f64(due),
};

/** What is owed since the last time, each message with the moment when it was due. */
export class SteadyRate {
  /** The last millisecond that has been sent for. */
  private at = 0;
  private owed = 0;

  constructor(private readonly perMs: number) {}

  begin(): void {
    this.at = nowMs();
  }

  /** @param send returns whether more may be sent */
  catchUp(send: (due: number) => boolean): void {
    const now = nowMs();
    if (this.at === 0) this.at = now;
    while (this.at + 1 <= now) {
      this.at++;
      this.owed += this.perMs;
      while (this.owed >= 1) {
        this.owed--;
        if (!send(this.at)) return;
      }
    }
  }
}
