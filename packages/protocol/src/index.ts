export * from './address.js';
export * from './byte-reader.js';
export * from './byte-writer.js';
export * from './external-client.js';
export * from './external-messages.js';
export * from './frame-splitter.js';
export * from './hub-messages.js';
