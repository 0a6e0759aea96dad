import { measured } from '../outgoing/asked-process.js';
import { atOnce } from '../outgoing/clients.js';
import type { Work } from '../outgoing/protocol.js';
import type { FlowCommands } from './protocol.js';

/** Conversations that have begun and not ended. */
const AT_ONCE = 100;

/** Runs these conversations, each by its key. */
export function runFlows(
  { from, count }: FlowCommands['flows'][0],
  runOne: (key: string) => Promise<void>,
): Promise<Work> {
  let next = from;
  return measured(() => atOnce(count, AT_ONCE, () => runOne(`flow ${next++}`)));
}
