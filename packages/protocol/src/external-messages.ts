import { ByteWriter } from './byte-writer.js';

/**
 * The messages of the external channel: what operators and their tools say to a worker, and its answers.
 *
 *     frame = u32 length (2 + payload bytes), u16 id, payload (UTF-8 text or compact JSON)
 *
 * One row for each message; types, encoder and decoder come from the row.
 */

/** How a message's body is written as text and read back. `read` throws when the text is not a body. */
interface Payload<Body> {
  write(body: Body): string;
  read(text: string): Body;
}

/** Decimal texts of unsigned 128-bit numbers, by group and worker. */
export type IdsByWorker = Record<string, Record<string, string[]>>;
export type CountsByWorker = Record<string, Record<string, number>>;

export interface ShrinkRequest {
  query: boolean;
  node_names: string[];
  node_count: number;
  /** Workers with clients may go, too, when these have sent what they still have; left out: they may not. */
  drain?: boolean;
}

export interface MigrationProgress {
  slots_moved: number;
  slots_total: number;
  keys: number;
  bytes: number;
  seconds: number;
}

export interface ClusterStatus {
  worker_count: number;
  worker_names: string[];
  processing_messages: boolean;
  /** Workers that do not answer; left out when there are none. */
  unreachable?: string[];
  /** Workers on their way out; left out when there are none. */
  leaving?: string[];
  /** Slots that have to move before the cluster is balanced; left out when there are none. */
  slots_to_move?: number;
  /** How far the last change is, or was; told by the worker that led it. */
  migration?: MigrationProgress;
}

export interface Partitions<Detail> {
  state_partitions: Record<string, Record<string, Detail>>;
  stateless_partitions: Record<string, Record<string, Detail>>;
}

const text: Payload<string> = { write: (body) => body, read: (body) => body };

/** Nothing is sent; what a peer sends all the same is ignored. */
const none: Payload<undefined> = { write: () => '', read: () => undefined };

const shrinkRequest = json<ShrinkRequest>({
  query: isBoolean,
  node_names: listOf(isText),
  node_count: isCount,
  drain: optional(isBoolean),
});
const shrinkQueryResponse = json<Pick<ShrinkRequest, 'node_names' | 'node_count'>>({
  node_names: listOf(isText),
  node_count: isCount,
});
const clusterStatus = json<ClusterStatus>({
  worker_count: isCount,
  worker_names: listOf(isText),
  processing_messages: isBoolean,
  unreachable: optional(listOf(isText)),
  leaving: optional(listOf(isText)),
  slots_to_move: optional(isCount),
  migration: optional(isObject),
});
const ids = mapOf(mapOf(listOf(isText)));
const counts = mapOf(mapOf(isCount));

export const externalMessages = {
  print: { id: 1, payload: text },
  rotateLog: { id: 2, payload: text },
  cleanShutdown: { id: 3, payload: text },
  shrinkRequest: { id: 4, payload: shrinkRequest },
  shrinkQueryResponse: { id: 5, payload: shrinkQueryResponse },
  shrinkErrorResponse: { id: 6, payload: text },
  partitionQuery: { id: 7, payload: none },
  partitionQueryResponse: {
    id: 8,
    payload: json<Partitions<string[]>>({ state_partitions: ids, stateless_partitions: ids }),
  },
  clusterStatusQuery: { id: 9, payload: none },
  clusterStatusQueryResponse: { id: 10, payload: clusterStatus },
  clusterStatusQueryResponseNotInitialized: { id: 11, payload: none },
  partitionCountQuery: { id: 12, payload: none },
  partitionCountQueryResponse: {
    id: 13,
    payload: json<Partitions<number>>({ state_partitions: counts, stateless_partitions: counts }),
  },
  sourceIdsQuery: { id: 14, payload: none },
  sourceIdsQueryResponse: { id: 15, payload: json<{ source_ids: string[] }>({ source_ids: listOf(isText) }) },
  reportStatus: { id: 16, payload: text },
  stateEntityQuery: { id: 17, payload: none },
  stateEntityQueryResponse: { id: 18, payload: jsonMap<string[]>(listOf(isText)) },
  statelessPartitionQuery: { id: 19, payload: none },
  statelessPartitionQueryResponse: {
    id: 20,
    payload: jsonMap<Record<string, string[]>>(mapOf(listOf(isText))),
  },
  stateEntityCountQuery: { id: 21, payload: none },
  stateEntityCountQueryResponse: { id: 22, payload: jsonMap<number>(isCount) },
  statelessPartitionCountQuery: { id: 23, payload: none },
  statelessPartitionCountQueryResponse: { id: 24, payload: jsonMap<Record<string, number>>(mapOf(isCount)) },
  clusterStateEntityCountQuery: { id: 25, payload: none },
  clusterStateEntityCountQueryResponse: {
    id: 26,
    payload: jsonMap<Record<string, Record<string, number>>>(mapOf(mapOf(isCount))),
  },
} as const;

