import { connectorMessages, connectorSourceVersion, type ConnectorMessage } from '@wallaroo/protocol';
import { expect } from 'chai';
import { RawClient } from '../support/raw-client.js';
import { stopAll } from '../support/process.js';
import { launchWorker } from '../support/worker-process.js';

describe('connector source', () => {
  afterEach(stopAll);
  afterEach(() => RawClient.closeAll());

  const hello = (cookie: string): ConnectorMessage => ({
    ...{ type: 'hello', version: connectorSourceVersion, cookie, program: 'test', instance: '1' },
  });
  /** What a worker answers to a client that greets it. */
  const answerTo = async (port: number, cookie: string) => {
    const client = await RawClient.connect(port);
    client.send(connectorMessages.encode(hello(cookie)).toString('hex'));
    return connectorMessages.decode(await client.next());
  };

  it('has the cookie and the credits of --in, not those of the application', async () => {
    const worker = await launchWorker({
      app: 'connectors',
      args: ['--in', 'in@127.0.0.1:0:the secret:70:10', '--out', '127.0.0.1:1'],
    });
    expect(await answerTo(worker.port('in'), 'the secret')).to.deep.equal({ type: 'ok', credits: 70 });
    expect(await answerTo(worker.port('in'), 'way in')).to.include({ type: 'error' });
  });

  it('has those of the application where --in does not say', async () => {
    const worker = await launchWorker({
      app: 'connectors',
      args: ['--in', 'in@127.0.0.1:0', '--out', '127.0.0.1:1'],
    });
    expect(await answerTo(worker.port('in'), 'way in')).to.deep.equal({ type: 'ok', credits: 200 });
  });
});
