import 'reflect-metadata';
import { runConnectors } from './connectors.js';
import { readOptions, USAGE, UsageError } from './options.js';
import { runDemo } from './run.js';
import { failed, line } from './screen.js';
import { runServe } from './serve/serve.js';

const INTERRUPTED = 130;

process.exit(await main());

/** The exit status: 0 when everything that must hold held, 1 when something did not, 2 on wrong use. */
async function main(): Promise<number> {
  const stop = new AbortController();
  const interrupt = () => {
    // Once asks for an orderly end; twice takes it.
    if (stop.signal.aborted) process.exit(INTERRUPTED);
    stop.abort();
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  try {
    const options = readOptions(process.argv.slice(2));
    if (options === undefined) {
      line(USAGE);
      return 0;
    }
    const run = options.connectors ? runConnectors : options.serve ? runServe : runDemo;
    return (await run(options, stop.signal)) ? 0 : 1;
  } catch (error) {
    if (stop.signal.aborted) {
      line('\nStopped.');
      return INTERRUPTED;
    }
    failed(error instanceof Error ? error.message : String(error));
    if (!(error instanceof UsageError)) return 1;
    line(`\n${USAGE}`);
    return 2;
  }
}
