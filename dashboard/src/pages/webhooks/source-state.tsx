import type { WebhookSource } from '../../api/schemas.ts';
import { count } from '../../parts/number.ts';
import { Mark } from '../../parts/status.tsx';
import { Time } from '../../parts/time.tsx';

/** Says first what a person on call looks for. */
export function SourceMark({ source }: { source: WebhookSource }) {
  if (source.refusedSince !== null) return <Mark tone="bad">all refused</Mark>;
  return source.lastAcceptedAt === null ? (
    <Mark tone="quiet">none accepted yet</Mark>
  ) : (
    <Mark tone="ok">accepted</Mark>
  );
}

/** A time, or that there is none. */
export function Maybe({ at }: { at: string | null }) {
  return at === null ? <span class="muted">never</span> : <Time at={at} />;
}

export function refusedOf({ refused }: WebhookSource): number {
  return Object.values(refused).reduce((sum, each) => sum + each, 0);
}

/** `signature 12, header 3`, the most first. */
export function stepsOf({ refused }: WebhookSource): string {
  return Object.entries(refused)
    .sort(([, a], [, b]) => b - a)
    .map(([step, times]) => `${step} ${count(times)}`)
    .join(', ');
}
