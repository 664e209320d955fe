/**
 * Faults of the protocols that a simulation can switch on, to see whether its checkers find them. Production
 * never does: the set is empty unless `MemberSettings.planted` says otherwise.
 */
export const plantedBugs = [
  /** Frames that came before are processed again. */
  'repeated frames are kept',
  /** A worker that starts again keeps the incarnation it had. */
  'incarnation is not raised',
  /** A link takes frames of an earlier life of either end. */
  'incarnations are not compared',
  /** A greeting of a newer epoch is dropped instead of held. */
  'newer epoch is dropped',
  /** Links of an older epoch are let in. */
  'older epoch is not fenced',
  /** Frames are acknowledged when they come, not when they are processed. */
  'acknowledged before processed',
  /** After a reconnect nothing is sent again. */
  'nothing is sent again',
  /** What is in flight to a worker that died is forgotten. */
  'in flight is forgotten',
  /** Frames are processed before all members are ready. */
  'processed before resume',
  /** A record takes effect before it is on disk everywhere. */
  'commit without all',
  /** A full link mutes no source. */
  'window is ignored',
  /** A shutdown does not wait for messages on links. */
  'shutdown does not drain',
  /** Messages are processed whatever route they were sent by, also one that is not known yet. */
  'no route version',
  /** State is shipped before all have said that they know of the route. */
  'state before barriers',
  /** State is shipped before what its old owner made is processed. */
  'no flush',
  /** What was held is processed as if its slots had arrived before. */
  'drained straight in',
  /** A checkpoint leaves out what was on its way. */
  'in flight is not recorded',
  /** The leader is told of a part of a checkpoint before it is on disk. */
  'told before synced',
  /** A sink commits when its own worker is through with a checkpoint. */
  'commit before record',
  /** A worker tells of its part though a sink has not prepared an earlier one. */
  'prepares are not chained',
  /** Messages on links of the checkpoint are processed behind new ones. */
  'recorded behind new',
  /** What a source has read is processed before it is on disk. */
  'processed before journaled',
  /** The journal is trimmed when this worker is through with a checkpoint, before that one counts. */
  'journal trimmed early',
  /** A state that changes before its turn has come is not written as it was at the cut. */
  'no copy on write',
  /** What waits for an older checkpoint than the one that counts goes on waiting. */
  'only the exact checkpoint is committed',
  /** A file that goes on from a base begins with what has changed since the last cut only. */
  'changes since the base are left out',
  /** What stands in the log behind a checkpoint stays there when all goes back to it. */
  'the end of the log is not cut off',
  /** Output that waited for its checkpoint is not there again. */
  'kept output is not restored',
  /** A file that could not be synced is written on. */
  'a failed file is gone on with',
  /** An epoch begins before sinks and sources have gone back. */
  'ends are not waited for',
  /** A checkpoint has how far streams are when it is on disk, not when it was cut. */
  'positions of streams are late',
] as const;

export type PlantedBug = (typeof plantedBugs)[number];
