import { expect } from 'chai';
import { lineLog, onOneLine } from '../../src/runtime/log.js';

function logged(
  thresholds: string | undefined,
  ...entries: ['error' | 'info' | 'debug', string][]
): string[] {
  const lines: string[] = [];
  const log = lineLog((line) => lines.push(line), thresholds);
  for (const [severity, category] of entries) log.write(severity, category, 'text');
  return lines.map((line) => line.replace(/^\d+\.\d{6},/, '').trimEnd());
}

describe('the log', () => {
  it('begins each line with Unix time in seconds and microseconds', () => {
    const lines: string[] = [];
    lineLog((line) => lines.push(line)).line('text');
    const [, seconds] = /^(\d+\.\d{6}),text\n$/.exec(lines[0]!)!;
    expect(Number(seconds)).to.be.closeTo(Date.now() / 1000, 60);
  });

  it('shows info and worse, or what the thresholds say of a category', () => {
    expect(logged(undefined, ['error', 'A'], ['info', 'A'], ['debug', 'A'])).to.deep.equal([
      'ERROR,A,text',
      'INFO,A,text',
    ]);
    expect(logged('*.8', ['debug', 'A'])).to.deep.equal(['DEBUG,A,text']);
    expect(logged('A.3', ['error', 'A'], ['info', 'A'], ['info', 'B'])).to.deep.equal([
      'ERROR,A,text',
      'INFO,B,text',
    ]);
    expect(logged('*.error,A.debug', ['debug', 'A'], ['info', 'B'])).to.deep.equal(['DEBUG,A,text']);
  });

  it('lets no peer begin a line of its own', () => {
    expect(onOneLine('a\n1.0,b\u2028c\u0007')).to.equal('a\\u000a1.0,b\\u2028c\\u0007');
  });
});
