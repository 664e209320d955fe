import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { StreamFilesError } from '../errors.js';

/**
 * What a sink knows of a stream, as the file `.state` has it. All positions are bytes of the stream.
 *
 * The bytes behind `committed` are in the staging file `staging`, the first of them at its start.
 */
export interface StreamState {
  readonly stream: string;
  /** All before it is decided and belongs in the output. */
  readonly committed: number;
  readonly staging: 0 | 1;
  /**
   * Bytes `redoFrom` to `committed` may not be in the output yet. They are at the start of the other staging
   * file; once that is shorter they are in the output.
   */
  readonly redoFrom?: number;
  /** Promised, but not decided: the bytes from `committed` to `end`. */
  readonly prepared?: { readonly transaction: string; readonly end: number };
  /** The last transactions that were committed, newest last. */
  readonly committedTransactions: readonly string[];
}

/** How many committed transactions are remembered; a worker can ask for the last one again, not for older ones. */
const rememberedMax = 16;

export function initialState(stream: string): StreamState {
  return { stream, committed: 0, staging: 0, committedTransactions: [] };
}

export function withPrepared(state: StreamState, transaction: string, end: number): StreamState {
  return { ...state, redoFrom: undefined, prepared: { transaction, end } };
}

export function withoutPrepared(state: StreamState): StreamState {
  return { ...state, prepared: undefined };
}

/** @throws TypeError when nothing is prepared */
export function withCommitted(state: StreamState): StreamState {
  const { prepared, committed, staging, committedTransactions } = state;
  if (prepared === undefined) throw new TypeError('nothing is prepared');
  return {
    ...state,
    committed: prepared.end,
    staging: staging === 0 ? 1 : 0,
    redoFrom: committed,
    prepared: undefined,
    committedTransactions: [...committedTransactions, prepared.transaction].slice(-rememberedMax),
  };
}

export function encodeState(state: StreamState): Buffer {
  return Buffer.from(`${JSON.stringify({ format: 1, ...state }, undefined, 1)}\n`);
}

/** @throws StreamFilesError when the bytes are no state of this stream */
export function decodeState(bytes: Buffer, stream: string): StreamState {
  let value: Partial<StreamState> & { format?: unknown };
  try {
    value = (JSON.parse(bytes.toString('utf8')) as typeof value | null) ?? {};
  } catch (cause) {
    throw new StreamFilesError(`the state of '${stream}' is no JSON`, { cause });
  }
  const { format, committed, staging, redoFrom, prepared, committedTransactions } = value;
  const holds =
    format === 1 &&
    value.stream === stream &&
    isPosition(committed) &&
    (staging === 0 || staging === 1) &&
    (redoFrom === undefined || (isPosition(redoFrom) && redoFrom <= committed)) &&
    (prepared === undefined ||
      (typeof prepared?.transaction === 'string' && isPosition(prepared.end) && prepared.end >= committed)) &&
    Array.isArray(committedTransactions) &&
    committedTransactions.every((transaction) => typeof transaction === 'string');
  if (!holds) throw new StreamFilesError(`the state of '${stream}' is damaged, or of another stream`);
  return value as StreamState;
}

function isPosition(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

export interface StreamPaths {
  /** Committed bytes only. */
  readonly output: string;
  readonly state: string;
  readonly staging: readonly [string, string];
}

/** Longest name of a file, with room for a suffix; file systems take 255 bytes. */
const nameMax = 200;

/** Names of streams come from outside: whatever they are, the files stay in the directory. */
export function pathsOf(directory: string, stream: string): StreamPaths {
  const escaped = [...Buffer.from(stream)]
    .map((byte, index) => {
      const letter = String.fromCharCode(byte);
      const plain = index === 0 ? /[A-Za-z0-9_-]/ : /[A-Za-z0-9_.-]/;
      return plain.test(letter) ? letter : `%${byte.toString(16).padStart(2, '0')}`;
    })
    .join('');
  const digest = createHash('sha256').update(stream).digest('hex').slice(0, 32);
  const short = escaped.length <= nameMax ? escaped || '%' : `${escaped.slice(0, nameMax - 33)}%${digest}`;
  const base = join(directory, short);
  return {
    output: `${base}.out`,
    state: `${base}.state`,
    staging: [`${base}.staging-0`, `${base}.staging-1`],
  };
}
