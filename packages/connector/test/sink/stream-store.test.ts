import { expect } from 'chai';
import fc from 'fast-check';
import { PeerFaultError, StreamFilesError } from '../../src/index.js';
import { encodeState, initialState, pathsOf } from '../../src/sink/stream-files.js';
import { StreamStore } from '../../src/sink/stream-store.js';
import { Crash, MemoryDisk } from '../support/memory-disk.js';

const folder = '/sink';
const name = 'app-w-worker1-id-7';
const { output, state, staging } = pathsOf(folder, name);

async function failureOf(promise: Promise<unknown>): Promise<Error | undefined> {
  return promise.then(
    () => undefined,
    (reason: Error) => reason,
  );
}

/**
 * A worker over all of its sink's lives. Each checkpoint brings bytes that no other one brings, also when it is
 * made again after a crash: so bytes of an aborted one would be seen.
 */
class Script {
  /** Bytes of all complete checkpoints. */
  decided = Buffer.alloc(0);
  private readonly complete = new Set<string>();
  private checkpoint = 0;
  private fresh = 0;
  store!: StreamStore;

  constructor(public disk: MemoryDisk) {}

  async begin(): Promise<void> {
    this.store = await StreamStore.open(this.disk, folder, name);
    for (const id of this.store.undecided) {
      if (this.complete.has(id)) await this.store.commit(id);
      else await this.store.abort(id);
    }
    expect(this.store.position).to.equal(this.decided.length);
  }

  /** One checkpoint of some writes; decides at the end as it is told. */
  async step(sizes: readonly number[], decision: 'commit' | 'abort'): Promise<void> {
    const start = this.decided.length;
    const parts = [this.decided];
    let at = start;
    for (const size of sizes) {
      const bytes = Buffer.alloc(size, ++this.fresh % 256);
      await this.store.write(at, bytes);
      at += size;
      parts.push(bytes);
    }
    const id = `${name}:c_id=${++this.checkpoint}`;
    expect(await this.store.prepare(id, { start, end: at })).to.deep.equal({ commit: true });
    if (decision === 'abort') {
      await this.store.abort(id);
      return;
    }
    this.decided = Buffer.concat(parts);
    this.complete.add(id);
    await this.store.commit(id);
  }

  /** The output never holds what is not decided. */
  checkOutput(): void {
    const bytes = this.disk.contentOf(output);
    expect(
      this.decided.subarray(0, bytes.length).equals(bytes),
      'the output is a prefix of what is decided',
    ).to.equal(true);
  }
}

type Step = readonly [sizes: readonly number[], decision: 'commit' | 'abort'];

const someSteps: readonly Step[] = [
  [[3, 5], 'commit'],
  [[4], 'abort'],
  [[], 'commit'],
  [[7, 1, 2], 'commit'],
  [[6], 'commit'],
];

/** Runs the steps; the disk of each life dies as told. A step that a crash cut off is made again. */
async function run(
  steps: readonly Step[],
  lives: readonly number[],
  reborn: (disk: MemoryDisk, crashAt: number) => MemoryDisk,
): Promise<number> {
  const script = new Script(new MemoryDisk(undefined, lives[0] ?? Infinity));
  let life = 0;
  let done = 0;
  let opened = false;
  while (done < steps.length || !opened) {
    try {
      if (!opened) await script.begin();
      opened = true;
      const step = steps[done];
      if (step) await script.step(...step);
      done++;
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
      script.checkOutput();
      opened = false;
      script.disk = reborn(script.disk, lives[++life] ?? Infinity);
    }
    script.checkOutput();
  }
  expect(script.disk.contentOf(output).equals(script.decided), 'the output is what was decided').to.equal(
    true,
  );
  return script.disk.operations;
}

const kill = (disk: MemoryDisk, crashAt: number) => disk.afterKill(crashAt);
const powerLoss = (kept: () => boolean) => (disk: MemoryDisk, crashAt: number) =>
  disk.afterPowerLoss(kept, crashAt);

