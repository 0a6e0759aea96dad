import { useLayoutEffect, useState } from 'preact/hooks';
import { call, openStream } from '../api/client.ts';
import { ApiProblem } from '../api/problem.ts';
import type { Overview } from '../api/schemas.ts';

/**
 * `stream`: looks come by themselves. `polling`: the page asks. `lost`: neither gets an answer. `ended`:
 * nobody is signed in any more.
 */
export type LiveMode = 'starting' | 'stream' | 'polling' | 'lost' | 'hidden' | 'denied' | 'ended';

export interface LiveState {
  readonly mode: LiveMode;
  readonly look: Overview | undefined;
  /** When the last look came, by the clock of this browser. Before the first, when the page was opened. */
  readonly freshAt: string;
  /** Counts up when pages should read again. */
  readonly beat: number;
  /** Why nothing is read again for the moment. */
  readonly pause: 'person' | 'selection' | undefined;
}

const BEAT_MS = 5_000;
const SILENCE_MS = 8_000;
const STREAM_AGAIN_MS = 30_000;

/** Keeps what is shown up to date, only while somebody looks at it. */
class Live {
  private state: LiveState = {
    mode: 'starting',
    look: undefined,
    freshAt: new Date().toISOString(),
    beat: 0,
    pause: undefined,
  };
  private readonly listeners = new Set<(state: LiveState) => void>();
  private readonly selections = new Set<object>();
  private isPausedByPerson = false;
  private beatAt = 0;
  private running: AbortController | undefined;

  start(mayRead: boolean): void {
    this.stop();
    const running = new AbortController();
    this.running = running;
    document.addEventListener('visibilitychange', this.visibilityChanged);
    if (!mayRead) this.change({ mode: 'denied' });
    else if (this.state.mode === 'ended') this.change({ mode: 'starting' });
    void this.run(running.signal, mayRead);
  }

  stop(): void {
    this.running?.abort();
    document.removeEventListener('visibilitychange', this.visibilityChanged);
  }

  /** The session has ended, so nothing is read until somebody has signed in again. */
  end(): void {
    this.stop();
    this.change({ mode: 'ended' });
  }

  subscribe(listener: (state: LiveState) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  now(): LiveState {
    return this.state;
  }

  pauseByPerson(isPaused: boolean): void {
    this.isPausedByPerson = isPaused;
    this.pauseChanged();
  }

  /** Rows that are selected must not move away under the pointer. */
  holdFor(selection: object, isHeld: boolean): void {
    if (isHeld) this.selections.add(selection);
    else this.selections.delete(selection);
    this.pauseChanged();
  }

  private pauseChanged(): void {
    const pause = this.isPausedByPerson ? 'person' : this.selections.size > 0 ? 'selection' : undefined;
    if (pause !== this.state.pause) this.change({ pause });
  }

  private change(changes: Partial<LiveState>): void {
    this.state = { ...this.state, ...changes };
    for (const listener of this.listeners) listener(this.state);
  }

  private took(look: Overview, mode: LiveMode): void {
    this.change({ mode, look, freshAt: new Date().toISOString() });
    this.beatIfDue();
  }

  private beatIfDue(): void {
    const now = performance.now();
    if (this.state.pause !== undefined || now - this.beatAt < BEAT_MS - 500) return;
    this.beatAt = now;
    this.change({ beat: this.state.beat + 1 });
  }

  private readonly visibilityChanged = (): void => {
    const { running } = this;
    if (running === undefined) return;
    const mayRead = this.state.mode !== 'denied';
    if (document.hidden) {
      running.abort();
      if (mayRead) this.change({ mode: 'hidden' });
    } else if (running.signal.aborted) {
      this.beatAt = 0;
      this.start(mayRead);
    }
  };

  private async run(signal: AbortSignal, mayRead: boolean): Promise<void> {
    let streamAgainAt = 0;
    while (!signal.aborted) {
      if (mayRead && performance.now() >= streamAgainAt) {
        await this.follow(signal).catch(() => undefined);
        streamAgainAt = performance.now() + STREAM_AGAIN_MS;
        if (signal.aborted) return;
      }
      if (mayRead) await this.ask(signal);
      else this.beatIfDue();
      await pauseOf(BEAT_MS, signal);
    }
  }

  private async ask(signal: AbortSignal): Promise<void> {
    try {
      this.took(await call('GET overview', { signal }), 'polling');
    } catch (error) {
      if (signal.aborted) return;
      const isDenied = error instanceof ApiProblem && error.problem.status === 403;
      this.change({ mode: isDenied ? 'denied' : 'lost' });
    }
  }

  /**
   * Reads streams one after another, until one of them fails or stays silent. The server ends each of them
   * after ten minutes.
   */
  private async follow(signal: AbortSignal): Promise<void> {
    for (;;) {
      const silence = new AbortController();
      let timer = setTimeout(() => silence.abort(), SILENCE_MS);
      try {
        const stream = await openStream(AbortSignal.any([signal, silence.signal]));
        for await (const { name, data } of eventsOf(stream)) {
          clearTimeout(timer);
          timer = setTimeout(() => silence.abort(), SILENCE_MS);
          if (name === 'overview') this.took(JSON.parse(data) as Overview, 'stream');
          else this.change({ mode: 'lost' });
        }
      } finally {
        clearTimeout(timer);
      }
      if (this.state.mode !== 'stream') return;
    }
  }
}

export const live = new Live();

export function useLive(): LiveState {
  const [state, setState] = useState(() => live.now());
  // No state is missed between the first drawing and this.
  useLayoutEffect(() => live.subscribe(setState), []);
  return state;
}

/** Counts up when what is shown should be read again. It never does if `isLive` is false. */
export function useBeat(isLive: boolean): number {
  const [beat, setBeat] = useState(() => live.now().beat);
  useLayoutEffect(() => (isLive ? live.subscribe((state) => setBeat(state.beat)) : undefined), [isLive]);
  return isLive ? beat : 0;
}

async function* eventsOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<{ name: string; data: string }> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      rest += decoder.decode(value, { stream: true });
      const blocks = rest.split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        const name = /^event: (.*)$/m.exec(block)?.[1];
        const data = /^data: (.*)$/m.exec(block)?.[1];
        if (name !== undefined && data !== undefined) yield { name, data };
      }
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}

function pauseOf(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
