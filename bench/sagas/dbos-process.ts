// The process with DBOS: a workflow of four steps and one message, with what its documentation says and its shipped settings.
import { DBOS } from '@dbos-inc/dbos-sdk';
import pg from 'pg';
import { answering } from '../outgoing/asked-process.js';
import { runFlows } from './flows.js';
import type { FlowCommands } from './protocol.js';
import { NOTE_STEP } from './sagas.store.js';

const LONGEST_S = 120;
const TOPIC = 'go';

const url = process.env.FLOW_DATABASE_URL ?? '';
const pool = new pg.Pool({ connectionString: url, max: 10 });
const reached = new Map<string, () => void>();

const step = (key: string, name: string) =>
  DBOS.runStep(async () => void (await pool.query(NOTE_STEP, [key, name])), { name });

const flow = DBOS.registerWorkflow(
  async (key: string) => {
    await step(key, 'one');
    await step(key, 'two');
    await step(key, 'three');
    reached.get(key)?.();
    await DBOS.recv(TOPIC, LONGEST_S);
    await step(key, 'four');
  },
  { name: 'flow' },
);

async function runOne(key: string): Promise<void> {
  const isReached = new Promise<void>((resolve) => reached.set(key, resolve));
  const handle = await DBOS.startWorkflow(flow, { workflowID: key })(key);
  await isReached;
  reached.delete(key);
  await DBOS.send(key, 'go', TOPIC);
  await handle.getResult();
}

DBOS.setConfig({ name: 'bench', systemDatabaseUrl: url, logLevel: 'error' });
await DBOS.launch();

answering<FlowCommands>(
  {
    flows: (given) => runFlows(given, runOne),
  },
  async () => {
    await DBOS.shutdown();
    await pool.end();
  },
);
