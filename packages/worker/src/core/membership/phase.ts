/**
 * What a member of a cluster goes through:
 *
 * 1. `forming`: an initializer waits for its workers; a worker waits for the record that it is one of them.
 * 2. `returning`: a worker with files waits for the leader to begin an epoch that knows of its new life.
 * 3. `gathering`: has promised an epoch; processes nothing until its record comes.
 * 4. `preparing`: the record is in effect; sinks and sources open, links connect. With resilience everything goes
 *    back to the last checkpoint.
 * 5. `ready`: waits until all others are. A joiner waits for nobody.
 * 6. `processing`. Slots may come and go; a member that leaves ends its sources and hands them all over.
 * 7. `draining`: a clean shutdown; what was read is processed. 8. `finishing`: sinks flush. 9. `ended`.
 */
export type Phase =
  | 'forming'
  | 'returning'
  | 'gathering'
  | 'preparing'
  | 'ready'
  | 'processing'
  | 'draining'
  | 'finishing'
  | 'ended';
