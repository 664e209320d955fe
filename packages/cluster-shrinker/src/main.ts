import { helpText, parseArguments, refuseLeftovers, UsageError } from '@wallaroo/command-line';
import {
  AddressFormatError,
  ConnectFailedError,
  ExternalClient,
  formatAddress,
  InvalidExternalMessageError,
  NoReplyError,
  OversizedFrameError,
  parseAddress,
  type Address,
  type ShrinkRequest,
} from '@wallaroo/protocol';
import { help, options } from './options.js';
import { failure, outcomeOf, type Outcome } from './outcome.js';
import { shrinkRequest } from './request.js';

process.exitCode = await main(process.argv.slice(2));

/** Gives the exit status. */
async function main(argv: readonly string[]): Promise<number> {
  try {
    const { values, rest } = parseArguments(options, argv);
    if (values.help) {
      console.log(await helpText(help));
      return 0;
    }
    refuseLeftovers(options, rest);
    const request = shrinkRequest(values);
    const { output, line, exitCode } = await ask(parseAddress(values.external ?? ''), request);
    (output === 'stdout' ? console.log : console.error)(line);
    return exitCode;
  } catch (error) {
    if (error instanceof AddressFormatError) console.log(await helpText(help));
    else if (error instanceof UsageError) console.error(error.message);
    else throw error;
    return 1;
  }
}

async function ask(address: Address, request: ShrinkRequest): Promise<Outcome> {
  let client: ExternalClient | undefined;
  try {
    client = await ExternalClient.connect(address);
    client.send({ type: 'shrinkRequest', body: request });
    return outcomeOf(await client.receive());
  } catch (error) {
    if (error instanceof ConnectFailedError) return failure(`Failed to connect to ${formatAddress(address)}`);
    if (error instanceof InvalidExternalMessageError) return failure('Received invalid message');
    if (error instanceof NoReplyError || error instanceof OversizedFrameError) {
      return failure('Error reading header');
    }
    throw error;
  } finally {
    await client?.close();
  }
}
