import type { Schedule } from '../../api/schemas.ts';
import { Mark, type Tone } from '../../parts/status.tsx';
import { to } from '../../router/router.ts';

const TONES: Readonly<Record<Schedule['status'], Tone>> = { active: 'ok', paused: 'warn', ended: 'quiet' };

export function ScheduleMark({ status }: Pick<Schedule, 'status'>) {
  return <Mark tone={TONES[status]}>{status}</Mark>;
}

export const scheduleHref = (name: string): string => to(['schedules', name]);

const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
] as const;

/** `0 2 * * * in Europe/Berlin`, `every 15 minutes` */
export function timingText({
  cron,
  everyMs,
  timeZone,
}: Pick<Schedule, 'cron' | 'everyMs' | 'timeZone'>): string {
  if (cron !== null) return `${cron} in ${timeZone}`;
  const ms = everyMs ?? 0;
  const [unit, size] = UNITS.find(([, each]) => ms % each === 0) ?? ['millisecond', 1];
  return ms === size ? `every ${unit}` : `every ${ms / size} ${unit}s`;
}
