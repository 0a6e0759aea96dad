import { downtime, killedTickers } from '../schedules/killed-tickers.js';
import { play } from './play.js';
import type { Scenario } from './scenario.js';

/** What is played, one after another. */
const PARTS: readonly Scenario[] = [killedTickers, downtime];

/** Schedules, with a ticker that is killed, and with a day without any process. */
export const schedules: Scenario = {
  name: 'schedules',
  shows:
    'schedules whose ticker is killed, and a day of downtime: each time once, and what was missed as it says',
  run: async (stage) => {
    for (const part of PARTS) await play(part, stage);
  },
};
