import { balanced, type SlotOwners } from './table.js';

/** Some slots that are to go from one member to another. */
export interface Moves {
  readonly slots: readonly number[];
  /** Indices into the list of members. */
  readonly from: number;
  readonly to: number;
}

/** The slots that have to move so that `owners` is balanced over the members that stay. */
export function slotsToMove(owners: SlotOwners, stays: readonly boolean[]): number {
  const target = balanced(owners, stays);
  return owners.filter((owner, slot) => owner !== target[slot]).length;
}

/**
 * The next few slots that have to move, between one pair of members.
 * @param most how many at most
 * @returns undefined when all is as it should be
 */
export function nextMoves(owners: SlotOwners, stays: readonly boolean[], most: number): Moves | undefined {
  const target = balanced(owners, stays);
  const first = owners.findIndex((owner, slot) => owner !== target[slot]);
  if (first < 0) return undefined;
  const from = owners[first]!;
  const to = target[first]!;
  const slots: number[] = [];
  for (let slot = first; slot < owners.length && slots.length < most; slot++) {
    if (owners[slot] === from && target[slot] === to) slots.push(slot);
  }
  return { slots, from, to };
}
