import { slotOf } from '@wallaroo/worker/core';
import { Random } from './random.js';

/** The message that all of the cluster benchmark is about: three fields, as small messages mostly are. */
export interface Reading {
  readonly key: string;
  readonly value: number;
  readonly ts: number;
}

/** Which keys a worker of two makes messages for: those it owns, those that the other one owns, or both. */
export const placements = ['own', 'other', 'all'] as const;
export type Placement = (typeof placements)[number];

const keyCount = 10_000;
const slots = 1024;
const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** Slots are dealt to the workers in turn. */
export function ownerOf(key: string): number {
  return slotOf(key, slots) % 2;
}

/** Distinct keys of 12 to 16 characters, in an order without a pattern; the same for every process. */
export function keysOf(placement: Placement, index: number): readonly string[] {
  const random = new Random(3);
  const keys = new Set<string>();
  while (keys.size < keyCount) {
    const length = 12 + random.below(5);
    keys.add(Array.from({ length }, () => alphabet[random.below(alphabet.length)]).join(''));
  }
  const wanted = { own: [index], other: [1 - index], all: [0, 1] }[placement];
  return [...keys].filter((key) => wanted.includes(ownerOf(key)));
}
