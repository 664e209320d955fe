/** What messages carry beside their tag, so that every kind of value crosses links. */
export type PayloadKind = 'none' | 'text' | 'bytes' | 'nested' | 'map';

export const payloadKinds: readonly PayloadKind[] = ['none', 'text', 'bytes', 'nested', 'map'];

/** @param tag a number that no two messages of a run share; the payload depends on it alone */
export function payloadOf(kind: PayloadKind, size: number, tag: number): unknown {
  switch (kind) {
    case 'none':
      return undefined;
    case 'text':
      return `${tag}:${'é'.repeat(size)}`;
    case 'bytes':
      return Buffer.alloc(size, tag & 0xff);
    case 'nested':
      return {
        tag,
        list: [tag / 3, -tag, null, true],
        inner: { text: 'x'.repeat(size), [`k${tag % 7}`]: tag },
      };
    case 'map':
      return new Map<string, unknown>([
        ['tag', tag],
        ['big', BigInt(tag) << 70n],
        ['text', 'm'.repeat(size)],
      ]);
  }
}

/** Whether a payload came through as it was sent. */
export function isPayloadOf(payload: unknown, kind: PayloadKind, size: number, tag: number): boolean {
  return isSame(payload, payloadOf(kind, size, tag));
}

/** Looked at for every message of every stage: what `deepEqual` does costs much more. */
function isSame(got: unknown, expected: unknown): boolean {
  if (typeof expected !== 'object' || expected === null) return Object.is(got, expected);
  if (typeof got !== 'object' || got === null) return false;
  if (Object.getPrototypeOf(got) !== Object.getPrototypeOf(expected)) return false;
  if (Buffer.isBuffer(expected)) return expected.equals(got as Buffer);
  if (expected instanceof Map) return isSame([...(got as typeof expected)], [...expected]);
  const [names, others] = [Object.keys(expected), Object.keys(got)];
  return (
    names.length === others.length &&
    names.every((name, i) => name === others[i] && isSame(memberOf(got, name), memberOf(expected, name)))
  );
}

function memberOf(value: object, name: string): unknown {
  return (value as Readonly<Record<string, unknown>>)[name];
}
