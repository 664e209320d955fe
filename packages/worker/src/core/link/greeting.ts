import {
  fieldBoolean,
  fieldList,
  fieldStruct,
  fieldText,
  fieldU16,
  fieldU32,
  fieldU53,
  messageTable,
  type MessageOf,
} from '@wallaroo/protocol';

/** Spoken in every greeting; workers that speak different ones refuse each other. */
export const protocolVersion = 3;

export const addressField = fieldStruct({ host: fieldText, port: fieldU16 });

/** What stands at the start of every connection between workers. The one that dials speaks first. */
export const greetings = messageTable({
  hello: {
    tag: 1,
    fields: {
      protocol: fieldU16,
      application: fieldText,
      fingerprint: fieldText,
      /** The plan, a line for each stage, so that a refusal can say what differs. */
      outline: fieldList(fieldText),
      /** Empty while the worker belongs to no cluster yet. */
      cluster: fieldText,
      name: fieldText,
      incarnation: fieldU32,
      /** A number drawn at the start of the process: tells two of one name apart. */
      life: fieldU32,
      /** The epoch that the connection belongs to; 0 on control connections. */
      epoch: fieldU32,
      /** The incarnation that is meant to answer; 0: whichever. */
      to: fieldU32,
      control: addressField,
      data: addressField,
      /** Above 0: asks to be let into a running cluster, together with others up to this number. */
      joining: fieldU32,
      /** How far the control log of the worker goes: its newest epoch, and the records of that. */
      newest: fieldStruct({ epoch: fieldU32, records: fieldU53 }),
    },
  },
  welcome: {
    tag: 2,
    fields: {
      cluster: fieldText,
      name: fieldText,
      incarnation: fieldU32,
      life: fieldU32,
      /** The last numbered frame of this sender that has arrived: the next one is to follow. */
      received: fieldU53,
    },
  },
  refusal: {
    tag: 3,
    fields: {
      /** True: asking again will not help. */
      final: fieldBoolean,
      /** The worker was a member of this cluster, and is one no more. */
      expelled: fieldBoolean,
      text: fieldText,
      /** For a worker that takes itself for a younger incarnation than the cluster knows: the least it may be. */
      incarnation: fieldU32,
    },
  },
});

export type Greeting = MessageOf<typeof greetings>;
export type Hello = Extract<Greeting, { type: 'hello' }>;
export type Welcome = Extract<Greeting, { type: 'welcome' }>;
export type Refusal = Extract<Greeting, { type: 'refusal' }>;
