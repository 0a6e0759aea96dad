import { setTimeout as delay } from 'node:timers/promises';
import type { GateOutcome, GatePass } from '../../gate/gate.js';
import type { GateTarget } from '../../gate/gate-limit.js';
import { GateRefused } from '../../gate/gate-refused.js';
import type { OutgoingAnswer, OutgoingFailureKind } from '../../http/outgoing-answer.js';
import { retryAfterMs } from '../../http/retry-after.js';
import { type KnownTarget, knownTargetOf, limitedKeyOf } from './gate-target.js';
import { badStatus, notNow, type RequestOfError, tooLarge, unusable, withoutAnswer } from './http-errors.js';
import type { HttpIdentity, UnsignedRequest } from './http-identity.js';
import type { HttpParts, SentAnswer } from './http-parts.js';
import type { WrittenRequest } from './http-request.js';
import { quotaNews } from './quota-news.js';
import { Destinations, shownPath } from './target-url.js';

type Answered = OutgoingAnswer & { readonly is: 'answered' };
type Failed = OutgoingAnswer & { readonly is: 'failed' };
/** The answer, or for how long to wait before the request is sent once more. */
type Step = { readonly answer: SentAnswer; readonly againInMs?: undefined } | { readonly againInMs: number };

/** One that has hung until its time was over has kept its caller long enough. */
const REPEATED_FAILURES: ReadonlySet<OutgoingFailureKind> = new Set(['dns', 'connect', 'reset', 'proxy']);
/** What says nothing of the other system. */
const NOT_OF_OTHER: ReadonlySet<OutgoingFailureKind> = new Set(['refused', 'proxy', 'aborted']);
const FIRST_WAIT_MS = 500;
/** After a 429 that does not say for how long. */
const UNSAID_MS = 1_000;
/** A request that tries an open breaker has this beyond its own time, in which nobody else tries. */
const PROBE_MARGIN_MS = 5_000;
const MOST_REDIRECTS = 5;
const REQUEST_IDS = [
  'x-request-id',
  'request-id',
  'x-correlation-id',
  'x-github-request-id',
  'x-amzn-requestid',
];

/** What was read of the identity of a connection, for the next request. */
export interface KnownOfIdentity {
  destinations: Destinations | undefined;
  target: KnownTarget | undefined;
  /** A signal that is never given, for requests without one. */
  never: AbortSignal | undefined;
}

export interface CallOf {
  readonly parts: HttpParts;
  readonly identityOf: () => HttpIdentity | Promise<HttpIdentity>;
  readonly known: KnownOfIdentity;
  readonly request: WrittenRequest;
  readonly signal: AbortSignal | undefined;
}

/** One attempt: who it is for, and where it goes. */
interface Attempt {
  readonly identity: HttpIdentity;
  readonly of: RequestOfError;
  readonly destinations: Destinations;
  readonly target: GateTarget;
  readonly url: URL;
}

/**
 * One request, until there is an answer or an error.
 *
 * Each attempt reads the identity anew, puts the credentials on, and then waits for its turn at the gate, so
 * that nothing that takes long stands between its turn and the request. After a 401 the credentials are
 * renewed and the request is sent once more, never a second time, whatever comes.
 */
export class HttpCall {
  private attempt = 0;
  private retries = 0;
  private redirects = 0;
  private hasRenewed = false;
  /** Where a redirect leads. */
  private redirected: URL | undefined;
  private readonly parts: HttpParts;
  private readonly request: WrittenRequest;
  private readonly signal: AbortSignal | undefined;

  constructor(private readonly of: CallOf) {
    this.parts = of.parts;
    this.request = of.request;
    this.signal = of.signal;
  }

  async run(accepts: (status: number) => boolean): Promise<SentAnswer> {
    for (;;) {
      this.signal?.throwIfAborted();
      const step = await this.send(accepts);
      if (step.againInMs === undefined) return step.answer;
      if (step.againInMs > 0) await delay(step.againInMs, undefined, this.signal && { signal: this.signal });
    }
  }

