/*
 * One refresher for all processes.
 *
 * Providers rotate refresh tokens: each is used once, and a second use is taken for a theft and revokes the
 * grant. So of all processes one may refresh at a time, and it must save what it gets before another begins.
 * No connection and no lock of the database is held during the request, which may take long. The row of the
 * token has a generation, which is the version of its secret, and a lease.
 *
 * - Claim: one UPDATE, where the lease is free and the generation is the one whose refresh token was read.
 *   So nobody refreshes with a token that is used up.
 * - Request: its deadline counts from before the claim was sent, and is shorter than the lease, which counts
 *   from when the claim arrived. So it has ended before another process can claim.
 * - Save: one transaction. The fenced UPDATE comes first: the lease is still the caller's, and the generation
 *   is the one it claimed. Then the secret gets its version, and the versions before are deleted. A process
 *   that was stalled for longer than its lease saves nothing if another has claimed meanwhile. If nobody has,
 *   its answer is the only one, and it is saved.
 * - `invalid_grant` holds only under the same fence. If the generation has moved, another process has
 *   succeeded, and its token is used.
 *
 * Nothing is deleted by a failure. One gap stays: from the provider's rotation to the save. If the answer is
 * lost on its way, or if the process dies in between, nobody has the token that the provider now wants. The
 * next refresh then uses the old one, and a provider that detects reuse revokes the grant. That costs an
 * authorization by a person, and no design of the receiving side can avoid it.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Author } from '../../audit/change-author.js';
import { messageOf } from '../../errors.js';
import { AbortGroups } from '../../http/abort-groups.js';
import { openSecret } from '../../secrets/sealed-secret.js';
import { sealingTransaction } from '../../secrets/sealing-transaction.js';
import type { EngineLogger } from '../../words/engine-logger.js';
import { LatestEntries } from '../../words/latest-entries.js';
import { ConnectionStore } from '../connections/connection.store.js';
import { type ChangeParts, changeConnections } from '../connections/connection-changes.js';
import { type FoundHealth, saveHealth } from '../connections/connection-health.js';
import { tokenOf } from '../connections/connection-secrets.js';
import type { TokenSet } from '../definition/connector-auth.js';
import { inBackoff, reauthorizationRequired, refreshFailed } from '../definition/connector-errors.js';
import type { TokenAnswer } from '../oauth/token-answer.js';
import { type Claim, type NewToken, type StoredToken, type TokenOwner, TokenStore } from './token.store.js';
import { textOfTokens, tokensOfText } from './token-text.js';

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 300_000;
/** The lease is longer than the time-out by this at least, whatever the settings are at this moment. */
const LEAST_MARGIN_MS = 1_000;
/** A token that is valid for less than this is not given out. */
const TOO_SHORT_MS = 1_000;
const FIRST_WAIT_MS = 25;
const LONGEST_WAIT_MS = 500;
/** For how long a process tries to save what it has got, while the database cannot be reached. */
const SAVE_FOR_MS = 300_000;
const LONGEST_SAVE_WAIT_MS = 2_000;
/** The same for a process that is stopping. It is less than the 30 s that most platforms give a process. */
const SAVE_WHILE_STOPPING_MS = 10_000;
/** A token that the provider refuses is not renewed again within this time after it came. */
const YOUNG_MS = 5_000;
/** For how long a token that is due is used without another look, where nothing better can be got. */
const LOOK_AGAIN_MS = 1_000;
const MOST_REMEMBERED = 10_000;

/** A connection whose tokens are kept, and how it gets them. */
export interface Refreshable extends TokenOwner {
  readonly connector: string;
  /** Asks the provider. It never rejects. The signal ends at the deadline. */
  request(token: TokenSet | undefined, signal: AbortSignal): Promise<TokenAnswer>;
  /** Whether there is a way to another token without a person. */
  canRefresh(token: TokenSet | undefined): boolean;
}

/** A token that may be used now. */
export interface CurrentToken {
  readonly generation: number;
  readonly tokens: TokenSet;
  /** Monotonic milliseconds. Infinity for one that is valid until the provider refuses it. */
  readonly expiresAt: number;
  /** From when on another one is got. */
  readonly refreshAt: number;
  /** When it came. */
  readonly bornAt: number;
}

