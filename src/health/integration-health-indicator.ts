import { Injectable } from '@nestjs/common';
import { ConsumerService } from '../consumers/consumer.service.js';
import { sqlStateOf } from '../database/connection/connection-loss.js';
import { endWithin } from '../database/wire/answer-within.js';
import { LeaseKeeper } from '../membership/lease-keeper.js';
import { type Backlog, type BacklogThresholds, backlogOf, checkThresholds, exceeded } from './backlog.js';

/**
 * A beat that the database does not answer is given up after 5 s, and a connection attempt after some more. A
 * heartbeat that has not begun a new round for a minute therefore hangs.
 */
const LONGEST_ROUND_MS = 60_000;
const TIMEOUT_MS = 3_000;

/** What `@nestjs/terminus` takes from an indicator: one entry, under the key that was given. */
export type IntegrationHealthResult<Key extends string = string> = Record<
  Key,
  { readonly status: 'up' | 'down'; readonly [detail: string]: unknown }
>;

export interface LiveOptions {
  /** The heartbeat has to have begun a round within so many milliseconds. Default: 60,000. */
  readonly maxHeartbeatAgeMs?: number | undefined;
}

/**
 * What makes a process unready. Without a threshold the figures are only reported, because a lag or a dead
 * letter does not go away when the process gets no more requests.
 */
export interface ReadyOptions extends BacklogThresholds {
  /** The database has to answer within so many milliseconds. Default: 3,000. */
  readonly timeoutMs?: number | undefined;
}

/**
 * Liveness and readiness of the engine in this process, for health endpoints. `@nestjs/terminus` 11 and 12
 * take the results as they are; without terminus, look at `status`. A result names no host, user or statement
 * of the database, because health endpoints are often open to everybody.
 */
@Injectable()
export class IntegrationHealthIndicator {
  private looking: Promise<Backlog> | undefined;

  constructor(
    private readonly leases: LeaseKeeper,
    private readonly consumers: ConsumerService,
  ) {}

  /**
   * Whether the event loop and the heartbeat of this process turn. It never asks the database: a process that
   * has lost its database goes on by itself once the database is back, and a restart would not help it.
   * `heartbeatAgeMs` is null while the engine does not beat, which is before the boot has ended and after the
   * shutdown has begun.
   */
  async live<const Key extends string = 'integration'>(
    key: Key = 'integration' as Key,
    options: LiveOptions = {},
  ): Promise<IntegrationHealthResult<Key>> {
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
   * that come while one look at the database is under way share its answer.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for a threshold that makes no sense
   */
  async ready<const Key extends string = 'integration'>(
    key: Key = 'integration' as Key,
    options: ReadyOptions = {},
  ): Promise<IntegrationHealthResult<Key>> {
    const { timeoutMs = TIMEOUT_MS, ...thresholds } = options;
    checkThresholds(thresholds, timeoutMs);
    let backlog: Backlog;
    try {
      backlog = await endWithin(timeoutMs, this.look(), () => new LateAnswer(timeoutMs));
    } catch (error) {
      return resultOf(key, false, { database: 'down', message: reasonOf(error) });
    }
    const problems = exceeded(backlog, thresholds);
    return resultOf(key, problems.length === 0, {
      database: 'up',
      ...backlog,
      ...(problems.length === 0 ? {} : { message: problems.join('; ') }),
    });
  }

  private look(): Promise<Backlog> {
    this.looking ??= this.consumers
      .list()
      .then(backlogOf)
      .finally(() => {
        this.looking = undefined;
      });
    return this.looking;
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

/** By its code only: the text of a driver's error names hosts and users. */
function reasonOf(error: unknown): string {
  if (error instanceof LateAnswer) return error.message;
  const code = sqlStateOf(error) ?? (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? `The database cannot be asked (${code})` : 'The database cannot be asked';
}
