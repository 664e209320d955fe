import { ConnectorSink } from '@wallaroo/connector';

/** A sink for the application `connectors`: `connector-sink.ts DIRECTORY PORT`. Says what comes. */
const [directory = '', port] = process.argv.slice(2);
const address = { host: '127.0.0.1', port: Number(port) };
const sink = await ConnectorSink.listen({ address, directory, cookie: 'way out' });
console.log(`listening on ${sink.address.port}`);
sink.on('connected', ({ name }, position) => console.log(`connected ${name} at ${position}`));
sink.on('votedNo', ({ name }, _, why) => console.log(`voted no ${name}: ${why}`));
sink.on('committed', (_, transaction) => console.log(`committed ${transaction}`));
sink.on('aborted', (_, transaction) => console.log(`aborted ${transaction}`));
sink.on('disconnected', (_, error) => console.log(`disconnected ${error?.message}`));
sink.on('workersLeft', (workers) => console.log(`left ${workers.join()}`));
