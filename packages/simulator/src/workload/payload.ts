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
  const expected = payloadOf(kind, size, tag);
  if (Buffer.isBuffer(expected)) return Buffer.isBuffer(payload) && expected.equals(payload);
  if (expected instanceof Map) return payload instanceof Map && text([...expected]) === text([...payload]);
  return typeof expected === 'object' ? text(expected) === text(payload) : expected === payload;
}

function text(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) => (typeof member === 'bigint' ? `${member}n` : member));
}
