import { expect } from 'chai';
import type { DamageDeed, Fault } from '../../src/faults/fault.js';
import { runScenario } from '../../src/run/run.js';
import { drawScenario } from '../../src/run/scenario.js';

/** A run of a cluster of two in which nothing happens but this. */
function run(deed: Pick<DamageDeed, 'file' | 'how' | 'at'>): { violation: string; ends: string[] } {
  const fault: Fault = {
    when: { atMs: 4000 },
    kind: 'damage',
    host: 1,
    downMs: 50,
    bit: 3,
    other: 0,
    ...deed,
  };
  const scenario = drawScenario(3, { workers: 2, messages: 40, resilience: true, faults: [fault] });
  const { violation, trace } = runScenario({ ...scenario, horizonMs: 6000, spares: 0 }, true);
  expect(trace.join('\n')).to.match(new RegExp(` damaged ${deed.file} `));
  return { violation: violation?.text ?? 'none', ends: trace.filter((line) => / exit (?!ok)/.test(line)) };
}

describe('files that are damaged while their worker is dead', function () {
  this.timeout(60_000);

  const noticed = [
    { file: 'cluster', how: 'flip', at: 0.5, error: 'its checksum does not fit' },
    { file: 'cluster', how: 'cut', at: 0.5, error: 'its checksum does not fit' },
    { file: 'cluster', how: 'foreign', at: 0, error: 'it belongs to the worker initializer' },
    { file: 'events', how: 'flip', at: 0.1, error: 'the checksum of a record does not fit' },
    { file: 'events', how: 'cut', at: 0.1, error: 'the file ends here' },
    { file: 'events', how: 'gone', at: 0, error: 'the file ends here' },
    { file: 'events', how: 'foreign', at: 0, error: 'it belongs to the worker initializer' },
  ] as const;
  for (const { error, ...deed } of noticed) {
    it(`end it, and with the good file all finishes: ${deed.file}, ${deed.how}`, () => {
      const { violation, ends } = run(deed);
      expect(violation).to.equal('none');
      expect(ends).to.have.length(1);
      expect(ends[0]).to.contain('worker1').and.to.contain(error);
    });
  }

  it('do no harm behind all that counts', () => {
    expect(run({ file: 'events', how: 'flip', at: 0.9999 }).violation).to.equal('none');
  });
});
