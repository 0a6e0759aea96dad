import type { RefusedStep } from '../refusal.js';

/** What a request is answered that is refused at this step. */
export const STATUSES: { readonly [S in RefusedStep]: number } = {
  source: 404,
  endpoint: 404,
  size: 413,
  'raw-body': 500,
  header: 400,
  signature: 401,
  timestamp: 401,
  'repeated-body': 409,
  payload: 422,
  paused: 503,
};

/** After how many seconds a sender is asked to repeat. A pause is for minutes. */
export const PAUSED_RETRY_SECONDS = '300';
export const PASSING_RETRY_SECONDS = '30';
