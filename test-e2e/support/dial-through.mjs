import net from 'node:net';
import { syncBuiltinESMExports } from 'node:module';

/**
 * For `node --import`: all TCP connections that this process dials go through the `Proxy` at PROXY_PORT. Each
 * begins with two bytes that tell the port it is meant for.
 */
const { connect } = net;

net.connect = net.createConnection = (options, ...more) => {
  const socket = connect({ ...options, host: '127.0.0.1', port: Number(process.env['PROXY_PORT']) }, ...more);
  const { port } = options;
  socket.write(Buffer.of(port >> 8, port & 0xff));
  return socket;
};
syncBuiltinESMExports();
