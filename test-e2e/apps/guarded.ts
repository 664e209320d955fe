import {
  application,
  framedTcpSource,
  lineTcpSource,
  source,
  tcpSink,
  webSocketSource,
} from '@wallaroo/worker';

/**
 * Open to everybody: three sources that take JSON `{"from": TEXT, "number": N}` and nothing else. The decoder's
 * errors quote what came, as careless ones do.
 */
interface Message {
  readonly from: string;
  readonly number: number;
}

function decoder(bytes: Buffer, start: number, end: number): Message {
  const text = bytes.toString('utf8', start, end);
  let message: Partial<Message> | null = null;
  try {
    message = JSON.parse(text) as Partial<Message> | null;
  } catch {
    // Told below.
  }
  if (typeof message?.from === 'string' && typeof message.number === 'number') return message as Message;
  throw new Error(`no message: ${text}`);
}

const encoder = (message: Message) => `${JSON.stringify(message)}\n`;
const parallelism = 1000;

export default application(
  'guarded',
  source('framed', framedTcpSource({ decoder, parallelism })).toSink(tcpSink({ encoder })),
  source('lines', lineTcpSource({ decoder, parallelism })).toSink(tcpSink({ encoder })),
  source('web', webSocketSource({ decoder, parallelism })).toSink(tcpSink({ encoder })),
);