  private async send(accepts: (status: number) => boolean): Promise<Step> {
    this.attempt++;
    const attempt = await this.begin();
    const { identity, of } = attempt;
    const { method, body, isRepeatable } = this.request;
    const { headers, url, authorization } = await this.authorized(attempt);
    const { timeoutMs, maxResponseBytes } = this.parts.settings();
    const wholeMs = this.request.timeoutMs ?? timeoutMs;
    const pass = await this.pass(attempt, wholeMs);
    let outcome: GateOutcome = 'unknown';
    let answer: OutgoingAnswer;
    try {
      answer = await this.parts.ways.send(identity.network, authorization.tls, {
        url,
        method,
        headers,
        body,
        deadlines: { wholeMs },
        answerBytes: maxResponseBytes,
        signal: this.signal,
        isRepeatable,
      });
      outcome = outcomeOf(answer);
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      answer = { is: 'failed', kind: 'tls', message: 'The client certificate cannot be read', durationMs: 0 };
    } finally {
      if (await pass.ended(outcome)) this.parts.metrics.opened(identity.connector);
    }
    this.tell(identity, answer);
    if (answer.is === 'failed') return this.failed(of, answer);
    return this.answered(attempt, answer, { accepts, generation: authorization.generation });
  }

  private async begin(): Promise<Attempt> {
    const identity = await this.of.identityOf();
    const { known } = this.of;
    const { connector, connectionId } = identity;
    const { method, path, query } = this.request;
    const of = { connector, connectionId, method, path: shownPath(path), attempt: this.attempt };
    known.destinations = Destinations.of(identity, known.destinations);
    known.target = knownTargetOf(identity, known.target);
    const { destinations } = known;
    const url = this.redirected ?? destinations.urlOf(of, path, query);
    return { identity, of, destinations, target: known.target.target, url };
  }

  private async authorized({ identity, of, destinations, url }: Attempt) {
    const { method, body, headers } = this.request;
    const asked: UnsignedRequest = { url, headers: { ...headers }, method, body };
    const authorization = await identity.authorize(asked, this.anySignal);
    // A function of the connector may have written another URL.
    destinations.checked(of, asked.url);
    return { headers: asked.headers, url: asked.url.href, authorization };
  }

  private async pass({ identity, of, target }: Attempt, wholeMs: number): Promise<GatePass> {
    const { gate, metrics, settings } = this.parts;
    const { connector } = identity;
    try {
      const pass = await gate.pass(target, {
        waitMs: settings().maxInlineWaitMs,
        probeMs: wholeMs + PROBE_MARGIN_MS,
        signal: this.signal,
      });
      metrics.waited(connector, pass.waitedMs);
      return pass;
    } catch (error) {
      if (!(error instanceof GateRefused)) throw error;
      metrics.refused(connector, error.why);
      throw notNow(of, error.why, error.waitMs);
    }
  }

  private tell({ connector }: HttpIdentity, answer: OutgoingAnswer): void {
    const outcome = answer.is === 'answered' ? `${Math.floor(answer.status / 100)}xx` : answer.kind;
    this.parts.metrics.requested(connector, outcome, answer.durationMs);
  }

  private failed(of: RequestOfError, answer: Failed): Step {
    if (answer.kind === 'aborted') this.signal?.throwIfAborted();
    if (!REPEATED_FAILURES.has(answer.kind) || !this.mayRepeat()) throw withoutAnswer(of, answer);
    return this.again(of, this.jitter());
  }

  private async answered(
    attempt: Attempt,
    answer: Answered,
    { accepts, generation }: { accepts: (status: number) => boolean; generation: number | undefined },
  ): Promise<Step> {
    const { identity, of, url } = attempt;
    const { status, headers, body } = answer;
    const requestId = requestIdOf(answer);
    const usedUpMs = await this.hear(attempt, answer);
    if (status === 401 && !this.hasRenewed) {
      this.hasRenewed = true;
      if (await identity.renew(generation, this.anySignal)) return { againInMs: 0 };
    }
    if (status === 429 || (status === 403 && usedUpMs !== undefined))
      return this.limited(attempt, answer, usedUpMs);
    if (isPassing(status) && this.mayRepeat())
      return this.again(of, retryAfterMs(headers['retry-after'], headers.date) ?? this.jitter());
    const next = this.redirectOf(attempt, answer);
    if (next !== undefined) {
      this.redirected = next;
      return { againInMs: 0 };
    }
    if (!accepts(status)) throw badStatus(of, status, requestId);
    if (answer.isCut) throw tooLarge(of, status, this.parts.settings().maxResponseBytes);
    return { answer: { status, headers, body, requestId, url, of } };
  }

