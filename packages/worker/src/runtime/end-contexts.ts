import type { Address } from '@wallaroo/protocol';
import { isNamed } from '../api/errors.js';
import type { RunningSink, SinkContext } from '../api/sink.js';
import type { SourceConfig, SourceContext } from '../api/source.js';
import type { Member } from '../core/membership/member.js';
import type { Severity } from '../core/ports.js';
import type { WorkerLife } from './worker-life.js';
import type { WorkerSettings } from './worker-settings.js';

/** What each source and each sink is given to work with, when it is opened. Then there is a member. */
export class EndContexts {
  constructor(
    private readonly settings: WorkerSettings,
    private readonly application: string,
    private readonly sinkAddresses: ReadonlyMap<string, Address>,
    private readonly life: WorkerLife,
    private readonly memberNow: () => Member,
  ) {}

  sink(name: string, kind: string, sink: () => RunningSink): SinkContext {
    const { settings, life } = this;
    return {
      name,
      application: this.application,
      worker: settings.name,
      resilience: settings.resilience !== undefined,
      address: this.sinkAddresses.get(name),
      drained: () => life.guarded(() => this.memberNow().sinkHolds(name, sink().unsentBytes)),
      log: (severity, text) => this.categorised(severity, `${kind}Sink`, text),
      fail: (error) => life.wantStop(error),
    };
  }

  source(name: string, { kind, journaled: wantsJournal }: SourceConfig<unknown>): SourceContext<unknown> {
    const { settings, life } = this;
    const member = this.memberNow();
    const inlet = member.engine.inlets.get(name)!;
    const journaled = settings.resilience !== undefined && wantsJournal === true;
    return {
      name,
      input: settings.inputs.get(name) ?? settings.inputs.get(''),
      resilience: settings.resilience !== undefined,
      get muted() {
        return !member.flowing || life.over;
      },
      // A source calls these from its own events, where nobody would catch what they throw.
      push: (message) => {
        if (life.over) return;
        try {
          inlet.push(message);
        } catch (error) {
          life.wantStop(error as Error);
        }
      },
      receive: journaled
        ? (bytes, start, end, client) => {
            if (!life.over) member.journal(name, bytes, start, end, client);
          }
        : (bytes, start, end) => {
            if (life.over) return;
            try {
              inlet.receive(bytes, start, end);
            } catch (error) {
              if (isNamed(error, 'DecodeError')) throw error;
              life.wantStop(error as Error);
            }
          },
      claim: (stream, answer) => life.guarded(() => member.claimStream({ source: name, stream }, answer)),
      release: (stream, position) =>
        life.guarded(() => member.releaseStream({ source: name, stream, position })),
      pack: (value) => member.engine.pack(value),
      unpack: (bytes) => member.engine.unpack(Buffer.from(bytes)),
      log: (severity, text) => this.categorised(severity, `${kind}Source`, text),
      fail: (error) => life.wantStop(error),
    };
  }

  private categorised(severity: Severity, category: string, text: string): void {
    if (severity === 'info') this.settings.log.line(text);
    else this.settings.log.write(severity, category, text);
  }
}
