/** A place to listen on or to connect to. */
export interface Address {
  /** Name or number of the host; an IPv6 number without its brackets; empty for "every interface". */
  readonly host: string;
  /** 0 to 65535; 0 asks the system for a free port when listening. */
  readonly port: number;
}

export class AddressFormatError extends Error {
  override readonly name = 'AddressFormatError';
  constructor(
    readonly text: string,
    why: string,
  ) {
    super(`'${text}' is not an address: ${why}. Write HOST:PORT, for example 127.0.0.1:7010`);
  }
}

/**
 * Reads `HOST:PORT`, `[IPV6]:PORT` or `:PORT`.
 * @throws AddressFormatError when there is no colon or the port is no number from 0 to 65535
 */
export function parseAddress(text: string): Address {
  const colon = text.lastIndexOf(':');
  if (colon < 0) throw new AddressFormatError(text, 'there is no colon');
  const port = text.slice(colon + 1);
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) {
    throw new AddressFormatError(text, `'${port}' is no port number from 0 to 65535`);
  }
  const host = text.slice(0, colon);
  const bracketed = /^\[([0-9a-fA-F:.]+)\]$/.exec(host);
  if (bracketed) return { host: bracketed[1]!, port: Number(port) };
  if (host.includes(':')) throw new AddressFormatError(text, 'an IPv6 number needs brackets');
  return { host, port: Number(port) };
}

/** The text that {@link parseAddress} reads back as the same address. */
export function formatAddress({ host, port }: Address): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
