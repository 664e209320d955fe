import {
  crc32,
  fieldBytes,
  fieldList,
  fieldStruct,
  fieldText,
  fieldU16,
  fieldU32,
  fieldU53,
  messageTable,
  type MessageOf,
} from '@wallaroo/protocol';

/** What a worker keeps on disk of its cluster: who it is there, and the control log. */
const clusterFiles = messageTable({
  clusterFile: {
    tag: 1,
    fields: {
      version: fieldU16,
      application: fieldText,
      fingerprint: fieldText,
      name: fieldText,
      /** How often this worker has started in this cluster. */
      incarnation: fieldU32,
      records: fieldList(fieldBytes),
      /** By sink that holds its output: the newest checkpoint of which it has handed on all. */
      handedOn: fieldList(fieldStruct({ sink: fieldText, checkpoint: fieldU53 })),
    },
  },
});

export const clusterFileVersion = 3;
export type ClusterFileContent = Omit<MessageOf<typeof clusterFiles>, 'type' | 'version'>;

/** The file cannot be used; the text says why. */
export class ClusterFileError extends Error {
  override readonly name = 'ClusterFileError';
}

/** u32 CRC-32 of the rest, then the content. */
export function writeClusterFile(content: ClusterFileContent): Buffer {
  const body = clusterFiles.encode({ type: 'clusterFile', version: clusterFileVersion, ...content });
  const file = Buffer.allocUnsafe(4 + body.length);
  file.writeUInt32BE(crc32(body), 0);
  body.copy(file, 4);
  return file;
}

/** @throws ClusterFileError */
export function readClusterFile(file: Buffer): ClusterFileContent {
  if (file.length < 4 || file.readUInt32BE(0) !== crc32(file, 4)) {
    throw new ClusterFileError('its checksum does not fit: the file is damaged, or not one of ours');
  }
  // The version stands right behind the tag, whatever follows it.
  const version = file.length >= 7 ? file.readUInt16BE(5) : 0;
  if (version !== clusterFileVersion) {
    throw new ClusterFileError(
      `it is of version ${version}; this worker reads version ${clusterFileVersion}`,
    );
  }
  const { application, fingerprint, name, incarnation, records, handedOn } = clusterFiles.decode(file, 4);
  return { application, fingerprint, name, incarnation, records, handedOn };
}
