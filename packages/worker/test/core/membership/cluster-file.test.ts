import { expect } from 'chai';
import fc from 'fast-check';
import { crc32 } from '@wallaroo/protocol';
import {
  ClusterFileError,
  clusterFileVersion,
  readClusterFile,
  writeClusterFile,
  type ClusterFileContent,
} from '../../../src/core/membership/cluster-file.js';

const content: fc.Arbitrary<ClusterFileContent> = fc.record({
  application: fc.string({ unit: 'binary' }),
  fingerprint: fc.string(),
  name: fc.string(),
  incarnation: fc.integer({ min: 0, max: 0xffff_ffff }),
  records: fc.array(fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes))),
  handedOn: fc.array(fc.record({ sink: fc.string(), checkpoint: fc.nat() })),
});

const example: ClusterFileContent = {
  application: 'test',
  fingerprint: '0123456789abcdef',
  name: 'w2',
  incarnation: 3,
  records: [Buffer.from('first'), Buffer.from('second')],
  handedOn: [{ sink: 'out', checkpoint: 7 }],
};

describe('the file of a cluster', () => {
  it('is read back as it was written', () =>
    fc.assert(
      fc.property(content, (written) => {
        expect(readClusterFile(writeClusterFile(written))).to.deep.include(written);
      }),
    ));

  it('is refused when any bit of it has changed', () => {
    const file = writeClusterFile(example);
    for (let bit = 0; bit < file.length * 8; bit++) {
      const damaged = Buffer.from(file);
      damaged[bit >> 3] = damaged[bit >> 3]! ^ (1 << (bit & 7));
      expect(() => readClusterFile(damaged)).to.throw(ClusterFileError, /checksum does not fit/);
    }
  });

  it('is refused when it ends anywhere else', () => {
    const file = writeClusterFile(example);
    for (let end = 0; end < file.length; end++) {
      expect(() => readClusterFile(file.subarray(0, end))).to.throw(ClusterFileError);
    }
    expect(() => readClusterFile(Buffer.concat([file, Buffer.from([0])]))).to.throw(ClusterFileError);
  });

  it('is refused when it is of another version', () => {
    const file = writeClusterFile(example);
    file.writeUInt16BE(clusterFileVersion + 1, 5);
    file.writeUInt32BE(crc32(file, 4), 0);
    expect(() => readClusterFile(file)).to.throw(
      ClusterFileError,
      `it is of version ${clusterFileVersion + 1}; this worker reads version ${clusterFileVersion}`,
    );
  });
});
