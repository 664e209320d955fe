import { addExtension, Packr, Unpackr } from 'msgpackr';
import type { MessageClass } from '../../api/application.js';

/** The extension type under which instances of the application's classes stand. */
const instanceType = 0x57;

/** The classes of the codec that is at work: packing and unpacking are synchronous. */
let current: readonly MessageClass[] = [];
const registered = new Set<MessageClass>();

/**
 * MessagePack for what the batch format itself does not cover: maps, sets, dates, big integers, typed arrays,
 * errors, and instances of the classes that the application names. Records are written inline, so that each
 * value can be read by itself.
 */
export class MessagePack {
  private readonly packr = new Packr(options);
  private readonly unpackr = new Unpackr(options);

  constructor(readonly classes: readonly MessageClass[]) {
    for (const type of classes) register(type);
  }

  pack(value: unknown): Buffer {
    current = this.classes;
    return this.packr.pack(value);
  }

  unpack(bytes: Uint8Array): unknown {
    current = this.classes;
    return this.unpackr.unpack(bytes) as unknown;
  }
}

const options = {
  useRecords: true,
  moreTypes: true,
  structuredClone: false,
  useBigIntExtension: true,
} as const;

/** The registry of the library is one for the whole process; the number of a class is that in its application. */
function register(Class: MessageClass): void {
  if (registered.has(Class)) return;
  registered.add(Class);
  addExtension({
    Class,
    type: instanceType,
    write: (instance: object) => [current.indexOf(instance.constructor as MessageClass), { ...instance }],
    read: ([index, members]: [number, object]) => {
      const type = current[index];
      if (type === undefined)
        throw new TypeError('an instance of a class that the application does not name');
      return Object.assign(Object.create(type.prototype as object) as object, members);
    },
  });
}
