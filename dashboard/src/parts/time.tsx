import { useEffect, useState } from 'preact/hooks';
import { duration } from './number.ts';

const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });
const MS = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
  hourCycle: 'h23',
});
const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'long' });

/** Shows a time twice, in the viewer's zone: relative to now, and as a clock shows it. On paper it has its day. */
export function Time({ at }: { at: string }) {
  useTick();
  const now = Date.now();
  const time = new Date(at);
  if (Number.isNaN(time.getTime())) return <span>{at}</span>;
  const seconds = (now - time.getTime()) / 1_000;
  return (
    <time dateTime={at} title={`${FULL.format(time)} · ${at}`} data-day={DAY.format(time)} class="time">
      <span>{relative(seconds)}</span> <span class="muted">{absolute(time, now)}</span>
    </time>
  );
}

export function relative(seconds: number): string {
  if (Math.abs(seconds) < 3) return 'now';
  return seconds > 0 ? `${duration(Math.round(seconds))} ago` : `in ${duration(Math.round(-seconds))}`;
}

export function absolute(time: Date, now: number = Date.now()): string {
  const isToday = time.toDateString() === new Date(now).toDateString();
  return (isToday ? CLOCK : DAY).format(time);
}

/** For lines that follow each other closely, in the viewer's zone as every other time is. */
export function clockWithMs(at: string): string {
  return MS.format(new Date(at));
}

/** Shows times again every ten seconds. */
function useTick(): void {
  const [, setNow] = useState(0);
  useEffect(() => ticking(setNow), []);
}

const listeners = new Set<(now: number) => void>();
let timer: ReturnType<typeof setInterval> | undefined;

/** One timer for all the times of the page. */
function ticking(listener: (now: number) => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    if (document.hidden) return;
    const now = Date.now();
    for (const each of [...listeners]) each(now);
  }, 10_000);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}
