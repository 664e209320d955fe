import type { OutgoingBatch } from '../link/outgoing-batch.js';
import type { SlotOwners } from './table.js';

/** Keeps a message for a slot that is on its way to this worker. */
export type HoldMessage = (target: number, key: string, message: unknown) => void;

/** Where keys live, as this worker knows it now. Read by every message that is partitioned anew. */
export class Routing {
  /** True while this worker owns every slot: nothing need be looked up. */
  alone = true;
  /**
   * True while slots are on their way: that a key has state here does not mean any more that it belongs here.
   */
  strict = false;
  private owners: SlotOwners = [];
  private here = 0;
  private batches: readonly (OutgoingBatch | undefined)[] = [];
  private coming: ReadonlySet<number> = none;
  private going: ReadonlySet<number> = none;
  private holdMessage: HoldMessage = () => undefined;

  /**
   * @param here the index of this worker among the members
   * @param batches by member; none for this worker
   */
  assign(owners: SlotOwners, here: number, batches: readonly (OutgoingBatch | undefined)[]): void {
    this.owners = owners;
    this.here = here;
    this.batches = batches;
    this.settle();
  }

  /**
   * Slots are on their way; `owners` has their new owner already.
   * @param going those that this worker gives up: what was sent to it before is still its own
   */
  moving(owners: SlotOwners, going: ReadonlySet<number>): void {
    this.going = going;
    this.owners = owners;
    this.strict = true;
    this.settle();
  }

  /** The slots that go are gone. */
  gave(): void {
    this.going = none;
  }

  /** Whether what comes from others for this slot is to be processed here. */
  owns(slot: number): boolean {
    return this.owners[slot] === this.here || this.going.has(slot);
  }

  /** What comes for these slots, which are on their way here, is held. */
  expect(slots: ReadonlySet<number>, hold: HoldMessage): void {
    this.coming = slots;
    this.holdMessage = hold;
  }

  /** No slots are awaited any more. */
  arrived(): void {
    this.coming = none;
  }

  /** No slots are on their way any more. */
  moved(owners: SlotOwners): void {
    this.owners = owners;
    this.strict = false;
    this.going = none;
    this.arrived();
    this.settle();
  }

  /** The batch for the worker that owns the slot; undefined when that is this one. */
  batchOf(slot: number): OutgoingBatch | undefined {
    return this.batches[this.owners[slot]!];
  }

  /** True: the message was kept, because its slot has not arrived yet. */
  held(slot: number, target: number, key: string, message: unknown): boolean {
    if (!this.coming.has(slot)) return false;
    this.holdMessage(target, key, message);
    return true;
  }

  flush(): void {
    for (const batch of this.batches) batch?.flush();
  }

  private settle(): void {
    this.alone = !this.strict && this.owners.every((owner) => owner === this.here);
  }
}

const none: ReadonlySet<number> = new Set();
