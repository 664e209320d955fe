import { Boundary, type Resending, type Session } from '../../link/boundary.js';
import type { Welcome } from '../../link/greeting.js';
import type { ChannelName } from '../../link/inbound.js';
import { OutgoingBatch } from '../../link/outgoing-batch.js';
import { noReceiverFaults, Receiver } from '../../link/receiver.js';
import type { Peer } from '../peer.js';
import type { Dialled } from './dialled.js';
import { helloOf } from './self.js';
import type { MeshEvents, MeshSurroundings } from './surroundings.js';

/** The workers that this one speaks to, each with the ends of its links, and in which life they are. */
export class Peers {
  readonly byName = new Map<string, Peer>();

  constructor(
    private readonly surroundings: MeshSurroundings,
    private readonly events: Pick<MeshEvents, 'restarted' | 'changed' | 'refused' | 'full' | 'held'>,
    private readonly dialled: Dialled,
  ) {}

  /** The peer of a name, known or new. */
  peer(name: string): Peer {
    const known = this.byName.get(name);
    if (known !== undefined) return known;
    const peer = this.newPeer(name);
    this.byName.set(name, peer);
    return peer;
  }

  /** Learns in which incarnation a peer lives. */
  noteLife(peer: Peer, incarnation: number, life: number): void {
    const reborn = peer.life !== 0 && peer.life !== life;
    peer.incarnation = incarnation;
    peer.life = life;
    const { boundary } = peer.control;
    const known = boundary.session.to !== 0;
    if (known && (reborn || boundary.session.to !== incarnation)) {
      const from = this.surroundings.self().incarnation;
      boundary.restart({ epoch: 0, from, to: incarnation }, false);
    } else {
      boundary.session.to = incarnation;
    }
    if (!reborn) return;
    // It counts its frames anew, also if it has the incarnation of its former life.
    peer.control.receiver.session = undefined;
    this.events.restarted(peer);
  }

  private newPeer(name: string): Peer {
    const peer: Peer = {
      name,
      incarnation: 0,
      life: 0,
      addresses: undefined,
      control: { boundary: this.boundary(() => peer, 'control'), receiver: this.receiver('control') },
      data: { boundary: this.boundary(() => peer, 'data'), receiver: this.receiver('data') },
      batch: new OutgoingBatch(this.surroundings.newEncoder(), (frame) => peer.data.boundary.send(frame)),
      awaySince: undefined,
      away: false,
    };
    return peer;
  }

  private receiver(channel: ChannelName): Receiver {
    const { planted, network } = this.surroundings;
    if (channel === 'control' || planted.size === 0) return new Receiver(network, noReceiverFaults);
    return new Receiver(network, {
      keepsRepeated: planted.has('repeated frames are kept'),
      acknowledgesAtOnce: planted.has('acknowledged before processed'),
      anyIncarnation: planted.has('incarnations are not compared'),
      olderEpochs: planted.has('older epoch is not fenced'),
    });
  }

  private boundary(peerOf: () => Peer, channel: ChannelName): Boundary {
    const { network, timing } = this.surroundings;
    const session: Session = { epoch: 0, from: this.surroundings.self().incarnation, to: 0 };
    const boundary: Boundary = new Boundary(
      network,
      timing,
      {
        newConnection: () => this.dialled.add(peerOf(), channel),
        hello: () => helloOf(this.surroundings.self(), boundary.session),
        welcomed: (welcome) => this.welcomed(peerOf(), channel, boundary, welcome),
        refused: (refusal) => {
          if (channel === 'control') this.events.refused(peerOf(), refusal);
        },
        opened: () => this.events.changed(peerOf()),
        full: (full) => {
          if (channel === 'data') this.events.full(peerOf(), full);
        },
        held: (bytes) => {
          if (channel === 'data') this.events.held(peerOf(), bytes);
        },
      },
      session,
      this.resending(channel),
    );
    return boundary;
  }

  private resending(channel: ChannelName): Resending {
    const { planted } = this.surroundings;
    if (channel === 'data' && planted.has('repeated frames are kept')) return 'all that is kept';
    return planted.has('nothing is sent again') ? 'nothing' : 'what is lacking';
  }

  /** A peer has answered the greeting of this worker. @returns whether it is the one that the link is for */
  private welcomed(peer: Peer, channel: ChannelName, boundary: Boundary, welcome: Welcome): boolean {
    if (welcome.name !== peer.name) {
      this.events.refused(peer, {
        type: 'refusal',
        final: true,
        expelled: false,
        text: `the worker at that address is ${welcome.name}, not ${peer.name}`,
        incarnation: 0,
      });
      return false;
    }
    if (channel === 'data') {
      const anyone = this.surroundings.planted.has('incarnations are not compared');
      return welcome.incarnation === boundary.session.to || anyone;
    }
    const reborn = peer.life !== 0 && peer.life !== welcome.life;
    // An incarnation that another life has had, or a later one: when it greets, it is told to take a new one.
    if (reborn && peer.incarnation >= welcome.incarnation && this.surroundings.self().cluster !== '')
      return false;
    if (boundary.session.to === 0) this.noteLife(peer, welcome.incarnation, welcome.life);
    else if (boundary.session.to !== welcome.incarnation || peer.life !== welcome.life) {
      this.noteLife(peer, welcome.incarnation, welcome.life);
      return false;
    }
    return true;
  }
}
