import { fieldStruct, fieldText, fieldU64 } from '@wallaroo/protocol';

/** A stream that clients of a source bring. */
export interface StreamId {
  readonly source: string;
  readonly stream: bigint;
}

/** How far one has come: the number of its last message, `nothingSeen` if there was none. */
export interface StreamPosition extends StreamId {
  readonly position: bigint;
}

export const streamField = fieldStruct({ source: fieldText, stream: fieldU64 });
export const streamPositionField = fieldStruct({ source: fieldText, stream: fieldU64, position: fieldU64 });

export type StreamKey = string & { readonly streamKey: unique symbol };

export function keyOf({ source, stream }: StreamId): StreamKey {
  return `${stream} ${source}` as StreamKey;
}

/** Positions by stream; later ones count. */
export type StreamPositions = ReadonlyMap<StreamKey, StreamPosition>;

export function withPositions(before: StreamPositions, news: readonly StreamPosition[]): StreamPositions {
  if (news.length === 0) return before;
  const positions = new Map(before);
  for (const { source, stream, position } of news) {
    positions.set(keyOf({ source, stream }), { source, stream, position });
  }
  return positions;
}
