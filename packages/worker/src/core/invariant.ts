/** A promise that the code makes to itself was broken: a bug of ours. The worker stops. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

/** @param what must be true, in words */
export function invariant(holds: boolean, what: string): asserts holds {
  if (!holds) throw new InvariantError(what);
}

/** For the `default` of an exhaustive switch: a new case fails to compile until it is answered. */
export function unreachable(value: never): never {
  throw new InvariantError(`unexpected ${JSON.stringify(value)}`);
}
