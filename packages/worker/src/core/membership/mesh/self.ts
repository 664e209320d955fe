import type { Address } from '@wallaroo/protocol';
import type { Session } from '../../link/boundary.js';
import { protocolVersion, type Hello } from '../../link/greeting.js';
import type { Fingerprint } from '../../topology/fingerprint.js';
import type { Standpoint } from '../greeter.js';

/** What the member tells the mesh about itself, whenever it is asked. */
export interface Self {
  readonly name: string;
  readonly application: string;
  readonly fingerprint: Fingerprint;
  readonly control: Address;
  readonly data: Address;
  readonly life: number;
  readonly incarnation: number;
  readonly cluster: string;
  readonly members: Standpoint['members'];
  readonly linked: Standpoint['linked'];
  readonly epoch: number;
  readonly newest: Standpoint['newest'];
  readonly vacancies: number | undefined;
  readonly joining: boolean;
  /** Nobody is let in: this worker is about to end, or has not yet on disk in which incarnation it lives. */
  readonly closed: boolean;
  expects(name: string): boolean;
}

/** What this worker says first on a connection that it has dialled. */
export function helloOf(self: Self, session: Session): Omit<Hello, 'type'> {
  const { name, application, fingerprint, cluster, incarnation, life, control, data, newest } = self;
  return {
    protocol: protocolVersion,
    application,
    fingerprint: fingerprint.text,
    outline: fingerprint.outline,
    cluster,
    name,
    incarnation,
    life,
    epoch: session.epoch,
    to: session.to,
    control,
    data,
    joining: 0,
    newest,
  };
}
