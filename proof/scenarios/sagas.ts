import { killedWalks } from '../sagas/killed-walks.js';
import { play } from './play.js';
import type { Scenario } from './scenario.js';

/** What is played, one after another. Each part has a server, a database and processes of its own. */
const PARTS: readonly Scenario[] = [killedWalks];

/** Sagas, with processes that are killed and a Postgres that is restarted. */
export const sagas: Scenario = {
  name: 'sagas',
  shows:
    'sagas killed again and again, in an undo as well: each step once, none stuck, journals as the log replayed',
  run: async (stage) => {
    for (const part of PARTS) await play(part, stage);
  },
};
