/**
 * Loaded with `--import` into a process that is profiled. SIGUSR2 starts the profiler, and again ends it and
 * writes the profile, so that start-up and warm-up stay out of it.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';

const file = process.env.WALLAROO_BENCH_PROFILE;
const session = new Session();
session.connect();
session.post('Profiler.enable');
session.post('Profiler.setSamplingInterval', { interval: 500 });

process.once('SIGUSR2', () => {
  session.post('Profiler.start');
  process.once('SIGUSR2', () => {
    session.post('Profiler.stop', (error, result) => {
      writeFileSync(`${file}.part`, JSON.stringify(error ?? result.profile));
      renameSync(`${file}.part`, file);
    });
  });
});
