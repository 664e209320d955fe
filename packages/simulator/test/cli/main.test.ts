import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { run, stopAll } from '../../../../test-e2e/support/process.js';

const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const simulate = (...args: readonly string[]) => run(main, args);

/** What a shell makes of a command. */
const words = (command: string) =>
  (command.match(/'[^']*'|\S+/g) ?? []).map((word) => word.replaceAll("'", ''));

describe('simulate', () => {
  afterEach(stopAll);

  it('prints a table of what was done, and exits with 0 when nothing was wrong', async () => {
    const { code, stdout, stderr } = await simulate('--seeds', '3');
    expect([code, stderr], stdout).to.deep.equal([0, '']);
    const [first, second, , heading, ...rest] = stdout.trimEnd().split('\n');
    expect(first).to.match(
      /^3 seeds, \d+\.\d\d simulated hours, \d+ events, \d+ messages, \d+ invocations of keyed stages, \d+ kills$/,
    );
    expect(second).to.match(
      /^\d+\.\d seeds\/s, \d+ simulated seconds in a second; data crossed links in \d+ of \d+ clusters$/,
    );
    const [fault, drawn, fired, ...phases] = words(heading!);
    expect([fault, drawn, fired]).to.deep.equal(['fault', 'drawn', 'fired']);
    expect(phases).to.include('processing');
    const kinds = rest.slice(0, rest.indexOf('')).map(words);
    expect(kinds.map(([kind]) => kind)).to.include.members(['kill', 'partition', 'failDisk', 'join']);
    const counts = kinds.flatMap((row) => row.slice(3));
    expect(counts, 'a cell for each phase').to.have.length(kinds.length * phases.length);
    const hit = counts.filter((count) => count !== '-').length;
    expect(rest.slice(-2)).to.deep.equal([
      `${hit} of ${counts.length} cells of fault kind x phase hit`,
      '0 violations',
    ]);
  });

  it('prints one line for one seed, twice the same', async () => {
    const [once, again] = [await simulate('--seed', '5'), await simulate('--seed', '5')];
    expect([once.code, once.stderr]).to.deep.equal([0, '']);
    expect(once.stdout).to.match(
      /^seed 5: \d+ workers, \d+ messages, \d+\.\d s, \d+ of \d+ faults fired, \d+ kills, trace \w+\n$/,
    );
    expect(again.stdout).to.equal(once.stdout);
  });

  it('says by which seed a planted bug is caught, and with which faults that are left; exits with 1', async () => {
    const { code, stdout } = await simulate('--planted', 'commit without all', '--seeds', '3');
    expect(code, stdout).to.equal(1);
    const [, seed, finding] = /\n1 violations:\n {2}seed (\d+): (.+)\n/.exec(stdout)!;
    const [checker] = finding!.split(':');
    const [, faults, shrunk, command] = new RegExp(
      `\nseed ${seed}, shrunk in \\d+ runs to (\\d+) faults and \\d+ messages a source:\n  (.+)\n  (.+)\n$`,
    ).exec(stdout)!;
    expect(shrunk).to.match(new RegExp(`^${checker}: `));
    const [npm, how, what, dashes, ...args] = words(command!);
    expect([npm, how, what, dashes]).to.deep.equal(['npm', 'run', 'simulate', '--']);
    expect(args.slice(0, 2)).to.deep.equal(['--seed', seed]);
    expect(JSON.parse(args[args.indexOf('--faults') + 1]!)).to.have.length(Number(faults));
    // The command shows the same again.
    const again = await simulate(...args, '--trace');
    expect(again.code).to.equal(1);
    expect(again.stdout).to.include(`\n${shrunk}\n`);
  });

  it('names the bugs that can be planted', async () => {
    const { code, stdout } = await simulate('--planted', 'list');
    expect(code).to.equal(0);
    expect(stdout.split('\n')).to.include.members(['commit without all', 'drained straight in']);
  });

  it('says what is wrong with its options, and exits with 1', async () => {
    for (const [args, why] of [
      [['--planted', 'nothing'], "--planted: there is no bug 'nothing'; --planted list names them"],
      [['--resilience', 'maybe'], '--resilience is on or off'],
      [['--fault-rate', '0'], '--fault-rate is more than 0'],
      [['--seed', '1', '--faults', '{}'], '--faults needs a list in JSON, as it is printed for a violation'],
      [['--sum'], '--sum needs the files that --figures has written'],
    ] as const) {
      const { code, stdout, stderr } = await simulate(...args);
      expect([code, stdout, stderr]).to.deep.equal([1, '', `${why}\n`]);
    }
  });

  it('says with --help what its exit codes mean', async () => {
    const { code, stdout } = await simulate('--help');
    expect(code).to.equal(0);
    expect(stdout).to.include('Exits with 0 when nothing was wrong, with 1 when something was.');
  });
});
