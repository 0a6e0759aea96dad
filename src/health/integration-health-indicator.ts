import { Inject, Injectable } from '@nestjs/common';
import { consumerViews } from '../changes/consumer.service.js';
import { sqlStateOf } from '../database/connection/connection-loss.js';
import { INSUFFICIENT_PRIVILEGE } from '../database/connection/sql-states.js';
import { EngineDatabase } from '../database/engine-database.js';
import { endWithin } from '../database/wire/answer-within.js';
import { LeaseKeeper } from '../membership/lease-keeper.js';
import { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import type { SettingsView } from '../settings/settings-view.js';
import { CursorStatusStore } from '../status/cursor-status.store.js';
import { type Backlog, type BacklogThresholds, backlogOf, checkProbe, exceeded } from './backlog.js';
import { Closing } from './closing.js';
import { InboxLagStore } from './inbox-lag.store.js';

/**
 * A heartbeat gives up after 5 s if the database does not answer, and a connection attempt may take somewhat
 * longer. A heartbeat that has not begun a round for a minute is therefore stuck.
 */
const LONGEST_ROUND_MS = 60_000;
const TIMEOUT_MS = 3_000;
const CLOSES = { message: 'The application is closing' };
const READY_OPTIONS = ['timeoutMs', 'maxLagSeconds', 'maxDeadLetters', 'maxUnownedConsumers'];

/** The result that `@nestjs/terminus` accepts from an indicator: one entry under the given key. */
export type IntegrationHealthResult<Key extends string = string> = Record<
  Key,
  { readonly status: 'up' | 'down'; readonly [detail: string]: unknown }
>;

export interface LiveOptions {
  /** The heartbeat must have begun a round within this many milliseconds. The default is 60,000. */
  readonly maxHeartbeatAgeMs?: number | undefined;
}

/**
 * What makes a process unready. Without a threshold the figures are only reported, because a lag or a dead
 * letter does not go away when the process gets no more requests.
 */
export interface ReadyOptions extends BacklogThresholds {
  /** The database must answer within this many milliseconds. The default is 3,000. */
  readonly timeoutMs?: number | undefined;
}

/**
 * Liveness and readiness of the engine in this process, for health endpoints. `@nestjs/terminus` 11 and 12
 * accept the results as they are. Without terminus, read `status`. A result names no host, user or statement
 * of the database, because health endpoints are often public.
 */
@Injectable()
export class IntegrationHealthIndicator {
  private looking: Promise<Backlog> | undefined;
  private readonly inbox: InboxLagStore;

  constructor(
    db: EngineDatabase,
    private readonly leases: LeaseKeeper,
    private readonly consumers: CursorStatusStore,
    @Inject(IntegrationSettingsService) private readonly settings: SettingsView<'orphanAfterDays'>,
    private readonly closing: Closing,
  ) {
    this.inbox = new InboxLagStore(db);
  }

  /**
   * Whether the event loop and the heartbeat of this process run. It never asks the database, because a
   * process that has lost its database continues by itself once the database is back, and a restart would not
   * help it. `heartbeatAgeMs` is null while there is no heartbeat: before the boot has ended and after the
   * shutdown has begun.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for an option that is not valid
   */
  async live<const Key extends string = 'integration'>(
    key: Key = 'integration' as Key,
    options: LiveOptions = {},
  ): Promise<IntegrationHealthResult<Key>> {
    checkProbe('live', options, ['maxHeartbeatAgeMs']);
    const { maxHeartbeatAgeMs = LONGEST_ROUND_MS } = options;
    const age = this.leases.heartbeatAgeMs;
    const turns = age === undefined || age <= maxHeartbeatAgeMs;
    return resultOf(key, turns, {
      heartbeatAgeMs: age === undefined ? null : Math.round(age),
      ...(turns ? {} : { message: `The heartbeat has not begun a round for ${Math.round(age)} ms` }),
    });
  }

  /**
   * Whether the database answers, and whether the backlog of all consumers is within the thresholds. Probes
   * that arrive while the database is being asked share its answer. From the first hook of a shutdown on it
   * is down without asking, while requests are still answered and handlers end.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for a threshold that is not valid
   */
  async ready<const Key extends string = 'integration'>(
    key: Key = 'integration' as Key,
    options: ReadyOptions = {},
  ): Promise<IntegrationHealthResult<Key>> {
    checkProbe('ready', options, READY_OPTIONS);
    const { timeoutMs = TIMEOUT_MS, ...thresholds } = options;
    const found = this.closing.hasBegun ? undefined : await this.judge(timeoutMs, thresholds);
    // The application may have begun to close while the database was asked.
    if (found === undefined || this.closing.hasBegun) return resultOf(key, false, CLOSES);
    const { isUp, ...details } = found;
    return resultOf(key, isUp, details);
  }

  private async judge(
    timeoutMs: number,
    thresholds: BacklogThresholds,
  ): Promise<{ isUp: boolean; [detail: string]: unknown }> {
    let backlog: Backlog;
    try {
      backlog = await endWithin(timeoutMs, this.look(), () => new LateAnswer(timeoutMs));
    } catch (error) {
      return { isUp: false, database: 'down', message: reasonOf(error) };
    }
    const problems = exceeded(backlog, thresholds);
    return {
      isUp: problems.length === 0,
      database: 'up',
      ...backlog,
      ...(problems.length === 0 ? {} : { message: problems.join('; ') }),
    };
  }

  private look(): Promise<Backlog> {
    this.looking ??= this.lookNow().finally(() => {
      this.looking = undefined;
    });
    return this.looking;
  }

  private async lookNow(): Promise<Backlog> {
    const consumers = await this.consumers.cursorStatuses();
    const inInbox = await this.inbox.read();
    return backlogOf(consumerViews(consumers, this.settings.snapshot().orphanAfterDays), inInbox);
  }
}

class LateAnswer extends Error {
  constructor(ms: number) {
    super(`The database did not answer within ${ms} ms`);
  }
}

function resultOf<Key extends string>(
  key: Key,
  isUp: boolean,
  details: Record<string, unknown>,
): IntegrationHealthResult<Key> {
  return { [key]: { status: isUp ? 'up' : 'down', ...details } } as IntegrationHealthResult<Key>;
}

/** The reason is the error's code only, because the text of a driver's error names hosts and users. */
function reasonOf(error: unknown): string {
  if (error instanceof LateAnswer) return error.message;
  const code = sqlStateOf(error) ?? (error as { code?: unknown } | undefined)?.code;
  if (code === INSUFFICIENT_PRIVILEGE) return 'The role of the engine’s connection lacks a right (42501)';
  return typeof code === 'string' ? `The database cannot be asked (${code})` : 'The database cannot be asked';
}
