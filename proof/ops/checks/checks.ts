import { closing } from './closing.js';
import { drains } from './drains.js';
import { logs } from './logs.js';
import { longAttempts } from './long-attempts.js';
import { operation } from './operation.js';
import type { OpsCheck } from './ops-check.js';
import { settings } from './settings.js';
import { size } from './size.js';
import { traces } from './traces.js';
import { watched } from './watched.js';

/** In the order in which they run. */
export const CHECKS: readonly OpsCheck[] = [
  settings,
  size,
  watched,
  longAttempts,
  operation,
  traces,
  closing,
  logs,
  drains,
];
