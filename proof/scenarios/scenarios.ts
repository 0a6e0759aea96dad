import { clocks } from './clocks.js';
import { kill } from './kill.js';
import { longWriter } from './long-writer.js';
import { restarts } from './restarts.js';
import type { Scenario } from './scenario.js';
import { stoppedWorker } from './stopped-worker.js';

/** In the order in which they run. */
export const SCENARIOS: readonly Scenario[] = [kill, restarts, longWriter, stoppedWorker, clocks];