  /** All processes leave the other system alone. The next attempt waits at the gate. */
  private async limited(
    { identity, of, target }: Attempt,
    { status, headers }: Answered,
    usedUpMs: number | undefined,
  ): Promise<Step> {
    const ms =
      retryAfterMs(headers['retry-after'], headers.date) ?? usedUpMs ?? UNSAID_MS * 2 ** this.retries;
    await this.parts.gate.limited(target, limitedKeyOf(identity), ms);
    if (ms > this.parts.settings().maxInlineWaitMs || !this.mayRepeat()) {
      this.parts.metrics.refused(identity.connector, 'blocked');
      throw notNow(of, 'blocked', ms, status);
    }
    return this.again(of, 0);
  }

  /** Tells the gate what the headers say. For how long a quota is used up, if one is. */
  private async hear({ identity, target }: Attempt, { headers }: Answered): Promise<number | undefined> {
    let usedUpMs: number | undefined;
    for (const [index, limit] of identity.limits.entries()) {
      const stored = target.limits[index];
      if (limit.kind !== 'quota' || stored === undefined) continue;
      const news = quotaNews(limit, headers);
      if (news === undefined) continue;
      if (news.remaining === 0) usedUpMs = Math.max(usedUpMs ?? 0, news.endsInMs ?? UNSAID_MS);
      await this.parts.gate.heard(stored, news);
    }
    return usedUpMs;
  }

  private redirectOf({ of, destinations, url }: Attempt, { status, headers }: Answered): URL | undefined {
    const { location } = headers;
    const { method, followsRedirects } = this.request;
    if (location === undefined || status < 301 || status > 308 || status === 304) return undefined;
    if (!followsRedirects || !/^(?:GET|HEAD)$/.test(method)) return undefined;
    if (++this.redirects > MOST_REDIRECTS)
      throw unusable(of, status, undefined, `was redirected more than ${MOST_REDIRECTS} times`);
    return destinations.linked(of, location, url);
  }

  private get anySignal(): AbortSignal {
    const { known } = this.of;
    known.never ??= new AbortController().signal;
    return this.signal ?? known.never;
  }

  private mayRepeat(): boolean {
    return this.request.isRepeatable && this.retries + 1 < this.parts.settings().maxAttempts;
  }

  private again(of: RequestOfError, ms: number): Step {
    if (ms > this.parts.settings().maxInlineWaitMs) throw notNow(of, 'blocked', ms);
    this.retries++;
    this.parts.metrics.repeated(of.connector);
    return { againInMs: ms };
  }

  /** Anything from nothing to a time that doubles, so that those who failed together do not come together. */
  private jitter(): number {
    return Math.random() * Math.min(FIRST_WAIT_MS * 2 ** this.retries, this.parts.settings().maxInlineWaitMs);
  }
}

/** Whether a status may be another one a moment later. */
function isPassing(status: number): boolean {
  return status === 408 || status === 425 || status >= 500;
}

function outcomeOf(answer: OutgoingAnswer): GateOutcome {
  if (answer.is === 'answered') return answer.status >= 500 ? 'failed' : 'worked';
  return NOT_OF_OTHER.has(answer.kind) ? 'unknown' : 'failed';
}

/** OpenSSL says so of PEM, and its words may repeat what it was given. */
function isUnreadable(error: unknown): boolean {
  return /^ERR_(?:OSSL|TLS|CRYPTO)/.test(String((error as { code?: unknown } | null)?.code));
}

function requestIdOf({ headers }: Answered): string | undefined {
  const said = REQUEST_IDS.map((name) => headers[name]).find((each) => typeof each === 'string');
  return typeof said === 'string' && /^[\w.:/+=-]{1,128}$/.test(said) ? said : undefined;
}
