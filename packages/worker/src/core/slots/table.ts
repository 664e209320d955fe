/** The owner of each slot, as an index into the list of members. */
export type SlotOwners = readonly number[];

/** Slots dealt to members in turn: their numbers differ by at most one. */
export function dealSlots(slots: number, members: number): SlotOwners {
  return Array.from({ length: slots }, (_, slot) => slot % members);
}

/**
 * The assignment nearest to `owners` that is balanced over the members that stay: numbers of slots differ by at
 * most one, and no slot moves that need not. The same on every worker.
 * @param stays for each member, whether it is to own slots; at least one does
 */
export function balanced(owners: SlotOwners, stays: readonly boolean[]): SlotOwners {
  const staying = stays.flatMap((stay, member) => (stay ? [member] : []));
  const counts = stays.map(() => 0);
  for (const owner of owners) counts[owner]!++;
  const least = Math.floor(owners.length / staying.length);
  let spare = owners.length - least * staying.length;
  // Who has most keeps one more: that moves least. Among equals the first in the view.
  const quota = stays.map(() => 0);
  for (const member of [...staying].sort((a, b) => counts[b]! - counts[a]! || a - b)) {
    quota[member] = spare-- > 0 ? least + 1 : least;
  }
  const kept = stays.map(() => 0);
  const homeless: number[] = [];
  const next = owners.map((owner, slot) => {
    if (kept[owner]! < quota[owner]!) kept[owner]!++;
    else homeless.push(slot);
    return owner;
  });
  const takers = staying.flatMap((member) =>
    Array.from({ length: quota[member]! - kept[member]! }, () => member),
  );
  homeless.forEach((slot, i) => (next[slot] = takers[i]!));
  return next;
}
