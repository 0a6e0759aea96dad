import { clocks } from './clocks.js';
import { kill } from './kill.js';
import { longWriter } from './long-writer.js';
import { poison } from './poison.js';
import { restarts } from './restarts.js';
import type { Scenario } from './scenario.js';
import { silentListen } from './silent-listen.js';
import { soak } from './soak.js';
import { stoppedWorker } from './stopped-worker.js';
import { versions } from './versions.js';

/** In the order in which they run. */
export const SCENARIOS: readonly Scenario[] = [
  kill,
  restarts,
  longWriter,
  stoppedWorker,
  clocks,
  versions,
  poison,
  silentListen,
  soak,
];
