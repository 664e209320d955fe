import { helpText, UsageError, type Values } from '@wallaroo/command-line';
import { formatAddress, type Address } from '@wallaroo/protocol';
import { runCommand } from '../command.js';
import { onStopSignal } from '../stop-signal.js';
import { help, receiverSettings, type options, type ReceiverSettings } from './options.js';
import { Receiver } from './receiver.js';
import { SharedOutput } from './shared-output.js';

await runCommand({ help, run });

async function run(values: Values<typeof options>): Promise<number> {
  let settings: ReceiverSettings;
  try {
    settings = receiverSettings(values);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(error.message);
    console.log(await helpText(help));
    return 1;
  }
  const receiver = new Receiver(settings, new SharedOutput(process.stdout));
  const outputLost = new Promise<'lost'>((resolve) => process.stdout.once('error', () => resolve('lost')));
  const stopped = new Promise<'stopped'>((resolve) => onStopSignal(() => resolve('stopped')));

  let address: Address;
  try {
    address = await receiver.listen();
  } catch {
    console.error('Unable to listen');
    return 1;
  }
  console.log(`Listening on ${formatAddress(address)}`);

  const end = await Promise.race([stopped, outputLost]);
  // Whoever read the output has gone: sockets and stream have no more use, and nothing can be flushed.
  if (end === 'lost') process.exit(1);
  await Promise.race([receiver.stop(), outputLost]);
  return 0;
}
