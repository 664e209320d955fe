export * from './errors.js';
export {
  ConnectorSource,
  type ConnectorSourceEvents,
  type ConnectorSourceOptions,
} from './source/connector-source.js';
export { fileFrames, fileLines, type FileStreamOptions } from './source/file-records.js';
export type { ReplayableStream, StreamRecord } from './source/replayable-stream.js';
export { ConnectorSink, type ConnectorSinkOptions } from './sink/connector-sink.js';
export { nodeDisk, type Disk, type DiskFile } from './sink/disk.js';
export type { ConnectorSinkEvents, SinkStream } from './sink/sink-events.js';
export type { Range } from './sink/stream-store.js';
