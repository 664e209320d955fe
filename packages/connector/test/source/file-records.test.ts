import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import {
  fileFrames,
  fileLines,
  RecordCutShortError,
  RecordTooLongError,
  type ReplayableStream,
} from '../../src/index.js';

interface Read {
  readonly id: bigint;
  readonly text: string;
}

async function read(stream: ReplayableStream, after?: bigint): Promise<Read[]> {
  const got: Read[] = [];
  for await (const { id, bytes } of stream.replay(after, new AbortController().signal)) {
    got.push({ id, text: Buffer.from(bytes).toString() });
  }
  return got;
}

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
}

function framed(records: readonly string[]): Buffer {
  return Buffer.concat(
    records.flatMap((record) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(Buffer.byteLength(record));
      return [length, Buffer.from(record)];
    }),
  );
}

describe('records of a file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'wallaroo-records-'));
  const path = join(folder, 'records');
  after(() => rmSync(folder, { recursive: true }));

  it('are its lines, each with the position behind it', async () => {
    writeFileSync(path, 'one\n\nthree');
    expect(await read(fileLines(path))).to.deep.equal([
      { id: 4n, text: 'one' },
      { id: 5n, text: '' },
      { id: 10n, text: 'three' },
    ]);
  });

  it('are what follows each length', async () => {
    writeFileSync(path, framed(['one', '', 'three']));
    expect(await read(fileFrames(path))).to.deep.equal([
      { id: 7n, text: 'one' },
      { id: 11n, text: '' },
      { id: 20n, text: 'three' },
    ]);
  });

  it('are read again from behind each of them', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.string({ maxLength: 9000, size: 'max' }).map((text) => text.replaceAll('\n', '')),
          { maxLength: 30 },
        ),
        fc.boolean(),
        async (records, lines) => {
          writeFileSync(path, lines ? records.map((record) => `${record}\n`).join('') : framed(records));
          const stream = lines ? fileLines(path) : fileFrames(path);
          const all = await read(stream);
          expect(all.map(({ text }) => text)).to.deep.equal(records);
          for (const [index, { id }] of all.entries()) {
            if (index % 5 === 0) expect(await read(stream, id)).to.deep.equal(all.slice(index + 1));
          }
        },
      ),
      { numRuns: 30 },
    ));

  it('are known by the path, or by the name and id of the caller', () => {
    expect(fileLines(path)).to.include({ name: path }).and.not.to.have.property('id');
    expect(fileFrames(path, { name: 'votes', id: 7n })).to.include({ name: 'votes', id: 7n });
  });

  it('may not be longer than a frame of the protocol', async () => {
    writeFileSync(path, 'x'.repeat(16357) + '\n');
    expect(await read(fileLines(path))).to.have.length(1);
    writeFileSync(path, 'x'.repeat(200_000));
    expect(await failureOf(read(fileLines(path)))).to.be.instanceOf(RecordTooLongError);
    writeFileSync(path, Buffer.from('ffffffff00', 'hex'));
    expect(await failureOf(read(fileFrames(path)))).to.be.instanceOf(RecordTooLongError);
  });

  it('may not be cut short', async () => {
    writeFileSync(path, framed(['one', 'two']).subarray(0, 12));
    expect(await failureOf(read(fileFrames(path))))
      .to.be.instanceOf(RecordCutShortError)
      .with.property('message', `${path} ends within the record that begins at byte 7`);
  });
});
