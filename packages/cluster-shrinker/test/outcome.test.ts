import { expect } from 'chai';
import { outcomeOf } from '../src/outcome.js';

describe('what cluster_shrinker makes of a reply', () => {
  const eligible: readonly [names: string[], line: string][] = [
    [['w1', 'w2'], 'Eligible for shrink: Node count: 2, Nodes: |w1,w2,|'],
    [['w1'], 'Eligible for shrink: Node count: 1, Nodes: |w1,|'],
    [[], 'Eligible for shrink: Node count: 0, Nodes: ||'],
  ];
  for (const [names, line] of eligible) {
    it(`lists ${names.length} workers`, () => {
      const body = { node_names: names, node_count: names.length };
      expect(outcomeOf({ type: 'shrinkQueryResponse', body })).to.deep.equal({
        output: 'stdout',
        line,
        exitCode: 0,
      });
    });
  }

  const answers: readonly [text: string, exitCode: number][] = [
    ['Shrinking by 1 workers!', 0],
    ['Shrinking by 12 workers!', 0],
    ['Invalid shrink targets!', 1],
    ['Cannot shrink 0 workers!', 1],
    ['Autoscale event currently underway, cannot shrink at this time', 1],
    ['Not Shrinking by 1 workers!', 1],
    ['Shrinking by 1 workers! Or not.', 1],
    ['', 1],
  ];
  for (const [text, exitCode] of answers) {
    it(`exits with ${exitCode} after '${text}'`, () => {
      expect(outcomeOf({ type: 'shrinkErrorResponse', body: text })).to.deep.equal({
        output: 'stdout',
        line: `Cluster shrink response: ${text}`,
        exitCode,
      });
    });
  }

  it('fails on a message that is no answer', () => {
    expect(outcomeOf({ type: 'print', body: 'hello' })).to.deep.equal({
      output: 'stderr',
      line: 'Received incorrect external message type',
      exitCode: 1,
    });
  });
});
