import { ByteWriter } from '@wallaroo/protocol';
import { expect } from 'chai';
import { InputBytes } from '../../src/sender/input-bytes.js';
import { messagesOf } from '../../src/sender/messages.js';
import type { Content, FileContent } from '../../src/sender/plan.js';

const files: Readonly<Record<string, string>> = {
  words: 'one\n\ntwo\r\nthree',
  more: '\nfour\n',
  empty: '',
  blank: '\n\n',
  records: 'aabbcc',
  odd: 'aabbc',
  framed: '\0\0\0\x02hi\0\0\0\0\0\0\0\x01!',
};

function open(file: string): InputBytes {
  const bytes = Buffer.from(files[file]!);
  let given = false;
  return new InputBytes((into, offset) => {
    if (given) return 0;
    given = true;
    return bytes.copy(into, offset);
  });
}

/** The first messages, at most `count`, as they go over the wire. */
function first(count: number, content: Content): string[] {
  const source = messagesOf(content, open);
  const found: string[] = [];
  const writer = new ByteWriter();
  while (found.length < count && source.append(writer)) found.push(writer.take(64).toString('latin1'));
  return found;
}

function fromFiles(kind: FileContent['kind'], names: string[], repeat = false, recordBytes = 0): Content {
  return { kind, files: names, repeat, recordBytes };
}

describe('the messages of the sender', () => {
  it('are framed decimal texts from 1 on', () => {
    expect(first(3, { kind: 'integers', startFrom: 0 })).to.deep.equal([
      '\0\0\0\x011',
      '\0\0\0\x012',
      '\0\0\0\x013',
    ]);
    expect(first(2, { kind: 'integers', startFrom: 98 })).to.deep.equal(['\0\0\0\x0299', '\0\0\0\x03100']);
  });

  it('are integers of 8 bytes, framed once, with the partition behind them', () => {
    expect(first(2, { kind: 'u64', startFrom: 2 ** 32 - 1, partition: 'part' })).to.deep.equal([
      '\0\0\0\x0c\0\0\0\x01\0\0\0\0part',
      '\0\0\0\x0c\0\0\0\x01\0\0\0\x01part',
    ]);
    expect(first(1, { kind: 'u64', startFrom: 0, partition: '' })).to.deep.equal([
      '\0\0\0\x08\0\0\0\0\0\0\0\x01',
    ]);
  });

  it('are the lines of the files in sequence, without the empty ones', () => {
    expect(first(9, fromFiles('lines', ['words', 'empty', 'more']))).to.deep.equal([
      '\0\0\0\x03one',
      '\0\0\0\x03two',
      '\0\0\0\x05three',
      '\0\0\0\x04four',
    ]);
  });

  it('start again from the first file', () => {
    const lines = first(9, fromFiles('lines', ['words', 'more'], true)).map((line) => line.slice(4));
    expect(lines).to.deep.equal(['one', 'two', 'three', 'four', 'one', 'two', 'three', 'four', 'one']);
  });

  it('end when repeated files have none', () => {
    expect(first(9, fromFiles('lines', ['empty', 'blank'], true))).to.deep.equal([]);
  });

  it('are records as they stand in the file, a size each', () => {
    expect(first(4, fromFiles('fixed', ['records'], true, 2))).to.deep.equal(['aa', 'bb', 'cc', 'aa']);
  });

  it('are records with their own length, empty ones too', () => {
    expect(first(9, fromFiles('framed', ['framed']))).to.deep.equal([
      '\0\0\0\x02hi',
      '\0\0\0\0',
      '\0\0\0\x01!',
    ]);
  });

  it('do not reach from one file into the next', () => {
    expect(() => first(9, fromFiles('fixed', ['odd', 'records'], false, 2))).to.throw(
      'the last record has 1',
    );
  });
});
