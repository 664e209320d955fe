import { slotOf } from '@wallaroo/worker/core';
import type { Process } from '../world/process.js';
import type { Report } from './finding.js';

/** When nothing moves, all members see the same cluster, slots are dealt evenly, and each key is where its slot is. */
export function checkAgreement(members: readonly Process[], slots: number, report: Report): void {
  const fail = (text: string) => report({ checker: 'agreement', text });
  const views = members.map(({ core }) => {
    const { epoch, members: names, owners, routeVersion } = core.status;
    return `epoch ${epoch} route ${routeVersion} members ${names.join(' ')} owners ${owners.join(' ')}`;
  });
  for (const [i, view] of views.entries()) {
    if (view !== views[0]) fail(`${members[i]!.name} sees ${view}, ${members[0]!.name} sees ${views[0]}`);
  }
  const { owners } = members[0]!.core.status;
  const counts = members.map(({ name }) => owners.filter((owner) => owner === name).length);
  if (Math.max(...counts) - Math.min(...counts) > 1) {
    fail(members.map(({ name }, i) => `${name} owns ${counts[i]} slots`).join(', '));
  }
  for (const { name, core } of members) {
    for (const [stage, store] of core.engine.stores) {
      for (const key of store.keys()) {
        const owner = owners[slotOf(key, slots)];
        if (owner !== name) fail(`${name} has state of key ${key} of ${stage}, whose slot is ${owner}'s`);
      }
    }
  }
}
