import { once } from 'node:events';
import { expect } from 'chai';
import { WebSocket, type RawData } from 'ws';
import { eventually } from '../support/changes.js';
import { Client, frames, freePort } from '../support/client.js';
import { stopAll } from '../support/process.js';
import { launchWorker, type LaunchedWorker } from '../support/worker-process.js';

describe('WebSocket sink', () => {
  let worker: LaunchedWorker;
  let port: number;
  let input: Client;

  const relay = async (...args: string[]) => {
    port = await freePort();
    worker = await launchWorker({
      app: 'relay',
      args: ['--in', 'in@127.0.0.1:0', '--out', `127.0.0.1:${port}`, '--sink=websocket', ...args],
    });
    input = await Client.connect(worker.port('in'));
  };
  afterEach(stopAll);

  const open = async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`);
    const got: string[] = [];
    const binary: boolean[] = [];
    socket.on('message', (data: RawData, isBinary: boolean) => {
      got.push((data as Buffer).toString());
      binary.push(isBinary);
    });
    await once(socket, 'open');
    return { socket, got, binary };
  };
  const numbers = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, i) => `${from + i}`);

  it('gives every client everything from when it connected, one message a frame', async () => {
    await relay();
    await input.write(frames(['for nobody']));
    const first = await open();
    await input.write(frames(numbers(1, 100)));
    await eventually(() => first.got.length >= 100, 'the first hundred');
    const second = await open();
    await input.write(frames(numbers(101, 200)));
    await eventually(() => first.got.length >= 200 && second.got.length >= 100, 'the second hundred');
    const closed = Promise.all([once(first.socket, 'close'), once(second.socket, 'close')]);
    expect((await worker.stop()).code).to.equal(0);
    expect((await closed).map(([status]) => status as number)).to.deep.equal([1001, 1001]);
    expect(first.got.filter((text) => text !== 'for nobody')).to.deep.equal(numbers(1, 200));
    expect(second.got).to.deep.equal(numbers(101, 200));
    expect(first.binary).to.not.include(true);
  });

  it('sends binary frames if the application says so', async () => {
    await relay('--sink=binary-websocket');
    const client = await open();
    await input.write(frames(numbers(1, 3)));
    await eventually(() => client.got.length === 3, 'three messages');
    expect(client.binary).to.deep.equal([true, true, true]);
  });

  it('makes the sources wait for a client that reads slowly, and loses nothing for any', async () => {
    await relay();
    const [slow, quick] = [await open(), await open()];
    slow.socket.pause();
    const texts = Array.from({ length: 40_000 }, (_, i) => `${i} ${'x'.repeat(1000)}`);
    const all = input.write(frames(texts));
    await worker.waitForLine(/Sources muted: sink WebSocket /);
    slow.socket.resume();
    await all;
    await eventually(() => quick.got.length === texts.length && slow.got.length === texts.length, 'all');
    expect(quick.got).to.deep.equal(texts);
    expect(slow.got).to.deep.equal(texts);
    expect((await worker.stop()).code).to.equal(0);
  });

  it('disconnects a client that takes nothing for seconds, and loses nothing for the others', async () => {
    await relay();
    const [stalled, quick] = [await open(), await open()];
    stalled.socket.pause();
    const texts = Array.from({ length: 40_000 }, (_, i) => `${i} ${'x'.repeat(1000)}`);
    const all = input.write(frames(texts));
    await worker.waitForLine(/WebSocket sink: a client took nothing for 5000 ms, disconnected/);
    await all;
    await eventually(() => quick.got.length === texts.length, 'all');
    expect(quick.got).to.deep.equal(texts);
    stalled.socket.terminate();
    expect((await worker.stop()).code).to.equal(0);
  });
});
