import type { Socket } from 'node:net';
import type { Writable } from 'node:stream';

/** One output for many connections. While it is slow none of them is read, so that TCP holds their senders. */
export class SharedOutput {
  private readonly inputs = new Set<Socket>();
  private held = false;

  constructor(private readonly stream: Writable) {
    stream.on('drain', () => {
      this.held = false;
      for (const input of this.inputs) input.resume();
    });
  }

  /** True while the output takes no more and the connections are paused. */
  get isHeld(): boolean {
    return this.held;
  }

  add(input: Socket): void {
    this.inputs.add(input);
    if (this.held) input.pause();
    input.once('close', () => this.inputs.delete(input));
  }

  write(bytes: Buffer): void {
    if (this.stream.write(bytes) || this.held) return;
    this.held = true;
    for (const input of this.inputs) input.pause();
  }

  /** Resolves when all that was written has left the process. */
  flush(): Promise<void> {
    return new Promise((resolve) => this.stream.write('', () => resolve()));
  }
}
