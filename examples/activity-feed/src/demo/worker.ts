// One worker process of `--processes N`: the application without its HTTP server. It tells its parent what it
// does, and stops with it.
import 'reflect-metadata';
import { once } from 'node:events';
import { demoApplication } from './application.js';
import { watchCommits, watchHandlers } from './stopwatch.js';
import type { WorkerMessage } from './workers.js';

const parentGone = process.connected ? once(process, 'disconnect') : Promise.resolve();

// The parent may go while something is being told; then nobody needs to know it.
const tell = (message: WorkerMessage) => process.send?.(message, undefined, undefined, () => {});
const app = await demoApplication({ logger: ['error', 'warn'] });
watchHandlers(app, (started) => tell({ started }));
watchCommits(app, (committed) => tell({ committed }));
await app.init();
tell('ready');

await parentGone;
await app.close();
process.exit(0);
