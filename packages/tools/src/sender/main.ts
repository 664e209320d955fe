import { constants } from 'node:os';
import type { Values } from '@wallaroo/command-line';
import type { Address } from '@wallaroo/protocol';
import { runCommand } from '../command.js';
import { onStopSignal, type StopSignal } from '../stop-signal.js';
import { DeliveryError, Destination } from './destination.js';
import { TruncatedInputError } from './input-bytes.js';
import { checkFiles, openFile } from './input-files.js';
import { messagesOf } from './messages.js';
import { help, type options } from './options.js';
import { Pace } from './pace.js';
import { planOf } from './plan.js';
import { Sender } from './send.js';
import { SentLog } from './sent-log.js';

const connectWithinMs = 10_000;

// This command tells mistakes in its arguments on standard output, and scripts look for them there.
await runCommand({ help, run, complain: console.log });

async function run(values: Values<typeof options>): Promise<number> {
  const plan = planOf(values);
  if ('files' in plan.content) checkFiles(plan.content.files);
  const log = plan.write ? SentLog.open('sent.txt') : undefined;

  const ending = new AbortController();
  let stopSignal: StopSignal | undefined;
  onStopSignal((signal) => {
    stopSignal = signal;
    ending.abort();
  });

  let sender: Sender | undefined;
  let destinations: readonly Destination[] = [];
  try {
    destinations = await connectAll(plan.hosts, ending);
    sender = new Sender({
      source: messagesOf(plan.content, openFile),
      destinations,
      pace: new Pace(plan.rate, performance.now(), Math.random),
      messagesMax: plan.messages,
      log,
      signal: ending.signal,
    });
    try {
      await sender.run();
    } finally {
      await Promise.all(destinations.map((destination) => destination.finish()));
    }
  } catch (error) {
    for (const destination of destinations) destination.destroy();
    if (stopSignal === undefined) {
      if (!(error instanceof DeliveryError || error instanceof TruncatedInputError)) throw error;
      console.error(`Error: ${error.message}. ${sender?.sent ?? 0} of ${plan.messages} messages were sent.`);
      return 1;
    }
  } finally {
    log?.close();
  }
  if (stopSignal === undefined) return 0;
  console.error(`Stopped by ${stopSignal}. ${sender?.sent ?? 0} of ${plan.messages} messages were sent.`);
  return 128 + constants.signals[stopSignal];
}

/** All or none: messages go round, so that each host is needed from the start. */
async function connectAll(hosts: readonly Address[], ending: AbortController): Promise<Destination[]> {
  const connected: Destination[] = [];
  const attempts = hosts.map(async (host, place) => {
    connected[place] = await Destination.connect(host, (lost) => ending.abort(lost), {
      withinMs: connectWithinMs,
      onRefused: () => console.log('Unable to connect'),
      signal: ending.signal,
    });
    console.log('Connected');
  });
  try {
    await Promise.all(attempts);
    return connected;
  } catch (error) {
    ending.abort();
    await Promise.allSettled(attempts);
    for (const destination of connected) destination?.destroy();
    throw error;
  }
}
