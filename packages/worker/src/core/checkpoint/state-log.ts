import { ByteWriter } from '@wallaroo/protocol';
import { MessageDecoder } from '../codec/message-decoder.js';
import { MessageEncoder } from '../codec/message-encoder.js';
import { MessagePack } from '../codec/message-pack.js';
import type { Engine } from '../engine/engine.js';
import { stateCodecs, type StateCodec } from '../step/state-codec.js';
import type { CutScope } from '../step/state-store.js';
import { beginRecord, DamagedLogError, recordKind, takeRecord, type RecordKind } from './log-records.js';

/** State is written in records of about this size: still in the cache of the processor when it is copied and summed up. */
const recordBytes = 64 * 1024;
/**
 * Entries that are written between two turns of the loop. What is about to change is written then, when it is at hand, and
 * that is most of what has changed lately: so slices begin small, and grow by one each time for the sake of the rest. The
 * largest is about a millisecond of work.
 */
const sliceMin = 20;
const sliceMax = 1000;

/** The state of all stages on its way to the event log, and back. */
export class StateLog {
  private readonly codecs: readonly StateCodec[];
  private readonly encoder: MessageEncoder;
  private readonly decoder: MessageDecoder;
  private readonly out = new ByteWriter(recordBytes + 16 * 1024);
  /** Stages whose stores have nothing more to write for the cut. */
  private stage = 0;
  private writing = false;
  private slice = sliceMin;

  constructor(
    engine: Engine,
    private readonly append: (kind: RecordKind, record: Buffer) => void,
    /** A state cannot be written. */
    private readonly failed: (why: string) => void,
    /** A planted bug: what changes before its turn has come is not written. */
    private readonly copiesNothing: boolean,
  ) {
    const messagePack = new MessagePack(engine.application.classes);
    this.encoder = new MessageEncoder(messagePack, undefined);
    this.decoder = new MessageDecoder(messagePack, undefined);
    this.codecs = stateCodecs(engine.plan, engine.stores);
  }

  /** From now on {@link writeSome} writes what the cut asks for, as it is now. */
  cut(scope: CutScope): void {
    this.stage = 0;
    this.slice = sliceMin;
    this.codecs.forEach(({ store }, stage) =>
      store.cut(scope, ({ key, state }) => {
        if (this.writing || !this.copiesNothing) this.write(stage, key, state);
      }),
    );
  }

  /** @returns true when all that the cut asks for has been appended */
  writeSome(): boolean {
    let left = this.slice;
    this.slice = Math.min(this.slice + 1, sliceMax);
    this.writing = true;
    while (this.stage < this.codecs.length && left > 0) {
      const written = this.codecs[this.stage]!.store.writeSome(left);
      if (written === 0) this.stage++;
      left -= written;
    }
    this.writing = false;
    if (this.stage < this.codecs.length) return false;
    this.finishRecord();
    return true;
  }

  /** Which share of all entries has changed since the last cut of everything; 1 when there is none. */
  get changedShare(): number {
    let changed = 0;
    let all = 0;
    for (const { store } of this.codecs) {
      changed += store.changedSinceBase;
      all += store.size;
    }
    return all === 0 ? 1 : Math.min(1, changed / all);
  }

  /** What was restored so far is as if everything had been cut then. */
  baseRestored(): void {
    for (const { store } of this.codecs) store.baseRestored();
  }

  clear(): void {
    this.out.length = 0;
    for (const { store } of this.codecs) store.clear();
  }

  /** Takes over the entries of a record, where this worker is to have them. @throws DamagedLogError */
  restore(bytes: Buffer, start: number, end: number, wanted: (key: string) => boolean): number {
    const { decoder } = this;
    let count = 0;
    decoder.beginBatch(bytes, start, end);
    while (!decoder.done) {
      const codec = this.codecs[decoder.u16()];
      if (codec === undefined)
        throw new DamagedLogError(start, 'state of a stage that the application does not have');
      const key = decoder.rareText();
      const state = codec.read(decoder);
      if (wanted(key)) codec.store.restore(key, state);
      count++;
    }
    return count;
  }

  private write(stage: number, key: string, state: unknown): void {
    const { out, encoder } = this;
    if (out.length === 0) {
      beginRecord(out);
      encoder.beginBatch();
    }
    const start = out.length;
    try {
      out.u16(stage);
      encoder.value(out, key, 0);
      this.codecs[stage]!.write(out, encoder, state);
    } catch (error) {
      out.length = start;
      this.finishRecord();
      this.failed(`the state of key '${key}' cannot be written: ${(error as Error).message}`);
      return;
    }
    if (out.length >= recordBytes) this.finishRecord();
  }

  private finishRecord(): void {
    const record = takeRecord(this.out);
    if (record !== undefined) this.append(recordKind.states, record);
  }
}
