import { ApplicationError } from './errors.js';
import { isClosedPipeline, isPipeline, stageText, type ClosedPipeline } from './pipeline.js';

const brand = Symbol.for('wallaroo.application');

export interface ApplicationOptions {
  readonly name: string;
  /**
   * What an exception in the author's functions does. `stop` (default): the worker ends with exit code 1.
   * `skip`: the message is dropped, counted and logged at a bounded rate.
   */
  readonly onError?: 'stop' | 'skip';
  /** Number of slots that keys hash to: a power of two, default 1024. Fixed for the life of an application. */
  readonly slots?: number;
  /**
   * How messages become bytes and come back when they go to another worker; both or neither. Default: plain
   * objects, arrays, texts, numbers, big integers, bytes, Map, Set, Date and typed arrays keep what they are.
   */
  readonly serialize?: (message: unknown) => Uint8Array;
  readonly deserialize?: (bytes: Uint8Array) => unknown;
  /** Classes whose instances keep their class when they go to another worker: the same list on every worker. */
  readonly classes?: readonly MessageClass[];
}

/** A class of messages: its own members are what travels; it is made anew without calling its constructor. */
export type MessageClass = new (...parameters: never[]) => object;

export interface Application {
  readonly [brand]: true;
  readonly name: string;
  readonly onError: 'stop' | 'skip';
  readonly slots: number;
  readonly serialize: ((message: unknown) => Uint8Array) | undefined;
  readonly deserialize: ((bytes: Uint8Array) => unknown) | undefined;
  readonly classes: readonly MessageClass[];
  readonly pipelines: readonly ClosedPipeline[];
}

/**
 * Pipelines under one name, which also names the files and the metrics of the application.
 * @throws ApplicationError when a pipeline does not end in `toSink` or `toSinks`
 */
export function application(
  nameOrOptions: string | ApplicationOptions,
  ...pipelines: readonly ClosedPipeline[]
): Application {
  const options = typeof nameOrOptions === 'string' ? { name: nameOrOptions } : nameOrOptions;
  const { name, onError = 'stop', slots = 1024, serialize, deserialize, classes = [] } = options;
  if (typeof name !== 'string' || !/^[^/\0]+$/.test(name) || name === '.' || name === '..') {
    throw new ApplicationError(
      `application: '${String(name)}' cannot be a name: it becomes part of file names`,
    );
  }
  if (!Number.isInteger(slots) || slots < 1 || slots > 65536 || (slots & (slots - 1)) !== 0) {
    throw new ApplicationError(
      `application '${name}': slots must be a power of two up to 65536, not ${slots}`,
    );
  }
  if (onError !== 'stop' && onError !== 'skip') {
    throw new ApplicationError(
      `application '${name}': onError must be 'stop' or 'skip', not '${String(onError)}'`,
    );
  }
  if ((serialize === undefined) !== (deserialize === undefined)) {
    throw new ApplicationError(`application '${name}': serialize and deserialize need each other`);
  }
  if (pipelines.length === 0) throw new ApplicationError(`application '${name}': it has no pipeline`);
  for (const pipeline of pipelines) {
    if (isClosedPipeline(pipeline)) continue;
    const where = isPipeline(pipeline)
      ? `: the pipeline is open after ${stageText((pipeline as { node: never }).node)}`
      : '';
    throw new ApplicationError(
      `application '${name}': every pipeline must end with toSink or toSinks${where}`,
    );
  }
  return { [brand]: true, name, onError, slots, serialize, deserialize, classes, pipelines };
}

export function isApplication(value: unknown): value is Application {
  return (value as { [brand]?: unknown } | undefined)?.[brand] === true;
}
