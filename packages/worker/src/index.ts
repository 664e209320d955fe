/**
 * The one door for application authors.
 *
 *     const votes = record({ letter: ascii(1), votes: u32 });
 *     export default application(
 *       'Alphabet',
 *       source('votes', framedTcpSource({ decoder: votes.decode }))
 *         .keyBy((vote) => vote.letter)
 *         .to(stateComputation('count', () => ({ votes: 0 }), count))
 *         .toSink(tcpSink({ encoder: (total) => `${total.letter} => ${total.votes}\n` })),
 *     );
 */
export { application, type Application, type ApplicationOptions } from './api/application.js';
export {
  bufferDecoder,
  encodeMessage,
  framed,
  writerEncoder,
  type Codec,
  type Decoder,
  type EncodeFunction,
  type Encoder,
  type WriterEncoder,
} from './api/codec.js';
export { bytes, json, utf8 } from './api/codecs.js';
export {
  computation,
  computationMulti,
  stateComputation,
  stateComputationMulti,
  type Computation,
  type StateCodec,
  type StateDeclaration,
  type StateFactory,
} from './api/computation.js';
export { ApplicationError, DecodeError } from './api/errors.js';
export { ClosedPipeline, Pipeline, source } from './api/pipeline.js';
export {
  ascii,
  constant,
  f32,
  f64,
  i32,
  padding,
  record,
  u16,
  u32,
  u53,
  u64,
  u8,
  type Field,
  type FieldTable,
  type NumberField,
  type RecordCodec,
  type RecordOf,
} from './api/record-codec.js';
export type { RunningSink, SinkConfig, SinkContext, SinkTransactions } from './api/sink.js';
export type {
  ConnectorInput,
  RunningSource,
  SourceClient,
  SourceConfig,
  SourceContext,
  SourceInput,
} from './api/source.js';
export { UserCodeError } from './core/step/user-code.js';
export {
  ConfigurationError,
  ListenError,
  OutputClosedError,
  UnsentOutputError,
  WorkerError,
} from './runtime/errors.js';
export type { Severity } from './core/ports.js';
export type { WorkerLog } from './runtime/log.js';
export type { WorkerAddresses } from './runtime/worker-settings.js';
export { runWorker, type RunOptions, type WorkerHandle } from './runtime/run-worker.js';
export { connectorSink, type ConnectorSinkOptions } from './runtime/sinks/connector/connector-sink.js';
export { stdoutSink, type StdoutSinkOptions } from './runtime/sinks/stdout-sink.js';
export { tcpSink, type TcpSinkOptions } from './runtime/sinks/tcp-sink.js';
export { webSocketSink, type WebSocketSinkOptions } from './runtime/sinks/websocket-sink.js';
export {
  connectorSource,
  type ConnectorSourceOptions,
} from './runtime/sources/connector/connector-source.js';
export { generatorSource, type GeneratorSourceOptions } from './runtime/sources/generator-source.js';
export {
  framedTcpSource,
  lineTcpSource,
  type FramedTcpSourceOptions,
  type LineTcpSourceOptions,
} from './runtime/sources/tcp-source.js';
export { webSocketSource, type WebSocketSourceOptions } from './runtime/sources/websocket-source.js';
export { type Address, type ByteWriter } from '@wallaroo/protocol';
