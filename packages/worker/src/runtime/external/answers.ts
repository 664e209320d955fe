import type { CountsByWorker, ExternalMessage, IdsByWorker } from '@wallaroo/protocol';
import type { ClusterView, StepGroup } from './cluster-view.js';

/** The answer to a query, undefined when the message asks for none. Reads the view, changes nothing. */
export function answer(query: ExternalMessage, view: ClusterView): ExternalMessage | undefined {
  const { worker } = view;
  switch (query.type) {
    case 'clusterStatusQuery':
      if (!view.initialized) return { type: 'clusterStatusQueryResponseNotInitialized' };
      return { type: 'clusterStatusQueryResponse', body: view.status };
    case 'partitionQuery':
      return {
        type: 'partitionQueryResponse',
        body: {
          state_partitions: ids(view.stateGroups, worker),
          stateless_partitions: ids(view.statelessGroups, worker),
        },
      };
    case 'partitionCountQuery':
      return {
        type: 'partitionCountQueryResponse',
        body: {
          state_partitions: counts(view.stateGroups, worker),
          stateless_partitions: counts(view.statelessGroups, worker),
        },
      };
    case 'statelessPartitionQuery':
      return { type: 'statelessPartitionQueryResponse', body: ids(view.statelessGroups, worker) };
    case 'statelessPartitionCountQuery':
      return { type: 'statelessPartitionCountQueryResponse', body: counts(view.statelessGroups, worker) };
    case 'sourceIdsQuery':
      return { type: 'sourceIdsQueryResponse', body: { source_ids: [...view.sourceIds] } };
    case 'stateEntityQuery':
      return {
        type: 'stateEntityQueryResponse',
        body: Object.fromEntries(view.stateGroups.map(({ id, store }) => [id, [...store.keys()]])),
      };
    case 'stateEntityCountQuery':
      return {
        type: 'stateEntityCountQueryResponse',
        body: Object.fromEntries(view.stateGroups.map(({ id, store }) => [id, store.size])),
      };
    default:
      return undefined;
  }
}

function ids(groups: readonly StepGroup[], worker: string): IdsByWorker {
  return Object.fromEntries(groups.map(({ id, stepIds }) => [id, { [worker]: [...stepIds] }]));
}

function counts(groups: readonly StepGroup[], worker: string): CountsByWorker {
  return Object.fromEntries(groups.map(({ id, stepIds }) => [id, { [worker]: stepIds.length }]));
}
