import { helpOption, helpText, parseArguments, refuseLeftovers, UsageError } from '@wallaroo/command-line';
import { ConnectFailedError, ExternalClient, parseAddress, type Address } from '@wallaroo/protocol';

const usage = 'Usage: cluster_shutdown HOST:PORT';
const options = { help: helpOption };

const help = {
  usage: `${usage}

Stops a whole cluster cleanly: every worker closes its sources, deletes its recovery files and exits.
HOST:PORT is the external channel (--external) of any worker.`,
  options,
  examples: [
    ['cluster_shutdown 127.0.0.1:5050', 'stop the cluster of the worker that listens there'],
  ] as const,
};

process.exitCode = await main(process.argv.slice(2));

/** Gives the exit status. */
async function main(argv: readonly string[]): Promise<number> {
  try {
    const { values, rest } = parseArguments(options, argv);
    if (values.help) {
      console.log(await helpText(help));
      return 0;
    }
    await shutDown(addressAmong(rest));
    return 0;
  } catch (error) {
    if (error instanceof ConnectFailedError) console.error(`Error: ${error.message}`);
    else if (error instanceof UsageError) console.error(error.message);
    else throw error;
    return 1;
  }
}

async function shutDown(address: Address): Promise<void> {
  const client = await ExternalClient.connect(address);
  client.send({ type: 'cleanShutdown', body: '' });
  await client.close();
}

function addressAmong(words: readonly string[]): Address {
  refuseLeftovers(
    options,
    words.filter((word) => word.startsWith('-')),
  );
  if (words.length !== 1) throw new UsageError(usage);
  try {
    return parseAddress(words[0]!);
  } catch (cause) {
    throw new UsageError(usage, { cause });
  }
}
