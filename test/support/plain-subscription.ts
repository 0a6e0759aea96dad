import { KEY } from './simulated-inbox.js';

/** A subscription of the simulated consumer to all events, as it is registered without any option. */
export const plainSubscription = {
  consumerName: KEY.consumerName,
  eventNames: ['*'],
  handler: () => {},
  transactional: false,
  retry: {},
  timeoutMs: undefined,
  priority: 0,
  payload: 'json' as const,
  place: 'test',
};
