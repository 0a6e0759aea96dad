import type { INestApplicationContext } from '@nestjs/common';
import { RETENTION_MODULE } from '../harness/package-paths.js';

/** One round of an application's retention; resolves to how many events it has deleted. */
export type RetentionRun = () => Promise<number>;

/** The part of the package's own class that is used here. */
interface Retention {
  run(intervalMs: number, stopping: AbortSignal): Promise<{ events: number }>;
}

/**
 * Retention runs by itself, every few minutes, and nobody else can start it: so it is taken from the package's files, the same
 * object that its timer would call.
 */
export async function retentionOf(application: INestApplicationContext): Promise<RetentionRun> {
  const { Retention } = (await import(RETENTION_MODULE)) as { Retention: new () => Retention };
  const retention = application.get(Retention, { strict: false });
  const { signal } = new AbortController();
  return async () => (await retention.run(0, signal)).events;
}
