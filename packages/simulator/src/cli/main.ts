import { readFileSync, writeFileSync } from 'node:fs';
import { helpText, parseArguments, refuseLeftovers, UsageError, type Values } from '@wallaroo/command-line';
import { plantedBugs } from '@wallaroo/worker/core';
import type { Fault } from '../faults/fault.js';
import { runCampaign, type Summary } from '../run/campaign.js';
import { addUp, figuresOf, FiguresError, type Figures } from '../run/figures.js';
import { runScenario, type RunReport } from '../run/run.js';
import { drawScenario, type Overrides } from '../run/scenario.js';
import { shrink } from '../run/shrink.js';
import { summaryText } from '../run/summary-text.js';
import { help, options } from './options.js';

const soakSeeds = 20_000;
const soakFaultRate = 2;
/** After so many seeds figures are written, so that what was done is not lost with the process. */
const figuresSeeds = 100;
/** Shrinking takes many runs: of the first violations only. */
const shrunkMax = 3;

try {
  const { values, rest } = parseArguments(options, process.argv.slice(2));
  if (values.help) console.log(await helpText(help));
  else if (values.sum) process.exitCode = sum(rest);
  else {
    refuseLeftovers(options, rest);
    process.exitCode = run(values);
  }
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

function run(values: Values<typeof options>): number {
  if (values.planted === 'list') {
    console.log(plantedBugs.join('\n'));
    return 0;
  }
  const overrides = overridesOf(values);
  if (values.seed !== undefined) return runOne(values.seed, overrides, values.trace);
  const seeds = values.seeds ?? (values.soak ? soakSeeds : 200);
  return runMany(values.from ?? 1, seeds, overrides, values.figures);
}

function sum(files: readonly string[]): number {
  if (files.length === 0) throw new UsageError('--sum needs the files that --figures has written');
  const shards = files.map((file) => JSON.parse(readFileSync(file, 'utf8')) as Figures);
  try {
    const { summary, wallMs } = addUp(shards);
    console.log(summaryText(summary, wallMs));
    return summary.violations.length === 0 ? 0 : 1;
  } catch (error) {
    if (!(error instanceof FiguresError)) throw error;
    throw new UsageError(`--sum: ${error.message}`);
  }
}

function overridesOf(values: Values<typeof options>): Overrides {
  const { workers, messages, faults, planted, resilience } = values;
  const faultRate = values['fault-rate'] ?? (values.soak ? soakFaultRate : undefined);
  if (faultRate !== undefined && !(faultRate > 0)) throw new UsageError('--fault-rate is more than 0');
  if (planted !== undefined && !plantedBugs.includes(planted as never)) {
    throw new UsageError(`--planted: there is no bug '${planted}'; --planted list names them`);
  }
  if (resilience !== undefined && resilience !== 'on' && resilience !== 'off') {
    throw new UsageError('--resilience is on or off');
  }
  return {
    ...(workers !== undefined && { workers }),
    ...(messages !== undefined && { messages }),
    ...(faultRate !== undefined && { faultRate }),
    ...(faults !== undefined && { faults: parseFaults(faults) }),
    ...(planted !== undefined && { planted: [planted] }),
    ...(resilience !== undefined && { resilience: resilience === 'on' }),
  };
}

function parseFaults(text: string): readonly Fault[] {
  try {
    const faults: unknown = JSON.parse(text);
    if (Array.isArray(faults)) return faults as Fault[];
  } catch {
    // Told below, as what is no list is.
  }
  throw new UsageError('--faults needs a list in JSON, as it is printed for a violation');
}

function runOne(seed: number, overrides: Overrides, trace: boolean): number {
  const report = runScenario(drawScenario(seed, overrides), trace);
  for (const line of report.trace) console.log(line);
  const { scenario, violation, virtualMs, fired, kills, hash } = report;
  console.log(
    `seed ${seed}: ${scenario.workers} workers, ${report.pushed} messages, ${(virtualMs / 1000).toFixed(1)} s, ` +
      `${fired.length} of ${scenario.faults.length} faults fired, ${kills} kills, trace ${hash}`,
  );
  if (violation === undefined) return 0;
  console.log(`${violation.checker}: ${violation.text}`);
  if (!trace) explain(report, overrides);
  return 1;
}

function runMany(from: number, seeds: number, overrides: Overrides, figures: string | undefined): number {
  const startedAt = performance.now();
  const failed: RunReport[] = [];
  const write = (so_far: Summary) => {
    if (figures === undefined) return;
    const campaign = { from, settings: JSON.stringify(overrides), wallMs: performance.now() - startedAt };
    writeFileSync(figures, `${JSON.stringify(figuresOf(so_far, campaign), undefined, 2)}\n`);
  };
  const summary = runCampaign({
    from,
    seeds,
    overrides,
    after: (report, so_far) => {
      showProgress(so_far, seeds);
      if (so_far.seeds % figuresSeeds === 0) write(so_far);
      if (report.violation === undefined) return false;
      if (failed.length < shrunkMax) failed.push(report);
      return overrides.planted !== undefined;
    },
  });
  write(summary);
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  console.log(summaryText(summary, performance.now() - startedAt));
  for (const report of failed) explain(report, overrides);
  return summary.violations.length === 0 ? 0 : 1;
}

/** Shrinks a failed run and says how to run what is left of it. */
function explain({ scenario, violation, fired }: RunReport, overrides: Overrides): void {
  const { seed, faults, input } = scenario;
  const shrunk = shrink({ faults, messages: input.messages }, { violation, fired }, (candidate) =>
    runScenario(drawScenario(seed, { ...overrides, ...candidate })),
  );
  const workers = overrides.workers === undefined ? '' : ` --workers ${overrides.workers}`;
  const planted = overrides.planted === undefined ? '' : ` --planted '${overrides.planted[0]}'`;
  const resilience =
    overrides.resilience === undefined ? '' : ` --resilience ${overrides.resilience ? 'on' : 'off'}`;
  console.log(
    `\nseed ${seed}, shrunk in ${shrunk.runs} runs to ${shrunk.faults.length} faults and ${shrunk.messages} messages a source:\n` +
      `  ${shrunk.violation.checker}: ${shrunk.violation.text}\n` +
      `  npm run simulate -- --seed ${seed} --messages ${shrunk.messages}${workers}${planted}${resilience} --faults '${JSON.stringify(shrunk.faults)}'`,
  );
}

function showProgress({ seeds, violations }: Summary, all: number): void {
  if (process.stderr.isTTY && (seeds % 10 === 0 || seeds === all)) {
    process.stderr.write(`\r${seeds} of ${all} seeds, ${violations.length} violations`);
  } else if (!process.stderr.isTTY && seeds % 1000 === 0) {
    process.stderr.write(`${seeds} of ${all} seeds, ${violations.length} violations\n`);
  }
}
