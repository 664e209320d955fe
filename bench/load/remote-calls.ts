import type { ChildProcess } from 'node:child_process';

/** What a helper process answers to: a name and one argument, over the channel that `fork` opens. */
export type Calls = Record<string, (argument: never) => unknown>;

interface Request {
  readonly id: number;
  readonly name: string;
  readonly argument: unknown;
}

interface Response {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

/** Answers the parent's calls, and ends with the parent. */
export function answerCalls(calls: Calls): void {
  const reply = async ({ id, name, argument }: Request): Promise<void> => {
    try {
      const call = calls[name] as (argument: unknown) => unknown;
      process.send!({ id, result: await call(argument) } satisfies Response);
    } catch (error) {
      process.send!({ id, error: String(error) } satisfies Response);
    }
  };
  process.on('message', (request: Request) => void reply(request));
  process.on('disconnect', () => process.exit());
}

/** The parent's end. Every call fails once the helper is gone. */
export class Remote<C extends Calls> {
  private readonly waiting = new Map<
    number,
    { resolve: (value: never) => void; reject: (error: Error) => void }
  >();
  private lastId = 0;

  constructor(private readonly child: ChildProcess) {
    child.on('message', (response: Response) => {
      const caller = this.waiting.get(response.id);
      this.waiting.delete(response.id);
      if (response.error !== undefined) caller?.reject(new Error(response.error));
      else caller?.resolve(response.result as never);
    });
    child.on('exit', () => {
      for (const caller of this.waiting.values()) caller.reject(new Error('a helper process ended'));
      this.waiting.clear();
    });
  }

  get pid(): number {
    return this.child.pid!;
  }

  call<N extends keyof C & string>(
    name: N,
    ...[argument]: Parameters<C[N]>
  ): Promise<Awaited<ReturnType<C[N]>>> {
    const id = ++this.lastId;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.child.send({ id, name, argument } satisfies Request, (error) => {
        if (error) reject(error);
      });
    });
  }
}
