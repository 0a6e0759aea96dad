import { to } from '../../router/router.ts';

export const sourceHref = (source: string): string => to(['webhooks', source]);
export const endpointHref = (id: string): string => to(['webhook-endpoints', id]);
