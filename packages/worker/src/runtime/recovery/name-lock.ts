import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { NameTakenError } from '../errors.js';

/**
 * Says which process uses the files of a worker, so that no two do. A process that was killed leaves its lock
 * behind; a lock whose process is gone is taken over.
 */
export class NameLock {
  private held = false;
  private readonly releaseAtExit = () => this.release();

  constructor(
    private readonly path: string,
    private readonly application: string,
    private readonly worker: string,
  ) {}

  /** @throws NameTakenError */
  take(): void {
    for (let tries = 0; ; tries++) {
      try {
        writeFileSync(this.path, `${process.pid} ${startOf(process.pid) ?? ''}\n`, {
          flag: 'wx',
          mode: 0o600,
        });
        break;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || tries > 0) throw error;
        const holder = holderOf(this.path);
        if (holder !== undefined) throw new NameTakenError(this.application, this.worker, holder, this.path);
        rmSync(this.path, { force: true });
      }
    }
    this.held = true;
    process.once('exit', this.releaseAtExit);
  }

  release(): void {
    if (!this.held) return;
    this.held = false;
    process.off('exit', this.releaseAtExit);
    rmSync(this.path, { force: true });
  }
}

/** The process that holds a lock; undefined when it is gone. */
function holderOf(path: string): number | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
  const [, pid, start] = /^(\d+) (\d*)\n$/.exec(text) ?? [];
  if (pid === undefined) return undefined;
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return undefined;
  }
  // The number of a process that is gone may have been given to another one.
  const now = startOf(Number(pid));
  return start !== '' && now !== undefined && now !== start ? undefined : Number(pid);
}

/** When a process started, as the system counts it; undefined where it does not tell. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