export interface RefreshSettings {
  readonly refreshSkewMs: number;
  readonly refreshTimeoutMs: number;
  readonly refreshLeaseMs: number;
}

export interface RefresherParts extends ChangeParts {
  readonly settings: () => RefreshSettings;
  readonly logger: Pick<EngineLogger, 'warnOfFailure'>;
  readonly author: Author;
  /** Tells all processes that a connection has a new token. */
  readonly tell: (id: string) => Promise<void>;
  readonly refreshed?: (connector: string, outcome: RefreshOutcome) => void;
}

/** What became of a request for a token. `late`: it was answered, and another process had claimed it. */
export type RefreshOutcome = 'success' | 'failure' | 'dead' | 'late';

/** What the owner of a lease has read before. */
interface Owned {
  readonly claim: Claim;
  readonly token: CurrentToken | undefined;
  /** The same, if it may be used until there is another one. */
  readonly usable: CurrentToken | undefined;
  readonly refused: number;
  readonly health: string;
  /** Until when the provider may answer, in monotonic milliseconds. */
  readonly deadline: number;
}

/** The lease is not the caller's any more. */
class TooLate extends Error {
  override readonly name = 'TooLate';
}

/** Gives out tokens, and gets new ones. There is one in each process. */
export class Refresher {
  private readonly store: TokenStore;
  private readonly connections: ConnectionStore;
  private readonly remembered = new LatestEntries<string, CurrentToken>(MOST_REMEMBERED);
  private readonly flights = new Map<string, Promise<CurrentToken>>();
  /** Requests whose connections have a token that is valid until the answer comes. */
  private readonly behind = new Map<string, Promise<unknown>>();
  private readonly signals = new AbortGroups();
  private readonly waiting = new Map<string, Set<() => void>>();
  private readonly stopping = new AbortController();
  /** Until when a process that is stopping tries to save. */
  private savesUntil = Number.POSITIVE_INFINITY;

  constructor(private readonly parts: RefresherParts) {
    this.store = new TokenStore(parts.db);
    this.connections = new ConnectionStore(parts.db);
  }

  /**
   * A token that is valid. One that is about to expire is given out as well, while another one is got behind
   * it.
   *
   * @param refused a generation that the provider does not take any more
   * @throws IntegrationError INTEGRATION_REAUTHORIZATION_REQUIRED, INTEGRATION_TOKEN_REFRESH_FAILED,
   * INTEGRATION_TOKEN_BACKOFF; the reason of the signal
   */
  async get(of: Refreshable, signal: AbortSignal, refused = -1): Promise<CurrentToken> {
    const known = this.remembered.get(of.id);
    const now = performance.now();
    if (known !== undefined && known.generation > refused) {
      if (known.refreshAt > now) return known;
      if (isValid(known)) {
        if (!this.behind.has(of.id)) this.fly(of, refused).catch(() => {});
        return known;
      }
    }
    // Whoever waits goes away when its signal ends. The flight goes on for the others.
    return this.signals.unless(signal, this.fly(of, refused));
  }

  /** Gets another token although there is one, because a refresh token would expire without use. */
  async renewIdle(of: Refreshable): Promise<void> {
    await this.renewed(of, -1, { isIdle: true });
    await this.behind.get(of.id);
  }

  /** Whether a refused token came so recently that another one would hardly be better. */
  isYoung(id: string, generation: number): boolean {
    const known = this.remembered.get(id);
    return known?.generation === generation && performance.now() - known.bornAt < YOUNG_MS;
  }

  /** Reads tokens anew: of one connection, or of all. */
  forget(id?: string): void {
    if (id === undefined) this.remembered.clear();
    else this.remembered.delete(id);
  }

  /** Whoever waits for the token of a connection looks at once. */
  wake(id?: string): void {
    const sets = id === undefined ? this.waiting.values() : [this.waiting.get(id) ?? []];
    for (const each of sets) for (const look of [...each]) look();
  }