type Table = typeof externalMessages;
export type ExternalMessageType = keyof Table;
type BodyOf<Row> = Row extends { payload: Payload<infer Body> } ? Body : never;

/** A union told apart by `type`. */
export type ExternalMessage = {
  [Type in ExternalMessageType]: undefined extends BodyOf<Table[Type]>
    ? { readonly type: Type; readonly body?: undefined }
    : { readonly type: Type; readonly body: BodyOf<Table[Type]> };
}[ExternalMessageType];

/** Requests longer than this close the connection: the limit of the protocol. */
export const externalRequestBytesMax = 16384;

/** The largest answer that our tools read: key lists of big applications pass the 16 KiB of older tools. */
export const externalReplyBytesMax = 256 * 1024 * 1024;

/** A frame whose bytes are no message. Its text says why. */
export class InvalidExternalMessageError extends Error {
  override readonly name = 'InvalidExternalMessageError';
}

const typeOfId = new Map<number, ExternalMessageType>(
  (Object.keys(externalMessages) as ExternalMessageType[]).map((type) => [externalMessages[type].id, type]),
);

/** The complete frame of a message. */
export function encodeExternalMessage(message: ExternalMessage): Buffer {
  const row = externalMessages[message.type];
  // The union pairs each type with its body; the compiler cannot follow that through the table.
  const payload = (row.payload as Payload<unknown>).write(message.body);
  const writer = new ByteWriter(6 + payload.length);
  writer.u32(0).u16(row.id).text(payload);
  writer.patchU32(0, writer.length - 4);
  return writer.toBuffer();
}

/**
 * Reads what follows the length of a frame.
 * @throws InvalidExternalMessageError when the id is unknown or the payload is not that message's
 */
export function decodeExternalMessage(bytes: Buffer, start = 0, end = bytes.length): ExternalMessage {
  if (end - start < 2) throw new InvalidExternalMessageError('a frame too short to hold a message id');
  const id = bytes.readUInt16BE(start);
  const type = typeOfId.get(id);
  if (type === undefined) throw new InvalidExternalMessageError(`unknown message id ${id}`);
  try {
    const body = (externalMessages[type].payload as Payload<unknown>).read(
      bytes.toString('utf8', start + 2, end),
    );
    return { type, body } as ExternalMessage;
  } catch (cause) {
    throw new InvalidExternalMessageError(`not the payload of ${type}: ${(cause as Error).message}`, {
      cause,
    });
  }
}

type Check = (value: unknown) => boolean;

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

function isBoolean(value: unknown): boolean {
  return typeof value === 'boolean';
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** The member may be left out. */
function optional(check: Check): Check {
  return (value) => value === undefined || check(value);
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function listOf(check: Check): Check {
  return (value) => Array.isArray(value) && value.every(check);
}

function mapOf(check: Check): Check {
  return (value) => isObject(value) && Object.values(value as object).every(check);
}

function json<Body extends object>(fields: Record<keyof Required<Body>, Check>): Payload<Body> {
  const names = Object.keys(fields) as (keyof Body)[];
  return {
    write: (body) => JSON.stringify(Object.fromEntries(names.map((name) => [name, body[name]]))),
    read: (source) => {
      const value: unknown = JSON.parse(source);
      if (!isObject(value)) throw new TypeError('expected a JSON object');
      const body = value as Body;
      for (const name of names) {
        if (!fields[name](Object.hasOwn(body, name) ? body[name] : undefined)) {
          throw new TypeError(`member '${String(name)}' is missing or of another type`);
        }
      }
      const there = names.filter((name) => Object.hasOwn(body, name));
      return Object.fromEntries(there.map((name) => [name, body[name]])) as unknown as Body;
    },
  };
}

function jsonMap<Value>(check: Check): Payload<Record<string, Value>> {
  return {
    write: (body) => JSON.stringify(body),
    read: (source) => {
      const value: unknown = JSON.parse(source);
      if (!mapOf(check)(value)) throw new TypeError('a member is of another type');
      return value as Record<string, Value>;
    },
  };
}
