import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { DemoOptions } from './options.js';

const WITHIN_MS = 120_000;

/** Plays examples/connectors, in a process of its own. Whether all of it held. */
export async function runConnectors(_: DemoOptions, stop: AbortSignal): Promise<boolean> {
  const main = fileURLToPath(new URL('../../../connectors/dist/main.js', import.meta.url));
  const signal = AbortSignal.any([stop, AbortSignal.timeout(WITHIN_MS)]);
  const child = spawn(process.execPath, [main], { stdio: 'inherit', signal });
  const [status] = await once(child, 'exit');
  return status === 0;
}
