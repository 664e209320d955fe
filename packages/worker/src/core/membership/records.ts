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
import { addressField } from '../link/greeting.js';
import { logPartFields } from '../checkpoint/log-records.js';
import { streamPositionField } from '../streams/stream-position.js';

/** One worker of the cluster, in the life that the record is about. */
const memberField = fieldStruct({
  name: fieldText,
  incarnation: fieldU32,
  /** Of the process: one without files may come by an incarnation that another life has had. */
  life: fieldU32,
  control: addressField,
  data: addressField,
});

const partField = fieldStruct({ name: fieldText, ...logPartFields });

/**
 * The records of the control log: what the cluster has decided, in one order, each on disk at every member
 * before it takes effect.
 */
export const records = messageTable({
  /** A new epoch. It says all that a member must know: what stood before it need not be kept. */
  epoch: {
    tag: 1,
    fields: {
      cluster: fieldText,
      number: fieldU32,
      /** The place of this record in the log of its epoch: above 0 it stands for all before it, too. */
      base: fieldU32,
      /** In order of arrival: the first leads. */
      members: fieldList(memberField),
      /** Names of those that have joined and not opened their sources. */
      newcomers: fieldList(fieldText),
      /** Names of members that are to hand over their slots and go. */
      leaving: fieldList(fieldText),
      /** The owner of each slot, as an index into `members`. */
      owners: fieldList(fieldU16),
      /** The last route that was begun. */
      route: fieldU32,
      /** That route is still open; then these slots are on their way from one member to another. */
      open: fieldBoolean,
      slots: fieldList(fieldU16),
      from: fieldText,
      to: fieldText,
      /** The newest checkpoint that counts, 0: none; the parts of its members, and who of them owned each slot. */
      checkpoint: fieldU53,
      parts: fieldList(partField),
      partOwners: fieldList(fieldU16),
      /** How far streams had come then. */
      streams: fieldList(streamPositionField),
    },
  },
  /** Workers become members, without slots. Until they open their sources the cluster can go on without them. */
  join: { tag: 2, fields: { members: fieldList(memberField) } },
  /** These members are to hand over their slots. `drain`: they wait for what their clients still send. */
  leave: { tag: 3, fields: { names: fieldList(fieldText), drain: fieldBoolean } },
  /** They own no slots any more, and are members no more. */
  left: { tag: 4, fields: { names: fieldList(fieldText) } },
  /** These slots begin to move from one member to another; those of the route before, if it is open, have arrived. */
  route: {
    tag: 5,
    fields: { version: fieldU32, slots: fieldList(fieldU16), from: fieldText, to: fieldText },
  },
  /** They have moved. */
  routeDone: { tag: 6, fields: { version: fieldU32 } },
  /** The checkpoint counts: each member has its part on disk. `streams`: those of which something was held. */
  checkpoint: {
    tag: 7,
    fields: { checkpoint: fieldU53, parts: fieldList(partField), streams: fieldList(streamPositionField) },
  },
  /** Members that have joined open their sources: what they read then is nowhere else, so they are waited for. */
  opened: { tag: 8, fields: { names: fieldList(fieldText) } },
});

export type ControlRecord = MessageOf<typeof records>;
export type EpochRecord = Extract<ControlRecord, { type: 'epoch' }>;
export type RouteRecord = Extract<ControlRecord, { type: 'route' }>;
export type MemberRecord = EpochRecord['members'][number];
