import type { Address } from '@wallaroo/protocol';

/**
 * An address for others to connect to: a listener on every interface names none of them, so `host`, by which its machine
 * is known, stands for it. Undefined when that is not known.
 */
export function reachable(address: Address, host: string | undefined): Address | undefined {
  if (!['', '0.0.0.0', '::'].includes(address.host)) return address;
  // Sockets that speak both protocols write IPv4 in the way of IPv6, which not everybody reads.
  return host === undefined
    ? undefined
    : { host: host.replace(/^::ffff:(?=[\d.]+$)/i, ''), port: address.port };
}
