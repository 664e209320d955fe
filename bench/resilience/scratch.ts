import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Subject } from './subject.js';

/** What one measurement makes, and what goes with it however it ends. */
export class Scratch {
  readonly subjects: Subject[] = [];

  private constructor(private readonly root: string) {}

  static async use<T>(work: (scratch: Scratch) => Promise<T>): Promise<T> {
    const scratch = new Scratch(mkdtempSync(join(tmpdir(), 'wallaroo-bench-')));
    try {
      return await work(scratch);
    } finally {
      await Promise.all(scratch.subjects.map((subject) => subject.kill()));
      rmSync(scratch.root, { recursive: true, force: true });
    }
  }

  folder(name: string): string {
    const path = join(this.root, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  file(name: string): string {
    return join(this.root, name);
  }
}
