import type { Address } from '@wallaroo/protocol';

/** How a worker comes to its cluster. */
export type Role =
  | { readonly kind: 'initializer'; readonly workerCount: number }
  | { readonly kind: 'worker'; readonly initializer: Address }
  /** `contact`: the control address of any member; `workerCount`: how many join together. */
  | { readonly kind: 'joiner'; readonly contact: Address; readonly workerCount: number };
