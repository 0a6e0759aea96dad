import { messageOf } from '../errors.js';
import { AbortGroups } from '../http/abort-groups.js';
import type { GateStore } from './gate.store.js';
import { everyUs, type GateLimit, type GateTarget } from './gate-limit.js';
import { GateLine, type Wait } from './gate-line.js';
import { GateRefused } from './gate-refused.js';
import { HeldPlaces } from './held-places.js';

/** How often it is looked how many processes there are. */
const PROCESSES_MS = 10_000;
/** More lines than this are kept only while somebody uses them. */
const MOST_IDLE = 1_000;
/** Two ends of one window, as two answers say it, differ by less: headers have whole seconds. */
const SAME_WINDOW_MS = 2_000;

export interface GateParts {
  readonly store: Pick<GateStore, 'take' | 'block' | 'learn' | 'open' | 'close' | 'stayOpen' | 'processes'>;
  readonly settings: () => { readonly breakerFailures: number; readonly breakerOpenMs: number };
  /** Is told of what could not be written. The request that it is about goes on. */
  readonly onFailure: (words: string) => void;
}

/**
 * What became of a request. `worked`: there was an answer that says that the other system works. `failed`:
 * there was none, or it says the opposite. `unknown`: it was given up.
 */
export type GateOutcome = 'worked' | 'failed' | 'unknown';

/** A request may be sent. Its outcome must be told. */
export interface GatePass {
  readonly waitedMs: number;
  /** Resolves to whether this has opened the breaker of the target. */
  ended(outcome: GateOutcome): Promise<boolean>;
}

/** What an answer says about a quota. */
export interface QuotaNews {
  /** How many requests are left. */
  readonly remaining?: number | undefined;
  /** When the window ends. */
  readonly endsInMs?: number | undefined;
}

interface Target {
  readonly line: GateLine;
  /** How many requests in a row have failed in this process. */
  failures: number;
}

/** What this process believes of the window of a quota. */
interface KnownWindow {
  endsAt: number;
  used: number;
}

/**
 * The limits of requests to other systems, in all processes together, and breakers. `gate.store.ts` says why
 * no limit is passed.
 */
