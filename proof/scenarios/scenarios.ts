import { clocks } from './clocks.js';
import { interleavings } from './interleavings.js';
import { kill } from './kill.js';
import { longWriter } from './long-writer.js';
import { manyHoles } from './many-holes.js';
import { outgoing } from './outgoing.js';
import { poison } from './poison.js';
import { relays, relaysMeasured } from './relays.js';
import { restarts } from './restarts.js';
import { sagas } from './sagas.js';
import type { Scenario } from './scenario.js';
import { schedules } from './schedules.js';
import { sendingSoak } from './sending-soak.js';
import { silentListen } from './silent-listen.js';
import { soak } from './soak.js';
import { stoppedWorker } from './stopped-worker.js';
import { takeover } from './takeover.js';
import { versions } from './versions.js';
import { webhooks } from './webhooks.js';

/** In the order in which they run. Those of one group mostly wait, each for something else, and run side by side. */
const GROUPS: readonly (readonly Scenario[])[] = [
  [kill],
  [restarts],
  [longWriter],
  [stoppedWorker, takeover, clocks, silentListen, webhooks],
  [versions, poison, interleavings, manyHoles],
  [outgoing],
  [relays],
  [sagas],
  [schedules],
  [soak],
  [sendingSoak],
  [relaysMeasured],
];

export const SCENARIOS: readonly Scenario[] = GROUPS.flat();

/** The groups of the scenarios that are wanted; none named means all but those that run only by their name. */
export function chosen(names: readonly string[]): readonly (readonly Scenario[])[] {
  return GROUPS.map((group) =>
    group.filter(({ name, onlyByName }) => (names.length === 0 ? onlyByName !== true : names.includes(name))),
  );
}
