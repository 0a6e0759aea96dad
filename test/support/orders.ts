import type { TestApp } from './app.js';

/** Publishes orders `o0`, `o1` and so on, each an aggregate of its own. */
export async function publishOrders({ api }: TestApp, count: number): Promise<void> {
  await api.publishEvents(
    Array.from({ length: count }, (_, n) => ({
      eventName: 'order.placed',
      sourceModule: 'test',
      aggregateType: 'order',
      aggregateId: `o${n}`,
    })),
  );
}
