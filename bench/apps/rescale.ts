import { appendFileSync, renameSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { RunningSink, RunningSource, SinkConfig, SourceConfig } from '@wallaroo/worker';
import { GcLog } from '../rescale/gc-log.js';
import { LatencyLog } from '../rescale/latency-log.js';
import { keyOf, messageEncoder, nowMs, SteadyRate, timedCount, type Message } from './timed-count.js';

/**
 * A keyed count under a steady load, for measuring what a move of keys costs those who use them.
 *
 * The worker with `--load` first makes all keys, then sends, every millisecond, messages for random keys and for
 * the next of the probe keys. Each message carries the moment when it was due; each sink keeps the difference at
 * its arrival, and when each probe key came by. Workers of one machine share the clock.
 *
 * What was seen is written to the report at the end, and when the process gets SIGUSR2. SIGUSR1 holds the load up, or
 * lets it go on: what is due meanwhile is sent then.
 *
 *     --keys N   --rate MESSAGES-PER-SECOND   --probes N   --load   --report FILE
 */
export default function rescale(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      keys: { type: 'string', default: '10000' },
      rate: { type: 'string', default: '40000' },
      probes: { type: 'string', default: '128' },
      load: { type: 'boolean', default: false },
      report: { type: 'string', default: '' },
    },
  });
  const load = {
    keys: Number(values.keys),
    perMs: Number(values.rate) / 1000,
    probes: Number(values.probes),
    report: values.report,
  };
  return timedCount('rescale', {
    load: loadSource(load, values.load),
    report: reportSink(values.report),
    owner: 'somebody or other',
  });
}

function loadSource(
  load: { keys: number; perMs: number; probes: number; report: string },
  active: boolean,
): SourceConfig<Message> {
  return {
    kind: 'load',
    open: (context) => {
      let timer: NodeJS.Timeout | undefined;
      let made = 0;
      const rate = new SteadyRate(load.perMs);
      let probe = 0;
      let random = 1;
      let paused = false;
      const pause = () => void (paused = !paused);
      const tick = () => {
        if (context.muted || paused) return;
        if (made < load.keys) {
          for (let i = 0; i < 500 && made < load.keys; i++) context.push({ key: keyOf(made++), due: 0 });
          if (made === load.keys) {
            rate.begin();
            appendFileSync(`${load.report}.state`, 'filled\n');
          }
          return;
        }
        rate.catchUp((due) => {
          random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
          const probing = (random & 1) === 0;
          const number = probing ? probe++ % load.probes : random % load.keys;
          context.push({ key: keyOf(number), due });
          return !context.muted;
        });
      };
      const run = () => {
        tick();
        if (made < load.keys) immediate = setImmediate(run);
        else timer = setTimeout(run, 1);
      };
      let immediate: NodeJS.Immediate | undefined;
      return {
        parallelism: 1,
        start: async () => {
          if (!active) return;
          process.on('SIGUSR1', pause);
          immediate = setImmediate(run);
        },
        mute: () => undefined,
        unmute: () => undefined,
        stop: async () => {
          process.off('SIGUSR1', pause);
          clearTimeout(timer);
          clearImmediate(immediate);
        },
      } satisfies RunningSource;
    },
  };
}

function reportSink(report: string): SinkConfig<Message> {
  return {
    kind: 'report',
    encoder: messageEncoder,
    open: (context) => {
      const log = new LatencyLog();
      const gcLog = new GcLog(nowMs);
      // Whole or not at all: the harness reads it at any time.
      const save = () => {
        if (report === '') return;
        writeFileSync(`${report}.new`, JSON.stringify({ ...log.summary(), gc: gcLog.summary() }));
        renameSync(`${report}.new`, report);
      };
      // Not by itself while it is measured: with a million latencies to tell of, that takes a tenth of a second.
      process.on('SIGUSR2', save);
      return {
        unsentBytes: 0,
        start: async () => undefined,
        write: (bytes) => {
          log.take(bytes, nowMs());
          return true;
        },
        stop: async () => {
          process.off('SIGUSR2', save);
          gcLog.stop();
          save();
          context.drained();
        },
      } satisfies RunningSink;
    },
  };
}
