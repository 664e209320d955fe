import { UsageError, type Values } from '@wallaroo/command-line';
import {
  AddressFormatError,
  ConnectFailedError,
  ExternalClient,
  InvalidExternalMessageError,
  NoReplyError,
  OversizedFrameError,
  parseAddress,
  type Address,
} from '@wallaroo/protocol';
import { runCommand } from '../command.js';
import { help, type options } from './options.js';
import { answerText, requestOfType, type RequestRow } from './requests.js';

await runCommand({ help, run });

async function run({ external, type, message, json }: Values<typeof options>): Promise<number> {
  const row = requestOfType(type ?? 'print');
  const address = targetOf(external);
  let client: ExternalClient | undefined;
  try {
    client = await ExternalClient.connect(address);
    if (!json) console.log('Connected...');
    return await exchange(client, row, message ?? '', json);
  } catch (error) {
    console.error(failureText(error));
    return 1;
  } finally {
    await client?.close();
  }
}

async function exchange(
  client: ExternalClient,
  row: RequestRow,
  message: string,
  json: boolean,
): Promise<number> {
  if ('command' in row) {
    client.send(row.command(message));
    return 0;
  }
  client.send(row.query);
  const answer = answerText(row, await client.receive(), json);
  if (answer === undefined) {
    console.error('Received unhandled external message type');
    return 1;
  }
  console.log(answer);
  return 0;
}

function targetOf(external: string | undefined): Address {
  if (external === undefined) throw new UsageError('Error sending.\n--external HOST:PORT is required.');
  try {
    return parseAddress(external);
  } catch (cause) {
    if (!(cause instanceof AddressFormatError)) throw cause;
    throw new UsageError(`Error sending.\n--external: ${cause.message}`, { cause });
  }
}

function failureText(error: unknown): string {
  if (error instanceof ConnectFailedError) return 'Failed to connect';
  if (error instanceof InvalidExternalMessageError) return 'Received invalid message';
  if (error instanceof NoReplyError || error instanceof OversizedFrameError) return 'Error reading header';
  throw error;
}
