import { helpText, parseArguments, refuseLeftovers, UsageError } from '@wallaroo/command-line';
import { endClusters } from '../support/cluster.js';
import { endSequences } from '../support/sequence-cluster.js';
import { help, options } from './options.js';
import { Soak } from './soak.js';
import { reportText } from './report.js';

try {
  const { values, rest } = parseArguments(options, process.argv.slice(2));
  if (values.help) console.log(await helpText(help));
  else {
    refuseLeftovers(options, rest);
    const seed = values.seed ?? Math.floor(Math.random() * 1e6);
    const { minutes = 10, steps = Infinity, workers = 3 } = values;
    console.log(`seed ${seed}, ${minutes} minutes`);
    const soak = await Soak.start({ seed, workers, tell: (line) => console.log(line) });
    const report = await soak.run({ minutes, steps });
    console.log(reportText(report));
    process.exitCode = report.violations.length === 0 ? 0 : 1;
    await endClusters();
    await endSequences();
  }
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
