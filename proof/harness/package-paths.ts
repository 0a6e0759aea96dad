import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const packageFolder = dirname(createRequire(import.meta.url).resolve('nestjs-integration/package.json'));

/** The package's own command line. */
export const MIGRATE_COMMAND = join(packageFolder, 'dist', 'bin', 'main.js');

/** Where the package keeps its retention, which has no public name. */
export const RETENTION_MODULE = pathToFileURL(
  join(packageFolder, 'dist', 'maintenance', 'retention.js'),
).href;

/** Where the package keeps what works operations off, which has no public name. */
export const OPERATION_RUNNER_MODULE = pathToFileURL(
  join(packageFolder, 'dist', 'changes', 'operations', 'operation-runner.js'),
).href;

/** Programs of the processes that a run starts. */
export const PROGRAMS = {
  worker: fileURLToPath(new URL('../processes/worker.js', import.meta.url)),
  publisher: fileURLToPath(new URL('../processes/publisher.js', import.meta.url)),
  calling: fileURLToPath(new URL('../processes/calling.js', import.meta.url)),
  conversing: fileURLToPath(new URL('../processes/conversing.js', import.meta.url)),
  receiver: fileURLToPath(new URL('../processes/receiver.js', import.meta.url)),
  relaying: fileURLToPath(new URL('../processes/relaying.js', import.meta.url)),
  ticking: fileURLToPath(new URL('../processes/ticking.js', import.meta.url)),
  sender: fileURLToPath(new URL('../processes/sender.js', import.meta.url)),
  application: fileURLToPath(new URL('../ops/processes/application.js', import.meta.url)),
};

/** Preloaded where a process's `Date` is to be wrong. */
export const SHIFTED_DATE = new URL('../processes/shifted-date.js', import.meta.url).href;
