export * from './errors.js';
export {
  ConnectorSource,
  type ConnectorSourceEvents,
  type ConnectorSourceOptions,
} from './source/connector-source.js';
export { fileFrames, fileLines, type FileStreamOptions } from './source/file-records.js';
export type { ReplayableStream, StreamRecord } from './source/replayable-stream.js';
