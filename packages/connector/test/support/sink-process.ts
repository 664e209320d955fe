import { ConnectorSink, nodeDisk, type Disk, type DiskFile } from '../../src/index.js';

/**
 * A sink as a process of its own: `sink-process.ts DIRECTORY [KILL_AT]`. Prints its port. At its KILL_AT-th
 * operation on the disk it dies of SIGKILL, in the middle of it when it is a write.
 */

const [directory, killAt = 'never'] = process.argv.slice(2);
let operations = 0;

function step(lastDeed?: () => Promise<void>): Promise<void> {
  if (++operations !== Number(killAt)) return Promise.resolve();
  return (lastDeed?.() ?? Promise.resolve()).then(() => {
    process.kill(process.pid, 'SIGKILL');
    return new Promise<void>(() => undefined);
  });
}

function mortal(file: DiskFile): DiskFile {
  return {
    size: () => step().then(() => file.size()),
    read: (position, count) => step().then(() => file.read(position, count)),
    write: (position, bytes) =>
      step(() => file.write(position, bytes.subarray(0, bytes.length / 2))).then(() =>
        file.write(position, bytes),
      ),
    truncate: (size) => step().then(() => file.truncate(size)),
    sync: () => step().then(() => file.sync()),
    close: () => file.close(),
  };
}

const disk: Disk = {
  read: (path) => step().then(() => nodeDisk.read(path)),
  replace: (path, content) => step().then(() => nodeDisk.replace(path, content)),
  open: (path) => step().then(async () => mortal(await nodeDisk.open(path))),
};

const address = { host: '127.0.0.1', port: 0 };
const sink = await ConnectorSink.listen({ address, directory: directory!, cookie: 'cookie', disk });
process.stdout.write(`${sink.address.port}\n`);
