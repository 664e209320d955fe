import { ConnectorSource, fileLines } from '@wallaroo/connector';
import { parseAddress } from '@wallaroo/protocol';
import { readOptions } from '../support/arguments.js';
import { command } from '../support/command.js';
import { cookie } from './app.js';

/** Brings the lines of a file to the workers, and ends when the cluster has kept all of them. */
await command(import.meta.url, async (args) => {
  const { to, file } = readOptions(args, { to: '127.0.0.1:7010', file: '/tmp/lines.txt' });
  const addresses = to.split(',').map(parseAddress);
  const workers = new ConnectorSource({ addresses, cookie });
  workers.on('opened', (stream, after = 0n) => console.log(`${stream} goes on at byte ${after}`));
  workers.on('disconnected', (_, error) => console.log(error.message));
  workers.start();
  await workers.addStream(fileLines(file));
  await workers.close();
  console.log('All lines are safe.');
});
