import type { Mesh } from '../mesh.js';
import type { ControlMessage } from '../messages.js';

/** Control messages to members. Those of a worker to itself wait until it has done what it is at. */
export class Post {
  private readonly inbox: ControlMessage[] = [];

  constructor(
    private readonly name: string,
    private readonly mesh: Mesh,
  ) {}

  send(member: string, message: ControlMessage): void {
    if (member === this.name) this.inbox.push(message);
    else this.mesh.send(this.mesh.peer(member), message);
  }

  /** The next message of this worker to itself. */
  next(): ControlMessage | undefined {
    return this.inbox.shift();
  }
}
