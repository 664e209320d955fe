import {
  fieldBoolean,
  fieldBytes,
  fieldList,
  fieldStruct,
  fieldText,
  fieldU32,
  fieldU53,
  fieldU64,
  messageTable,
  type MessageOf,
} from '@wallaroo/protocol';
import { logPartFields } from '../checkpoint/log-records.js';
import { addressField } from '../link/greeting.js';
import { streamField, streamPositionField } from '../streams/stream-position.js';

/** What workers say to each other on control connections, once they have greeted. */
export const controlMessages = messageTable({
  /** The leader asks for a promise: to heed no leader of an epoch below this one, and to process nothing more. */
  gather: { tag: 1, fields: { epoch: fieldU32 } },
  /** The promise, with the log of the member. */
  promise: { tag: 2, fields: { epoch: fieldU32, records: fieldList(fieldBytes) } },
  /** The epoch asked for is not above what this worker has promised: the leader is to try a higher one. */
  fenced: { tag: 3, fields: { epoch: fieldU32 } },
  /** A record for the log; at index 0 it takes the place of all that stands there. */
  append: { tag: 4, fields: { epoch: fieldU32, index: fieldU32, record: fieldBytes } },
  /** It is on disk. */
  appended: { tag: 5, fields: { epoch: fieldU32, index: fieldU32 } },
  /** It is on disk everywhere: it takes effect. */
  commit: { tag: 6, fields: { epoch: fieldU32, index: fieldU32 } },
  /** This member is prepared for the epoch: ends open, links connected. */
  ready: { tag: 7, fields: { epoch: fieldU32 } },
  /** All are: messages flow. */
  resume: { tag: 8, fields: { epoch: fieldU32 } },
  /**
   * A clean shutdown: sources end; each round asks how far everybody is. `quiet`: the epoch in which nothing is under
   * way any more, 0: there is none yet; a checkpoint cut after the one called `after` has all of it.
   */
  drain: { tag: 9, fields: { round: fieldU32, quiet: fieldU32, after: fieldU53 } },
  drained: {
    tag: 10,
    fields: {
      round: fieldU32,
      epoch: fieldU32,
      sourcesEnded: fieldBoolean,
      /** A checkpoint counts that was cut when nothing was under way; or there are none. */
      settled: fieldBoolean,
      /** Frames given to data links so far, and frames from data links processed. */
      sent: fieldU53,
      processed: fieldU53,
      /** Bytes that sinks hold. */
      unsent: fieldU53,
      /** The newest checkpoint that it has been cut for. */
      cut: fieldU53,
    },
  },
  /** All is processed (or will never be: not `complete`): sinks flush, files go or stay, the worker ends. */
  finish: { tag: 11, fields: { complete: fieldBoolean, keepFiles: fieldBoolean } },
  ask: { tag: 12, fields: { id: fieldU32, question: fieldText } },
  answer: { tag: 13, fields: { id: fieldU32, body: fieldText } },
  /** To a joiner: the log as it is, the record of its joining at `index`. It answers as to an `append`. */
  install: {
    tag: 14,
    fields: { epoch: fieldU32, index: fieldU32, records: fieldList(fieldBytes) },
  },
  /** Somebody asks this member to be let in; the leader decides. */
  joinRequest: {
    tag: 15,
    fields: {
      name: fieldText,
      life: fieldU32,
      incarnation: fieldU32,
      control: addressField,
      data: addressField,
      count: fieldU32,
    },
  },
  /** An empty text: it may wait until the others of its round are there. */
  joinAnswer: { tag: 16, fields: { name: fieldText, life: fieldU32, refusal: fieldText } },
  /** To a joiner that was let wait: it will not be let in after all. */
  joinRefused: { tag: 17, fields: { text: fieldText } },
  /** A new member has opened its ends and links: it goes on when all know: `opened`. */
  joined: { tag: 18, fields: { epoch: fieldU32 } },
  /** The slots of a route have arrived, with so much state. */
  moved: { tag: 19, fields: { version: fieldU32, keys: fieldU32, bytes: fieldU53 } },
  /** An operator's request, on its way to the leader, and the answer. */
  shrink: {
    tag: 20,
    fields: {
      id: fieldU32,
      query: fieldBoolean,
      names: fieldList(fieldText),
      count: fieldU32,
      drain: fieldBoolean,
    },
  },
  shrinkAnswer: { tag: 21, fields: { id: fieldU32, text: fieldText, names: fieldList(fieldText) } },
  /** A member that leaves has ended its sources, and all that it sent has been processed. */
  drainedToLeave: { tag: 22, fields: {} },
  /** A checkpoint begins; `counted` is the newest one that counts then, 0: none. */
  cut: { tag: 23, fields: { epoch: fieldU32, checkpoint: fieldU53, counted: fieldU53 } },
  /** The part of this member is on its disk up to this place; or it cannot be. */
  saved: {
    tag: 24,
    fields: {
      checkpoint: fieldU53,
      part: fieldStruct(logPartFields),
      /** Of the streams that it held when it was cut. */
      streams: fieldList(streamPositionField),
    },
  },
  notSaved: { tag: 25, fields: { checkpoint: fieldU53, why: fieldText } },
  /** An operator wants this member to begin another file of its event log. */
  rotateLog: { tag: 26, fields: {} },
  /** A client of this member wants to bring a stream; the answers, with the position behind which it goes on. */
  claimStream: { tag: 27, fields: { epoch: fieldU32, source: fieldText, stream: fieldU64 } },
  streamGranted: {
    tag: 28,
    fields: { epoch: fieldU32, source: fieldText, stream: fieldU64, position: fieldU64 },
  },
  streamRefused: { tag: 29, fields: { epoch: fieldU32, source: fieldText, stream: fieldU64 } },
  /** This member holds it no more. */
  streamReleased: {
    tag: 30,
    fields: { epoch: fieldU32, source: fieldText, stream: fieldU64, position: fieldU64 },
  },
  /** To who leads from now on: what this member holds. */
  streamsHeld: { tag: 31, fields: { epoch: fieldU32, streams: fieldList(streamField) } },
});

export type ControlMessage = MessageOf<typeof controlMessages>;
