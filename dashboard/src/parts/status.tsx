export type Tone = 'ok' | 'warn' | 'bad' | 'info' | 'quiet';

const WORDS: Readonly<Record<string, readonly [string, Tone]>> = {
  dead_letter: ['dead letter', 'bad'],
  failed: ['failed', 'warn'],
  processing: ['running', 'info'],
  pending: ['pending', 'quiet'],
  processed: ['done', 'ok'],
  skipped: ['skipped', 'quiet'],
  unrouted: ['no consumer', 'quiet'],
  waiting: ['waits', 'warn'],
  delayed: ['delayed', 'quiet'],
  retrying: ['retrying', 'warn'],
  planned: ['planned', 'quiet'],
  running: ['running', 'info'],
  paused: ['paused', 'warn'],
  done: ['done', 'ok'],
  cancelled: ['cancelled', 'quiet'],
  denied: ['denied', 'bad'],
  critical: ['critical', 'bad'],
  warning: ['warning', 'warn'],
  info: ['info', 'info'],
};

/** A state as a word with a mark. The word says all; the colour only helps to find it. */
export function Status({ of }: { of: string }) {
  return <Mark tone={WORDS[of]?.[1] ?? 'quiet'}>{wordOf(of)}</Mark>;
}

/** The word alone. */
export function wordOf(state: string): string {
  return WORDS[state]?.[0] ?? state.replaceAll('_', ' ');
}

export function Mark({ tone, children }: { tone: Tone; children: string }) {
  return <span class={`mark ${tone}`}>{children}</span>;
}
