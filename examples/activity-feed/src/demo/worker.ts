// One worker process of `--processes N`: the application without its HTTP server. It tells its parent when handlers begin, and
// stops with it.
import 'reflect-metadata';
import { createApplication } from '../application.js';
import { watchHandlers } from './stopwatch.js';

// Ctrl-C reaches every process of the terminal; when to stop is the parent's decision.
process.on('SIGINT', () => {});

const app = await createApplication({ logger: ['error', 'warn'] });
watchHandlers(app, (start) => process.send?.(start));
process.once('disconnect', () => {
  app.close().then(
    () => process.exit(0),
    () => process.exit(1),
  );
});
await app.init();
process.send?.('ready');
