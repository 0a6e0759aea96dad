import type { Type } from '@nestjs/common';
import { CallsModule, ExternalCallsService } from '../../src/calls/index.js';
import type { IntegrationModuleOptions } from '../../src/index.js';
import { type PartApp, startPartApp } from '../support/part-app.js';
import type { TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

export interface CallApp extends PartApp {
  readonly calls: ExternalCallsService;
}

export type CallAppOptions = IntegrationModuleOptions;

/** An application with types of calls. */
export async function startCallApp(
  database: TestDatabase,
  providers: readonly Type[],
  options: CallAppOptions = {},
): Promise<CallApp> {
  const calls = CallsModule.forRoot({ network: { allow: ['127.0.0.1'], http: true } });
  const app = await startPartApp(database, options, { imports: [calls], providers: [...providers] });
  return { ...app, calls: app.context.get(ExternalCallsService) };
}

/** The steps of a call as its events tell them, in their order: `requested`, `initialized`, … */
export async function stepsOf(database: TestDatabase, callId: string): Promise<string[]> {
  return (await eventsOf(database, callId)).map(({ eventName }) => eventName.split('.').at(-1) ?? '');
}

export interface CallEventRow {
  readonly eventName: string;
  readonly payload: Record<string, unknown>;
  readonly metadata: Record<string, unknown>;
}

export async function eventsOf(database: TestDatabase, callId: string): Promise<CallEventRow[]> {
  const { rows } = await database.pool.query<CallEventRow>(
    `SELECT event_name AS "eventName", payload, metadata FROM integration.outbox_event
     WHERE aggregate_type = 'external_call' AND aggregate_id = $1 ORDER BY position`,
    [callId],
  );
  return rows;
}

/** Resolves when the call has ended, to its row. */
export async function untilEnded(app: CallApp, callId: string) {
  return until(`call ${callId} has ended`, async () => {
    const call = await app.calls.get(callId);
    return call?.endedAt === null ? undefined : call;
  });
}

/** Resolves when the call has this status. */
export async function untilStatus(app: CallApp, callId: string, status: string) {
  return until(`call ${callId} is ${status}`, async () => {
    const call = await app.calls.get(callId);
    return call?.status === status ? call : undefined;
  });
}
