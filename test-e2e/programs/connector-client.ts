import { setTimeout as delay } from 'node:timers/promises';
import { ConnectorSource, type ReplayableStream } from '@wallaroo/connector';
import { parseAddress } from '@wallaroo/protocol';

/**
 * Brings one stream to the application `connectors`, and says `finished` when all of it is safe.
 *
 *     connector-client.ts ADDRESS[,ADDRESS...] STREAM MESSAGES
 *
 * The messages of ten keys, each with its numbers from 1 up; record N is the same in each replay.
 */
const [addresses = '', name = '', messages = '0'] = process.argv.slice(2);

const stream: ReplayableStream = {
  name,
  async *replay(after = 0n, signal) {
    for (let id = Number(after) + 1; id <= Number(messages); id++) {
      const number = Math.ceil(id / 10);
      yield { id: BigInt(id), bytes: Buffer.from(`${name}.${id % 10} ${number}`) };
      // So that it takes a while, and something can happen meanwhile.
      if (id % 25 === 0) await delay(10, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
    }
  },
};

const source = new ConnectorSource({
  addresses: addresses.split(',').map(parseAddress),
  cookie: 'way in',
  reconnectDelayMs: { min: 20, max: 200 },
  refusedRetryMs: 50,
});
source.on('opened', (_, after) => console.log(`opened after ${after}`));
source.on('refused', () => console.log('refused'));
source.on('restarted', (address) => console.log(`restarted at ${address}`));
source.on('disconnected', (_, error) => console.log(`disconnected: ${error.message}`));
source.start();
await source.addStream(stream);
await source.close();
console.log('finished');