  /** Waits for what is under way, because a provider's answer must be saved. */
  async stop(): Promise<void> {
    this.savesUntil = Math.min(this.savesUntil, performance.now() + SAVE_WHILE_STOPPING_MS);
    this.stopping.abort();
    this.wake();
    await Promise.allSettled([...this.flights.values(), ...this.behind.values()]);
  }

  /** One flight per connection. Whoever comes meanwhile gets its token, if that was not refused already. */
  private fly(of: Refreshable, refused: number): Promise<CurrentToken> {
    const under = this.flights.get(of.id);
    if (under !== undefined)
      return under.then((token) => (token.generation > refused ? token : this.fly(of, refused)));
    const flight = this.renewed(of, refused).finally(() => this.flights.delete(of.id));
    this.flights.set(of.id, flight);
    return flight;
  }

  private async renewed(of: Refreshable, refused: number, { isIdle = false } = {}): Promise<CurrentToken> {
    const { refreshTimeoutMs, refreshLeaseMs } = this.parts.settings();
    const leaseMs = Math.max(refreshLeaseMs, refreshTimeoutMs + LEAST_MARGIN_MS);
    const endsAt = performance.now() + leaseMs + refreshTimeoutMs;
    for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
      const stored = await this.store.read(of);
      if (stored === undefined) throw reauthorizationRequired(of.id, 'it was never authorized');
      const token = await this.opened(of, stored);
      const usable = token !== undefined && token.generation > refused && isValid(token) ? token : undefined;
      const isDue = usable === undefined || usable.refreshAt <= performance.now() || isIdle;
      if (!isDue) return this.remember(of, usable);
      if (stored.health === 'needs_reauthorization')
        return this.orThrow(of, usable, () =>
          reauthorizationRequired(of.id, 'its grant is not valid any more'),
        );
      if (!of.canRefresh(token?.tokens)) return this.withoutWay(of, usable, stored.generation);
      if (stored.backoffMs > 0)
        return this.orThrow(of, usable, () => inBackoff(of.id, stored.backoffMs), stored.backoffMs);
      const claim: Claim = { lease: randomUUID(), generation: stored.generation };
      const deadline = performance.now() + refreshTimeoutMs;
      if (this.stopping.signal.aborted) throw refreshFailed(of.id, 'this process is stopping');
      if (await this.store.claim(of, claim, leaseMs)) {
        const owned: Owned = { claim, token, usable, refused, health: stored.health, deadline };
        return usable === undefined ? this.asOwner(of, owned) : this.goBehind(of, owned, usable);
      }
      if (usable !== undefined) return this.keepUsing(of, usable);
      if (performance.now() > endsAt) throw refreshFailed(of.id, 'other processes are trying all the time');
      await this.untilWoken(of.id, waitMs);
    }
  }

  /** Whoever has a valid token does not wait for the next one. */
  private goBehind(of: Refreshable, owned: Owned, usable: CurrentToken): CurrentToken {
    const work = this.asOwner(of, owned)
      .catch(() => {})
      .finally(() => this.behind.delete(of.id));
    this.behind.set(of.id, work);
    return this.remember(of, usable);
  }

  /** What is done with the lease. */
  private async asOwner(of: Refreshable, owned: Owned): Promise<CurrentToken> {
    const { claim, token, usable, refused, health, deadline } = owned;
    const askedAt = performance.now();
    const signal = AbortSignal.timeout(Math.max(1, Math.floor(deadline - askedAt)));
    const answer = await of.request(token?.tokens, signal);
    switch (answer.is) {
      case 'tokens': {
        const tokens = keepingRefreshToken(answer.tokens, token?.tokens);
        const saved = await this.saved(of, claim, tokens, askedAt);
        if (health === 'failing')
          await this.setHealth(of, { health: 'healthy', reason: null }).catch(() => {});
        return saved;
      }
      case 'dead': {
        const isOurs = await this.setDead(of, claim, answer.reason);
        this.told(of, isOurs ? 'dead' : 'late');
        if (!isOurs) return this.afterOther(of, refused, answer.reason);
        return this.orThrow(of, usable, () => reauthorizationRequired(of.id, answer.reason));
      }
      case 'failed': {
        this.told(of, 'failure');
        const leastMs = Math.min(answer.retryAfterMs ?? 0, 3_600_000);
        const pause = { firstMs: FIRST_PAUSE_MS, mostMs: LONGEST_PAUSE_MS, leastMs };
        await this.store.failed(of, claim, pause);
        this.parts.logger.warnOfFailure(
          `The connection ${of.id} (${of.connector}) could not get another token: ${answer.reason}`,
          `token of ${of.connector}`,
        );
        if (usable !== undefined) return this.keepUsing(of, usable);
        const reason = `It has no valid token: ${answer.reason}`;
        if (health !== 'failing') await this.setHealth(of, { health: 'failing', reason }).catch(() => {});
        throw refreshFailed(of.id, answer.reason);
      }
    }
  }

  /**
   * Saves what the provider has given. If the database cannot be reached, it is tried again for as long as
   * the lease may still be ours, because the refresh token before it is used up. A process that is stopping
   * does so for a few seconds.
   */
  private async saved(
    of: Refreshable,
    claim: Claim,
    tokens: TokenSet,
    askedAt: number,
  ): Promise<CurrentToken> {
    const text = textOfTokens(tokens);
    const endsAt = performance.now() + SAVE_FOR_MS;
    for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_SAVE_WAIT_MS)) {
      try {
        const generation = await this.save(of, claim, text, newTokenOf(tokens, askedAt));
        this.told(of, 'success');
        void this.parts.tell(of.id).catch(() => {});
        return this.remember(of, currentOf(generation, tokens, askedAt, this.parts.settings()));
      } catch (error) {
        if (error instanceof TooLate) {
          this.told(of, 'late');
          return this.afterOther(of, claim.generation, 'another process has taken over meanwhile');
        }
        if (performance.now() > Math.min(endsAt, this.savesUntil)) throw error;
        this.parts.logger.warnOfFailure(
          `The new token of the connection ${of.id} (${of.connector}) is not saved yet: ${messageOf(error)}`,
          `save of a token of ${of.connector}`,
        );
        // A stop makes it try at once, and after that it waits as before.
        const { signal } = this.stopping;
        await delay(waitMs, undefined, signal.aborted ? {} : { signal }).catch(() => {});
      }
    }
  }

  private save(of: Refreshable, claim: Claim, text: string, token: NewToken): Promise<number> {
    const { db, secrets } = this.parts;
    return sealingTransaction(secrets, db, async (session, add) => {
      const generation = await this.store.save(session, of, claim, token);
      if (generation === undefined) throw new TooLate();
      await add(tokenOf(of), text, 0, generation);
      return generation;
    });
  }

  /** The grant is dead, once. False if another process has saved, or has claimed, meanwhile. */
  private async setDead(of: Refreshable, claim: Claim, reason: string): Promise<boolean> {
    return this.setHealth(of, { health: 'needs_reauthorization', reason }, claim);
  }

  private async setHealth(of: Refreshable, found: FoundHealth, claim?: Claim): Promise<boolean> {
    return changeConnections(this.parts, async (change) => {
      // The row of the connection first, as everybody takes it who changes both.
      const connection = await this.connections.lock(change.session, of.tenantId, of.id);
      if (connection === undefined) return false;
      if (claim !== undefined && !(await this.store.giveUp(change.session, of, claim))) return false;
      await saveHealth(change, this.connections, connection, found, this.parts.author);
      return true;
    });
  }

  /** Another process was faster: what it has saved is used. */
  private async afterOther(of: Refreshable, refused: number, reason: string): Promise<CurrentToken> {
    const stored = await this.store.read(of);
    const token = stored && (await this.opened(of, stored));
    if (token !== undefined && token.generation > refused && isValid(token)) return this.remember(of, token);
    throw refreshFailed(of.id, reason);
  }

  /** There is no refresh token. When its token is over, a person has to agree again. */
  private async withoutWay(
    of: Refreshable,
    usable: CurrentToken | undefined,
    generation: number,
  ): Promise<CurrentToken> {
    if (usable !== undefined) return this.keepUsing(of, usable);
    const reason =
      generation === 0
        ? 'it was never authorized'
        : 'its token is not valid any more, and there is no refresh token';
    await this.setHealth(of, { health: 'needs_reauthorization', reason });
    throw reauthorizationRequired(of.id, reason);
  }

  private orThrow(
    of: Refreshable,
    usable: CurrentToken | undefined,
    error: () => Error,
    pauseMs = 0,
  ): CurrentToken {
    if (usable === undefined) throw error();
    return this.keepUsing(of, usable, pauseMs);
  }

  /** Nothing better can be got now, so the database is not asked again for a while. */
  private keepUsing(of: Refreshable, usable: CurrentToken, pauseMs = 0): CurrentToken {
    const refreshAt = performance.now() + Math.max(pauseMs, LOOK_AGAIN_MS);
    this.remembered.delete(of.id);
    return this.remember(of, {
      ...usable,
      refreshAt: Math.min(refreshAt, usable.expiresAt - TOO_SHORT_MS),
    });
  }

  private async opened(of: Refreshable, stored: StoredToken): Promise<CurrentToken | undefined> {
    const { secret, generation, expiresInMs, lifetimeMs, ageMs } = stored;
    if (secret === undefined) return undefined;
    const now = performance.now();
    const tokens = tokensOfText(await openSecret(secret, this.parts.secrets.keys), of.id);
    const skewMs = skewOf(this.parts.settings(), lifetimeMs);
    const expiresAt = expiresInMs === null ? Number.POSITIVE_INFINITY : now + expiresInMs;
    return { generation, tokens, expiresAt, refreshAt: expiresAt - skewMs, bornAt: now - ageMs };
  }

  private remember({ id }: Refreshable, token: CurrentToken): CurrentToken {
    const known = this.remembered.get(id);
    if (known !== undefined && known.generation >= token.generation) return known;
    this.remembered.set(id, token);
    return token;
  }

  private untilWoken(id: string, waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.waiting.get(id) ?? new Set();
      this.waiting.set(id, waiting);
      const look = () => {
        clearTimeout(timer);
        waiting.delete(look);
        if (waiting.size === 0) this.waiting.delete(id);
        resolve();
      };
      const timer = setTimeout(look, waitMs);
      waiting.add(look);
    });
  }

  private told({ connector }: Refreshable, outcome: RefreshOutcome): void {
    this.parts.refreshed?.(connector, outcome);
  }
}

