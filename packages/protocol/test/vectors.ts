import { readFileSync } from 'node:fs';

/** One message as other implementations put it on the wire. `decoded` has a shape of its own in each group. */
export interface Vector<Decoded> {
  readonly name: string;
  readonly bytes: Buffer;
  readonly decoded: Decoded;
}

interface VectorFile {
  readonly vectors: readonly { group: string; name: string; hex: string; length: number; decoded: unknown }[];
  readonly values: readonly { kind: string; input_utf8: string; value: string }[];
}

const file = JSON.parse(readFileSync(new URL('vectors.json', import.meta.url), 'utf8')) as VectorFile;

export function vectorsOf<Decoded>(group: string): Vector<Decoded>[] {
  const found = file.vectors.filter((vector) => vector.group === group);
  if (found.length === 0) throw new Error(`no vectors in group ${group}`);
  return found.map(({ name, hex, length, decoded }) => {
    const bytes = Buffer.from(hex, 'hex');
    if (bytes.length !== length) throw new Error(`vector ${name} has ${bytes.length} bytes, not ${length}`);
    return { name, bytes, decoded: decoded as Decoded };
  });
}

/** A computed value that all implementations must agree on. */
export function valuesOf(kind: string): { input: string; value: string }[] {
  const found = file.values.filter((value) => value.kind === kind);
  if (found.length === 0) throw new Error(`no values of kind ${kind}`);
  return found.map(({ input_utf8, value }) => ({ input: input_utf8, value }));
}
