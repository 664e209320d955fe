import type { Dice } from '../random/dice.js';
import type { PayloadKind } from './payload.js';

/** How many messages there are, and what they are like. */
export interface InputSettings {
  /** Messages of each lane. */
  readonly messages: number;
  readonly firstKeys: number;
  readonly secondKeys: number;
  readonly payload: PayloadKind;
  readonly payloadBytes: number;
}

/** A message as it enters a source. */
export interface InputMessage {
  readonly lane: string;
  readonly number: number;
  /** No two messages of a run share it. */
  readonly tag: number;
  readonly firstKey: string;
  readonly secondKey: number;
}

/** The messages of one source on one worker. */
export interface Lane {
  readonly name: string;
  readonly host: number;
  readonly source: string;
  readonly messages: readonly InputMessage[];
}

export interface Inputs {
  readonly hosts: number;
  readonly sources: readonly string[];
  /** Keys of different batches differ. */
  readonly batch: string;
  readonly settings: InputSettings;
}

/** One lane for each source on each worker. Some keys come more often than others. */
export function drawInput({ hosts, sources, batch, settings }: Inputs, dice: Dice): Lane[] {
  const lanes: Lane[] = [];
  for (let host = 0; host < hosts; host++) {
    for (const source of sources) {
      const name = `${batch}${host}${source}`;
      const draws = dice.stream(name);
      const messages = Array.from({ length: settings.messages }, (_, number) => ({
        lane: name,
        number,
        tag: (lanes.length * 65_536 + number) * 2 + (batch === 'a' ? 0 : 1),
        firstKey: `${batch}${skewed(settings.firstKeys, draws)}`,
        secondKey: skewed(settings.secondKeys, draws),
      }));
      lanes.push({ name, host, source, messages });
    }
  }
  return lanes;
}

function skewed(count: number, dice: Dice): number {
  return dice.chance(0.3) ? dice.below(Math.min(count, 3)) : dice.below(count);
}