export class Gate {
  private readonly targets = new Map<string, Target>();
  private readonly places = new Map<string, HeldPlaces>();
  private readonly windows = new Map<string, KnownWindow>();
  private readonly signals = new AbortGroups();
  private count = 1;
  private countedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly parts: GateParts) {}

  /**
   * Waits until a request to this target may be sent.
   *
   * @throws GateRefused if that would take longer than `waitMs`, or if its breaker is open; the reason of the
   *   signal; an error of the database
   */
  async pass(of: GateTarget, wait: Wait): Promise<GatePass> {
    this.countProcesses();
    const target = this.targetOf(of);
    const { probe, waitedMs } = await target.line.enter(wait).catch((error: unknown) => {
      // What has failed before the breaker was opened does not open it again.
      if (error instanceof GateRefused && error.why === 'open') target.failures = 0;
      throw error;
    });
    let isOpen = true;
    const ended = async (outcome: GateOutcome) => {
      if (!isOpen) return false;
      isOpen = false;
      return this.ended(target, outcome, probe);
    };
    return { waitedMs, ended };
  }

  /** The other system has asked to be left alone for so long: by this target, or by all that share a key. */
  async limited(of: GateTarget, key: string, ms: number): Promise<void> {
    for (const { line } of this.targets.values())
      if (line.target.key === key || line.target.others.includes(key)) line.stop('blocked', ms);
    await this.write(() => this.parts.store.block(key, ms), `A limit of ${of.key} is not shared`);
  }

  /** An answer has said how a quota stands. It is written where it is news. */
  async heard(limit: GateLimit, { remaining, endsInMs }: QuotaNews): Promise<void> {
    if (endsInMs !== undefined && endsInMs <= 0) return;
    const now = performance.now();
    const used = remaining === undefined ? 0 : Math.max(0, limit.limit - remaining);
    const isUsedUp = remaining !== undefined && remaining <= 0;
    const name = nameOf(limit);
    const known = this.windows.get(name);
    const believed = known !== undefined && known.endsAt > now ? known.endsAt : now + limit.perMs;
    const endsAt = endsInMs === undefined ? believed : now + endsInMs;
    const isSame = known !== undefined && Math.abs(known.endsAt - endsAt) < SAME_WINDOW_MS;
    if (isSame && used <= known.used) return;
    // What others have sent meanwhile is in the row. Only what is far from it is news.
    const isFar = isSame && used - known.used > Math.max(1, limit.limit / 100);
    if (isSame && !isUsedUp && !isFar) return;
    this.windows.set(name, { endsAt, used });
    if (isUsedUp || !isSame) this.placesOf(limit).drop();
    const { key, no } = limit;
    await this.write(
      () => this.parts.store.learn(key, no, isUsedUp ? limit.limit : used, endsInMs),
      `A quota of ${key} is not shared`,
    );
  }

  /** What was refused to this target is asked for anew: somebody knows that it has changed. */
  forget(key: string): void {
    this.targets.get(key)?.line.forget();
  }

  private async ended(target: Target, outcome: GateOutcome, probe: string | undefined): Promise<boolean> {
    const { breakerOpenMs } = this.parts.settings();
    const { line } = target;
    const { key } = line.target;
    if (outcome === 'worked') target.failures = 0;
    if (outcome === 'failed') target.failures++;
    if (probe !== undefined) {
      const write =
        outcome === 'worked'
          ? () => this.parts.store.close(key, probe)
          : () => this.parts.store.stayOpen(key, probe, outcome === 'failed' ? breakerOpenMs : 0);
      await this.write(write, `The breaker of ${key} stays as it is`);
      if (outcome === 'failed') line.stop('open', breakerOpenMs);
      else line.forget();
      return false;
    }
    const isEnough = outcome === 'failed' && target.failures >= this.parts.settings().breakerFailures;
    return isEnough && this.open(target, breakerOpenMs);
  }

  private async open(target: Target, ms: number): Promise<boolean> {
    const { line } = target;
    target.failures = 0;
    line.stop('open', ms);
    let isFirst = false;
    await this.write(async () => {
      isFirst = await this.parts.store.open(line.target.key, ms);
    }, `The breaker of ${line.target.key} is not open for other processes`);
    return isFirst;
  }

  private targetOf(of: GateTarget): Target {
    const known = this.targets.get(of.key);
    if (known !== undefined) {
      known.line.target = of;
      return known;
    }
    if (this.targets.size >= MOST_IDLE) this.forgetIdle();
    const parts = {
      store: this.parts.store,
      places: (limit: GateLimit) => this.placesOf(limit),
      processes: () => this.count,
      signals: this.signals,
    };
    const made = { line: new GateLine(of, parts), failures: 0 };
    this.targets.set(of.key, made);
    return made;
  }

  private placesOf(limit: GateLimit): HeldPlaces {
    const name = nameOf(limit);
    const known = this.places.get(name);
    if (known !== undefined) return known;
    const made = new HeldPlaces(limit.kind === 'rate' ? everyUs(limit) / 1_000 : 0);
    this.places.set(name, made);
    return made;
  }

  /** What is held of a target that nobody asks for is lost, which costs it a few places. */
  private forgetIdle(): void {
    const oldest = performance.now() - PROCESSES_MS;
    for (const [key, { line }] of this.targets) {
      if (!line.isIdle || line.usedAt > oldest) continue;
      this.targets.delete(key);
      for (const limit of line.target.limits)
        if (limit.key === key) {
          this.places.delete(nameOf(limit));
          this.windows.delete(nameOf(limit));
        }
    }
  }

  private countProcesses(): void {
    const now = performance.now();
    if (now - this.countedAt < PROCESSES_MS) return;
    this.countedAt = now;
    void this.write(async () => {
      this.count = await this.parts.store.processes();
    }, 'The number of processes is not known');
  }

  /** What cannot be written is said, and holds in this process all the same. */
  private async write(write: () => Promise<unknown>, words: string): Promise<void> {
    try {
      await write();
    } catch (error) {
      this.parts.onFailure(`${words}: ${messageOf(error)}`);
    }
  }
}

function nameOf({ key, no }: GateLimit): string {
  return `${key} ${no}`;
}
