import { open, type FileHandle } from 'node:fs/promises';

type Method = 'writeFile' | 'writev' | 'truncate' | 'datasync' | 'sync';

/**
 * Tells of what is done by file handles of this process, once it is done.
 * @param directory any that is there
 * @returns a function after which nothing more is told
 */
export async function watchHandles(
  directory: string,
  methods: readonly Method[],
  done: (method: Method, handle: FileHandle) => void,
): Promise<() => void> {
  const handle = await open(directory, 'r');
  const handles = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  const originals = Object.fromEntries(methods.map((method) => [method, handles[method]]));
  for (const method of methods) {
    const original = handles[method] as (...args: unknown[]) => Promise<unknown>;
    Object.assign(handles, {
      async [method](this: FileHandle, ...args: unknown[]) {
        const result = await original.apply(this, args);
        done(method, this);
        return result;
      },
    });
  }
  return () => void Object.assign(handles, originals);
}
