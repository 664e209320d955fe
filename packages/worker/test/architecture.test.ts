import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';

const packages = fileURLToPath(new URL('../..', import.meta.url));

interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly imports: readonly string[];
}

const files = new Map<string, SourceFile>();
for (const name of readdirSync(packages)) {
  for (const entry of readdirSync(join(packages, name, 'src'), { recursive: true, encoding: 'utf8' })) {
    if (!entry.endsWith('.ts')) continue;
    const path = join(packages, name, 'src', entry);
    const text = readFileSync(path, 'utf8');
    const imports = [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, target]) => target!);
    files.set(path, { path, text, imports });
  }
}

/** The rooms of the worker, and what each may look at besides itself. */
const rooms: Record<string, readonly string[]> = {
  api: ['@wallaroo/protocol'],
  core: ['@wallaroo/protocol', 'api', 'msgpackr'],
  runtime: ['@wallaroo/protocol', 'api', 'core', 'node:', 'ws'],
  cli: ['@wallaroo/protocol', '@wallaroo/command-line', 'api', 'core', 'runtime', 'node:', 'esbuild'],
};

const worker = join(packages, 'worker', 'src');

function roomOf(path: string): string | undefined {
  const [room] = relative(worker, path).split('/');
  return room !== undefined && room in rooms ? room : undefined;
}

describe('the architecture', () => {
  it('has found the sources', () => {
    expect(files.size).to.be.greaterThan(50);
  });

  for (const { path, text, imports } of files.values()) {
    const room = roomOf(path);
    if (room === undefined) continue;
    const name = relative(packages, path);

    it(`${name} looks only where its room may look`, () => {
      for (const target of imports) {
        const seen = target.startsWith('.') ? roomOf(resolve(dirname(path), target)) : target;
        const allowed = [room, ...rooms[room]!];
        expect(
          allowed.some(
            (prefix) =>
              seen === prefix ||
              (seen?.startsWith(prefix) && /[:/]$/.test(prefix)) ||
              seen?.startsWith(`${prefix}/`),
          ),
          `${name} imports ${target}`,
        ).to.equal(true);
      }
    });

    if (room !== 'core' && room !== 'api') continue;
    it(`${name} stays pure: no clock, chance, timer, process or promise`, () => {
      const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
      expect(code).not.to.match(
        /'node:|Date\.now|new Date\(|performance\.|Math\.random|set(Timeout|Interval|Immediate)|queueMicrotask|\bprocess\.(?!call)(env|on|exit|stdout|hrtime)|\basync\b|\bawait\b/,
      );
    });
  }

  it('has no cyclic imports', () => {
    const done = new Set<string>();
    const visit = (path: string, trail: readonly string[]) => {
      if (trail.includes(path)) {
        const cycle = [...trail.slice(trail.indexOf(path)), path].map((part) => relative(packages, part));
        throw new Error(`cyclic import: ${cycle.join(' -> ')}`);
      }
      if (done.has(path)) return;
      for (const target of files.get(path)!.imports) {
        if (!target.startsWith('.')) continue;
        visit(resolve(dirname(path), target).replace(/\.js$/, '.ts'), [...trail, path]);
      }
      done.add(path);
    };
    for (const path of files.keys()) visit(path, []);
  });

  it('has no default exports in libraries', () => {
    for (const { path, text } of files.values()) {
      expect(text, path).not.to.match(/^export default/m);
    }
  });

  it('has a lock file that names every package, or `npm ci` refuses', () => {
    const lock = JSON.parse(readFileSync(join(packages, '..', 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { dependencies?: Record<string, string> }>;
    };
    for (const name of readdirSync(packages)) {
      const manifest = JSON.parse(readFileSync(join(packages, name, 'package.json'), 'utf8')) as {
        dependencies?: Record<string, string>;
      };
      expect(lock.packages[`packages/${name}`]?.dependencies ?? {}, name).to.deep.equal(
        manifest.dependencies ?? {},
      );
    }
  });
});
