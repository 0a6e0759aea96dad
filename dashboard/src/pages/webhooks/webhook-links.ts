import { to } from '../../router/router.ts';

export const sourceHref = (source: string): string => to(['webhooks', source]);
export const endpointHref = (id: string): string => to(['webhook-endpoints', id]);
export const destinationHref = (id: string): string => to(['webhook-destinations', id]);
export const deliveryHref = (of: { destinationId: string; position: number }): string =>
  to(['webhook-destinations', of.destinationId, String(of.position)]);
