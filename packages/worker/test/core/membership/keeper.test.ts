import { expect } from 'chai';
import { ClusterLog } from '../../../src/core/membership/cluster-log.js';
import { Keeper } from '../../../src/core/membership/keeper.js';
import { Operations } from '../../../src/core/operations.js';
import { Lines } from '../support/members.js';

describe('the keeper of the files of a worker', () => {
  it('writes nothing any more once they are to be removed: they would be there again', () => {
    const done: string[] = [];
    const operations = new Operations();
    const storage = {
      store: (operation: number) => {
        done.push('store');
        operations.stored(operation);
      },
      remove: (operation: number) => {
        done.push('remove');
        operations.stored(operation);
      },
    };
    const address = { host: 'a', port: 1 };
    const keeper = new Keeper(storage, { now: () => 0 }, new Lines(), operations, new ClusterLog([]), () => ({
      ...{ application: 'a', fingerprint: 'f', name: 'w', incarnation: 1 },
      ...{ control: address, data: address, handedOn: new Map([['out', 3]]) },
    }));
    keeper.write(() => done.push('written'));
    keeper.remove(() => done.push('removed'));
    keeper.write(() => done.push('never'));
    expect(done).to.deep.equal(['store', 'written', 'remove', 'removed']);
  });
});
