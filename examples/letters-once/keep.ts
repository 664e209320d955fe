import { ConnectorSink } from '@wallaroo/connector';
import { parseAddress } from '@wallaroo/protocol';
import { readOptions } from '../support/arguments.js';
import { command } from '../support/command.js';
import { cookie } from './app.js';

/** Keeps in `DIRECTORY/*.out` what the cluster commits. */
await command(import.meta.url, async (args) => {
  const { listen, directory } = readOptions(args, { listen: '127.0.0.1:7002', directory: '/tmp/letters' });
  const sink = await ConnectorSink.listen({ address: parseAddress(listen), directory, cookie });
  console.log(`Listening on ${sink.address.host}:${sink.address.port}`);
  sink.on('connected', ({ name }, position) => console.log(`${name} goes on at byte ${position}`));
  sink.on('committed', ({ name }, _, { start, end }) => {
    if (end > start) console.log(`${name} has ${end} bytes`);
  });
});
