import { createServer } from 'node:net';
import { runWorker } from '@wallaroo/worker';
import relay from './relay.js';

/** A program that runs workers and ends by itself when they have: nothing of theirs may keep it alive. */
const log = { line: () => undefined, write: () => undefined };
const inputs = { in: '127.0.0.1:0' };

const worker = runWorker(relay(['--sink=stdout']), { inputs, log, external: '127.0.0.1:0' });
await worker.ready;
await worker.stop();

const websocket = ['--source=websocket', '--sink=websocket'];
const stopped = runWorker(relay(websocket), { inputs, outputs: ['127.0.0.1:0'], log });
await stopped.stop();

const blocker = createServer().listen(0, '127.0.0.1', () => {
  const { port } = blocker.address() as { port: number };
  const failing = runWorker(relay(websocket), { inputs, outputs: [`127.0.0.1:${port}`], log });
  failing.done.catch((error: Error) => {
    blocker.close();
    console.log(`ended: ${error.name}`);
  });
  failing.ready.catch(() => undefined);
});
