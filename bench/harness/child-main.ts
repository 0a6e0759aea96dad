// The process that runs one system: answers the commands of child-protocol.ts, one after another or at once.

import type { ChildAnswer, ChildRequest } from './child-protocol.js';
import { ChildSession } from './child-session.js';

const session = new ChildSession();

process.on('message', async (message: ChildRequest) => {
  send(await answer(message));
});
process.on('disconnect', () => process.exit(0));

async function answer({ id, command, request }: ChildRequest): Promise<ChildAnswer> {
  try {
    const run = session[command].bind(session) as (request: unknown) => Promise<unknown>;
    return { id, answer: await run(request) };
  } catch (error) {
    return { id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

function send(message: ChildAnswer): void {
  process.send?.(message);
}
