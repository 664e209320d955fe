/**
 * Loaded with `--import` into a worker whose event loop is watched. SIGUSR2 begins, and the next one ends and writes
 * to the file $WALLAROO_BENCH_STALLS how long the loop stood still: the time between two ticks of a timer, less the
 * millisecond that it is set to, and less what the main thread waited for its core while others had it.
 */
import { performance } from 'node:perf_hooks';
import { clearInterval, setInterval } from 'node:timers';
import { openSync, readSync, renameSync, writeFileSync } from 'node:fs';

const file = process.env.WALLAROO_BENCH_STALLS;
const schedstat = openSync('/proc/self/schedstat', 'r');
const bytes = Buffer.alloc(64);

/** Milliseconds that the main thread was ready to run and did not. */
function waitedMs() {
  const length = readSync(schedstat, bytes, 0, bytes.length, 0);
  return Number(bytes.toString('latin1', 0, length).split(' ')[1]) / 1e6;
}

process.once('SIGUSR2', () => {
  const stalls = [];
  let last = performance.now();
  let waited = waitedMs();
  const timer = setInterval(() => {
    const now = performance.now();
    const waitedNow = waitedMs();
    stalls.push(Math.max(0, now - last - 1 - (waitedNow - waited)));
    last = now;
    waited = waitedNow;
  }, 1);
  process.once('SIGUSR2', () => {
    clearInterval(timer);
    stalls.sort((one, other) => one - other);
    const longest = stalls.at(-1);
    const p999 = stalls[Math.floor(stalls.length * 0.999)];
    writeFileSync(`${file}.part`, JSON.stringify({ longest, p999 }));
    renameSync(`${file}.part`, file);
  });
});
