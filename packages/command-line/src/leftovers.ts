import { UsageError, type OptionTable } from './options.js';
import { nearest } from './suggest.js';

/**
 * For commands that take nothing but their options.
 * @param rest what {@link parseArguments} found no use for
 * @throws UsageError naming the first such word, and the known option that is nearest to it
 */
export function refuseLeftovers(options: OptionTable, [word]: readonly string[]): void {
  if (word === undefined) return;
  if (!word.startsWith('-')) throw new UsageError(`Unexpected argument '${word}'. --help shows the usage.`);
  const name = word.replace(/=.*$/s, '');
  const known = Object.entries(options).filter(([, option]) => !option.hidden);
  const meant = nearest(
    name,
    known.map(([long]) => `--${long}`),
  );
  throw new UsageError(
    `Unknown option '${name}'. ${meant ? `Did you mean '${meant}'?` : '--help lists the options.'}`,
  );
}
