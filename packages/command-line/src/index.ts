export * from './help.js';
export * from './leftovers.js';
export * from './options.js';
export * from './parse.js';
export * from './suggest.js';