function isValid({ expiresAt }: CurrentToken): boolean {
  return expiresAt > performance.now() + TOO_SHORT_MS;
}

/** A token of a short life is used for half of it at least. */
function skewOf({ refreshSkewMs }: RefreshSettings, lifetimeMs: number | null): number {
  return lifetimeMs === null ? 0 : Math.min(refreshSkewMs, lifetimeMs / 2);
}

function currentOf(
  generation: number,
  tokens: TokenSet,
  askedAt: number,
  settings: RefreshSettings,
): CurrentToken {
  const lifetimeMs = lifetimeOf(tokens);
  const expiresAt = lifetimeMs === null ? Number.POSITIVE_INFINITY : askedAt + lifetimeMs;
  const refreshAt = expiresAt - skewOf(settings, lifetimeMs);
  return { generation, tokens, expiresAt, refreshAt, bornAt: performance.now() };
}

/** The time counts from when the provider was asked, because nobody knows when it began to count. */
export function newTokenOf(tokens: TokenSet, askedAt: number): NewToken {
  const lifetimeMs = lifetimeOf(tokens);
  return {
    expiresInMs: lifetimeMs === null ? null : lifetimeMs - (performance.now() - askedAt),
    isRenewable: tokens.refreshToken !== undefined,
  };
}

function lifetimeOf({ expiresInSeconds }: TokenSet): number | null {
  return expiresInSeconds === undefined ? null : expiresInSeconds * 1_000;
}

/** A provider that gives no other refresh token means that the one before stays. */
function keepingRefreshToken(tokens: TokenSet, before: TokenSet | undefined): TokenSet {
  const refreshToken = tokens.refreshToken ?? before?.refreshToken;
  return refreshToken === undefined ? tokens : { ...tokens, refreshToken };
}