describe('the store of a stream', () => {
  for (const [what, reborn] of [
    ['kill -9', kill],
    ['a power loss that keeps no unsynced write', powerLoss(() => false)],
    ['a power loss that keeps all of them', powerLoss(() => true)],
  ] as const) {
    it(`has each committed byte once after ${what} at any operation`, async () => {
      const operations = await run(someSteps, [], reborn);
      expect(operations).to.be.greaterThan(30);
      for (let crashAt = 1; crashAt <= operations; crashAt++) await run(someSteps, [crashAt], reborn);
    });
  }

  it('has each committed byte once whatever is written, and however often it dies', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.tuple(
            fc.array(fc.nat(40), { maxLength: 4 }),
            fc.constantFrom<'commit' | 'abort'>('commit', 'commit', 'abort'),
          ),
          { maxLength: 8 },
        ),
        fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 12 }),
        fc.array(fc.boolean(), { minLength: 1 }),
        fc.boolean(),
        async (steps, lives, choices, isKill) => {
          let choice = 0;
          const kept = () => choices[choice++ % choices.length]!;
          await run(steps, lives, isKill ? kill : powerLoss(kept));
        },
      ),
      { numRuns: 300 },
    ));

  describe('phase 1', () => {
    let disk: MemoryDisk;
    let store: StreamStore;

    beforeEach(async () => {
      disk = new MemoryDisk();
      store = await StreamStore.open(disk, folder, name);
      await store.write(0, Buffer.from('0123456789'));
      await store.prepare('t1', { start: 0, end: 10 });
      await store.commit('t1');
      await store.write(10, Buffer.from('abc'));
    });

    it('refuses a range whose bytes are not all there, or not all named', async () => {
      for (const range of [
        { start: 10, end: 14 },
        { start: 10, end: 12 },
        { start: 11, end: 13 },
      ]) {
        expect(await store.prepare('t2', range)).to.have.property('commit', false);
      }
      expect(store.undecided).to.deep.equal([]);
      expect(await store.prepare('t2', { start: 10, end: 13 })).to.deep.equal({ commit: true });
    });

    it('takes a range that begins before what is committed, and commits only what is new', async () => {
      expect(await store.prepare('t2', { start: 4, end: 13 })).to.deep.equal({ commit: true });
      expect(await store.commit('t2')).to.deep.equal({ start: 10, end: 13 });
      expect(disk.contentOf(output).toString()).to.equal('0123456789abc');
    });

    it('says the same when it is asked again, and refuses a second transaction', async () => {
      await store.prepare('t2', { start: 10, end: 13 });
      expect(await store.prepare('t2', { start: 10, end: 13 })).to.deep.equal({ commit: true });
      expect(await store.prepare('t2', { start: 10, end: 12 })).to.have.property('commit', false);
      expect(await store.prepare('t3', { start: 10, end: 13 })).to.deep.equal({
        commit: false,
        why: 't2 is undecided',
      });
      expect(store.undecided).to.deep.equal(['t2']);
    });

    it('knows what was committed before', async () => {
      expect(await store.prepare('t1', { start: 0, end: 10 })).to.deep.equal({ commit: true });
      expect(await store.prepare('t1', { start: 0, end: 13 })).to.have.property('commit', false);
    });

    for (const [what, position] of [
      ['missing', 14],
      ['there already', 12],
      ['committed already', 3],
    ] as const) {
      it(`refuses after bytes came where one is ${what}, until the worker begins again`, async () => {
        await store.write(position, Buffer.from('xyz'));
        await store.write(13, Buffer.from('d'));
        const vote = await store.prepare('t2', { start: 10, end: 17 });
        expect(vote).to.deep.equal({
          commit: false,
          why: `output came for byte ${position}, the next one is 13`,
        });
        await store.close();
        store = await StreamStore.open(disk.afterKill(), folder, name);
        expect(store.position).to.equal(10);
        expect(disk.contentOf(staging[1]).length, 'what was not promised is gone').to.equal(0);
        await store.write(10, Buffer.from('de'));
        expect(await store.prepare('t2', { start: 10, end: 12 })).to.deep.equal({ commit: true });
      });
    }

    it('lets no output come before phase 2', async () => {
      await store.prepare('t2', { start: 10, end: 13 });
      expect(await failureOf(store.write(13, Buffer.from('d')))).to.be.instanceOf(PeerFaultError);
    });
  });

  describe('phase 2', () => {
    let disk: MemoryDisk;
    let store: StreamStore;

    beforeEach(async () => {
      disk = new MemoryDisk();
      store = await StreamStore.open(disk, folder, name);
      await store.write(0, Buffer.from('abc'));
      await store.prepare('t1', { start: 0, end: 3 });
    });

    it('commits once, however often it is asked', async () => {
      expect(await store.commit('t1')).to.deep.equal({ start: 0, end: 3 });
      for (const path of staging) expect(disk.contentOf(path).length, 'no byte is kept twice').to.equal(0);
      expect(await store.commit('t1')).to.equal(undefined);
      store = await StreamStore.open(disk.afterKill(), folder, name);
      expect(await store.commit('t1')).to.equal(undefined);
      expect(disk.contentOf(output).toString()).to.equal('abc');
    });

    it('commits nothing that it does not know', async () => {
      expect(await failureOf(store.commit('t2'))).to.be.instanceOf(PeerFaultError);
      expect(disk.contentOf(output).length).to.equal(0);
    });

    it('forgets what is aborted, and what it does not know it leaves alone', async () => {
      expect(await store.abort('t2')).to.equal(false);
      expect(await store.abort('t1')).to.equal(true);
      expect(await store.abort('t1')).to.equal(false);
      expect(store.position).to.equal(0);
      await store.write(0, Buffer.from('d'));
      await store.prepare('t1', { start: 0, end: 1 });
      await store.commit('t1');
      expect(disk.contentOf(output).toString()).to.equal('d');
    });
  });

  describe('that something else has changed', () => {
    const changes: readonly [what: string, change: (disk: MemoryDisk) => Promise<void>][] = [
      ['whose state is gone', async (disk) => disk.replace(state, encodeState(initialState(name)))],
      [
        'whose state is of another stream',
        async (disk) => disk.replace(state, encodeState(initialState('other'))),
      ],
      ['whose state is cut off', async (disk) => disk.replace(state, Buffer.from('{ "format": 1, "str'))],
      ['whose state is no object', async (disk) => disk.replace(state, Buffer.from('null'))],
      ['whose output is gone', async (disk) => disk.replace(output, Buffer.alloc(0))],
      ['whose output has grown', async (disk) => disk.replace(output, Buffer.alloc(4))],
      ['whose promised bytes are gone', async (disk) => disk.replace(staging[1], Buffer.alloc(0))],
    ];
    for (const [what, change] of changes) {
      it(`refuses to open one ${what}`, async () => {
        const disk = new MemoryDisk();
        const store = await StreamStore.open(disk, folder, name);
        await store.write(0, Buffer.from('abc'));
        await store.prepare('t1', { start: 0, end: 3 });
        await store.commit('t1');
        await store.write(3, Buffer.from('de'));
        await store.prepare('t2', { start: 3, end: 5 });
        await change(disk);
        expect(await failureOf(StreamStore.open(disk, folder, name))).to.be.instanceOf(StreamFilesError);
      });
    }
  });
});

describe('the files of a stream', () => {
  it('stay in the directory, whatever the name', () =>
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (stream) => {
        for (const path of [pathsOf('/sink', stream).output, ...pathsOf('/sink', stream).staging]) {
          expect(path).to.match(/^\/sink\/[A-Za-z0-9_%-][A-Za-z0-9_%.-]*$/);
          expect(path.length).to.be.lessThan(240);
        }
      }),
    ));

  it('are others for another name', () =>
    fc.assert(
      fc.property(fc.string({ maxLength: 400 }), fc.string({ maxLength: 400 }), (one, other) => {
        fc.pre(one !== other);
        expect(pathsOf('', one).output).not.to.equal(pathsOf('', other).output);
      }),
    ));

  it('have the name of the stream where that can be', () => {
    expect(pathsOf('/sink', 'My App-w-worker1-id-42').output).to.equal('/sink/My%20App-w-worker1-id-42.out');
    expect(pathsOf('/sink', '../x').output).to.equal('/sink/%2e.%2fx.out');
  });
});
