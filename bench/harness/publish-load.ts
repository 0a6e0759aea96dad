import { benchEvent } from '../systems/bench-event.js';
import type { MeasuredSystem, Publisher, PublishRoute } from '../systems/measured-system.js';
import type { PacedRequest } from './child-protocol.js';
import { monotonicMs } from './monotonic-clock.js';
import { TimeLog } from './time-log.js';

/**
 * Publishes at a steady rate, whether or not earlier publishes have finished (an open loop: a slow system cannot slow
 * its own load down). Answers with the time at which each transaction's commit came back.
 */
export async function publishPaced(system: MeasuredSystem, request: PacedRequest): Promise<Float64Array> {
  const { route, from, count, rate, writers } = request;
  const publishers = await openPublishers(system, route, writers);
  const log = new TimeLog();
  const startedAt = monotonicMs();
  let next = 0;
  const work = async (publisher: Publisher) => {
    for (let i = next++; i < count; i = next++) {
      await untilMonotonic(startedAt + (i * 1e3) / rate);
      await publisher.publish(benchEvent(from + i));
      log.add(from + i, monotonicMs());
    }
  };
  await Promise.all(publishers.map(work));
  await Promise.all(publishers.map((publisher) => publisher.close()));
  return log.entries();
}

/** Publishes as fast as `writers` connections allow, one transaction per event. */
export async function publishAll(
  system: MeasuredSystem,
  request: { route: PublishRoute; from: number; count: number; writers: number },
): Promise<void> {
  const publishers = await openPublishers(system, request.route, request.writers);
  let next = 0;
  await Promise.all(
    publishers.map(async (publisher) => {
      for (let i = next++; i < request.count; i = next++)
        await publisher.publish(benchEvent(request.from + i));
    }),
  );
  await Promise.all(publishers.map((publisher) => publisher.close()));
}

export async function openPublishers(
  system: MeasuredSystem,
  route: PublishRoute,
  writers: number,
): Promise<Publisher[]> {
  const publishers: Publisher[] = [];
  for (let i = 0; i < writers; i++) {
    const publisher = await system.openPublisher(route);
    if (publisher === undefined) throw new Error(`this system cannot publish by the route '${route}'`);
    publishers.push(publisher);
  }
  return publishers;
}

async function untilMonotonic(time: number): Promise<void> {
  const left = time - monotonicMs();
  if (left > 0) await new Promise((resolve) => setTimeout(resolve, left));
}
