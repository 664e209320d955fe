import type { ShrinkReply, ShrinkWish } from '../cluster-leader.js';
import { Inquiry } from '../inquiry.js';
import type { Parts } from './parts.js';

const questionNs = 1e9;
/** The leader may need one question of its own for its answer. */
const shrinkNs = 2 * questionNs;
/** What `answer` is asked for the number of clients that are connected to sources. */
export const clientsQuestion = 'clients';

/** A wish that the leader has been told of. */
interface AskedShrink {
  readonly query: boolean;
  readonly leader: string;
  readonly deadline: number;
  readonly done: (reply: ShrinkReply) => void;
}

/** What operators ask of this worker, and workers of one another. */
export class Questions {
  private readonly inquiries = new Set<Inquiry>();
  private readonly shrinks = new Map<number, AskedShrink>();
  private last = 0;

  constructor(
    private readonly parts: Pick<
      Parts,
      'settings' | 'ports' | 'standing' | 'mesh' | 'links' | 'post' | 'data'
    >,
  ) {}

  /** Asks every member. `done` is called once, with the answers and the names of those that gave none in time. */
  ask(
    question: string,
    done: (answers: ReadonlyMap<string, string>, missing: readonly string[]) => void,
  ): void {
    const { ports, standing, links, post } = this.parts;
    // A leader may be told of a shrink in the very call in which it ends.
    if (standing.phase === 'ended') return;
    const { others } = links;
    const names = others.map(({ name }) => name);
    const deadline = ports.clock.now() + questionNs;
    const inquiry = new Inquiry(++this.last, names, deadline, (answers, missing) => {
      this.inquiries.delete(inquiry);
      done(answers, missing);
    });
    this.inquiries.add(inquiry);
    for (const peer of others)
      if (!peer.away) post.send(peer.name, { type: 'ask', id: inquiry.id, question });
    inquiry.answered(standing.name, ports.answer(question));
  }

  asked(from: string, id: number, question: string): void {
    this.parts.post.send(from, { type: 'answer', id, body: this.parts.ports.answer(question) });
  }

  answered(from: string, id: number, body: string): void {
    for (const inquiry of this.inquiries) {
      if (inquiry.id === id) inquiry.answered(from, body);
    }
  }

  tick(now: number): void {
    for (const inquiry of this.inquiries) inquiry.tick(now);
    for (const [id, { query, leader, deadline }] of this.shrinks) {
      if (now < deadline && !this.parts.mesh.isAway(leader)) continue;
      // It may have been told, and do it yet.
      const then = query ? '' : ' The status of the cluster shows whether workers leave.';
      this.shrinkAnswered(id, {
        text: `${leader}, which leads the cluster, does not answer.${then}`,
        names: [],
      });
    }
  }

  /**
   * An operator wants fewer workers: passed on to the leader, which decides. `done` is called once, also if there is no
   * answer in time. A text without names says why a query has found nothing out.
   */
  shrink(wish: ShrinkWish, done: (reply: ShrinkReply) => void): void {
    const { ports, standing, mesh, post } = this.parts;
    if (standing.view.epoch === 0) return done({ text: 'The cluster has not started yet.', names: [] });
    const leader = standing.view.members[0]!.name;
    if (mesh.isAway(leader)) {
      return done({
        text: `${leader}, which leads the cluster, is unreachable. Nothing was changed.`,
        names: [],
      });
    }
    const id = ++this.last;
    const deadline = ports.clock.now() + shrinkNs;
    this.shrinks.set(id, { query: wish.query, leader, deadline, done });
    post.send(leader, { type: 'shrink', id, ...wish });
  }

  shrinkAnswered(id: number, reply: ShrinkReply): void {
    const asked = this.shrinks.get(id);
    this.shrinks.delete(id);
    asked?.done(reply);
  }

  /** An operator wants a worker, maybe another one, to begin another file of its event log. */
  rotateLog(worker: string): void {
    const { ports, standing, post } = this.parts;
    if (worker === standing.name) return this.rotateLogHere();
    if (standing.view.members.some(({ name }) => name === worker))
      return post.send(worker, { type: 'rotateLog' });
    ports.log.line(`WARNING: LogRotation requested for non-existent worker: ${worker}`);
  }

  rotateLogAsked(): void {
    this.parts.ports.log.line('Control Ch: Received Rotate Log Files request');
    this.rotateLogHere();
  }

  private rotateLogHere(): void {
    const { settings, ports, data } = this.parts;
    const { durability } = data;
    if (durability === undefined || !settings.resilience?.rotation) {
      return ports.log.line('WARNING: LogRotation requested, but log_rotation is off!');
    }
    const told = {
      begun: 'Starting event log rotation.',
      ongoing: 'Event log rotation already ongoing. Rotate log request ignored.',
      empty: 'Event log does not contain new data. Rotate log request ignored.',
    } as const;
    ports.log.line(told[durability.checkpointer.rotate()]);
  }
}
