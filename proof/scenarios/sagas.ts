import { killedCalls, poisonCall } from '../calls/killed-calls.js';
import { killedWalks } from '../sagas/killed-walks.js';
import { play } from './play.js';
import type { Scenario } from './scenario.js';

/** What is played, one after another. Each part has a server, a database and processes of its own. */
const PARTS: readonly Scenario[] = [killedWalks, killedCalls, poisonCall];

/** Sagas and calls, with processes that are killed and a Postgres that is restarted. */
export const sagas: Scenario = {
  name: 'sagas',
  shows: 'sagas and calls killed again and again: each step once, none stuck, each call with one end',
  run: async (stage) => {
    for (const part of PARTS) await play(part, stage);
  },
};
