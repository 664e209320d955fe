import {
  connectorSink,
  connectorSource,
  framedTcpSource,
  tcpSink,
  type Decoder,
  type Encoder,
  type SinkConfig,
  type SourceConfig,
} from '@wallaroo/worker';
import { connectorCookie as cookie } from '../load/connector-cookie.js';

/**
 * `--connector-source`: a source that can be asked again, so that it needs no journal. `--no-journal`: with resilience,
 * what was read since the last checkpoint may be lost.
 */
export function sourceFor<T>(args: readonly string[], decoder: Decoder<T>): SourceConfig<T> {
  if (args.includes('--connector-source')) return connectorSource({ decoder, cookie });
  return framedTcpSource({ decoder, sourceJournal: !args.includes('--no-journal') });
}

/** `--connector-sink`: by two-phase commit with each checkpoint. */
export function sinkFor<T>(args: readonly string[], encoder: Encoder<T>): SinkConfig<T> {
  return args.includes('--connector-sink') ? connectorSink({ encoder, cookie }) : tcpSink({ encoder });
}
