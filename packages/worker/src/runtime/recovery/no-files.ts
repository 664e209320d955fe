import type { Storage } from '../../core/ports.js';
import type { StorageEvents } from './recovery-files.js';

/** For a worker that has nothing to come back to: alone, and without resilience. */
export class NoFiles implements Storage {
  private events: StorageEvents | undefined;

  listenTo(events: StorageEvents): void {
    this.events = events;
  }

  store(operation: number): void {
    setImmediate(() => this.events?.stored(operation));
  }

  remove(operation: number): void {
    setImmediate(() => this.events?.stored(operation));
  }

  release(): void {
    return;
  }
}
