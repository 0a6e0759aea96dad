import { writeFile } from 'node:fs/promises';
import type { Profiler } from 'node:inspector';
import { Session } from 'node:inspector/promises';

const SAMPLE_EVERY_US = 200;

/** Runs `work` under V8's sampling profiler and writes what it saw; without a file name, just runs it. */
export async function profiled<R>(file: string | undefined, work: () => Promise<R>): Promise<R> {
  if (file === undefined) return work();
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_EVERY_US });
  await session.post('Profiler.start');
  try {
    return await work();
  } finally {
    const { profile } = await session.post('Profiler.stop');
    session.disconnect();
    await writeFile(file, JSON.stringify(profile));
  }
}

export interface SelfTime {
  name: string;
  where: string;
  /** Share of the time that was not idle, 0 to 1. */
  share: number;
  milliseconds: number;
}

/** The functions that the time went to, most first, calls they made not counted. */
export function topSelfTimes(profile: Profiler.Profile, count: number): SelfTime[] {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node.callFrame]));
  const times = new Map<string, { name: string; where: string; us: number }>();
  let busy = 0;
  for (const [i, id] of (profile.samples ?? []).entries()) {
    const frame = nodes.get(id);
    const us = profile.timeDeltas?.[i] ?? 0;
    if (frame === undefined || frame.functionName === '(idle)') continue;
    busy += us;
    const where = frame.url === '' ? '' : `${shortPath(frame.url)}:${frame.lineNumber + 1}`;
    const key = `${frame.functionName} ${where}`;
    const entry = times.get(key) ?? { name: frame.functionName || '(anonymous)', where, us: 0 };
    entry.us += us;
    times.set(key, entry);
  }
  return [...times.values()]
    .sort((a, b) => b.us - a.us)
    .slice(0, count)
    .map(({ name, where, us }) => ({ name, where, share: us / busy, milliseconds: us / 1e3 }));
}

function shortPath(url: string): string {
  const path = url.replace(/^file:\/\//, '');
  const at = Math.max(path.lastIndexOf('/node_modules/'), path.lastIndexOf('/dist/'));
  return at < 0 ? path : path.slice(at + 1);
}
