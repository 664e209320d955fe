/** Every error that this package makes itself. `code` tells them apart, also across copies of the package. */
export abstract class ConnectorError extends Error {
  abstract readonly code: string;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The connection ended, or could not be made in time. Expected: it is made again. */
export class ConnectionLostError extends ConnectorError {
  readonly code = 'CONNECTION_LOST';
}

/** The peer sent an Error message, for example because of the cookie, or of a record that it cannot decode. */
export class PeerRefusedError extends ConnectorError {
  readonly code = 'PEER_REFUSED';
  constructor(readonly text: string) {
    super(`the peer says: ${text}`);
  }
}

/** The peer does not keep to the protocol. */
export class PeerFaultError extends ConnectorError {
  readonly code = 'PEER_FAULT';
}

/** The source or sink was closed before this could be done. */
export class ClosedError extends ConnectorError {
  readonly code = 'CLOSED';
}

/** A record does not fit in one frame of the protocol. */
export class RecordTooLongError extends ConnectorError {
  readonly code = 'RECORD_TOO_LONG';
  constructor(
    readonly recordBytes: number,
    readonly recordBytesMax: number,
  ) {
    super(`a record of ${recordBytes} bytes, the limit is ${recordBytesMax}`);
  }
}

/** A replay gave a record whose id does not lie behind that of the one before, or behind where it should begin. */
export class RecordOrderError extends ConnectorError {
  readonly code = 'RECORD_ORDER';
  constructor(
    readonly stream: string,
    readonly id: bigint,
    readonly last: bigint,
  ) {
    super(`stream '${stream}' gave the record ${id} after ${last}: ids must increase`);
  }
}

/** A file ends within a record. */
export class RecordCutShortError extends ConnectorError {
  readonly code = 'RECORD_CUT_SHORT';
  constructor(path: string, position: number) {
    super(`${path} ends within the record that begins at byte ${position}`);
  }
}

/** The files of a sink's stream contradict each other: something else has changed them. */
export class StreamFilesError extends ConnectorError {
  readonly code = 'STREAM_FILES';
}
