import { parseArgs } from 'node:util';

export interface DemoOptions {
  /** Worker processes beside the one that takes the webhooks; 0: one process does everything. */
  processes: number;
  /** How often the set of deliveries is sent, with new delivery ids each time. */
  repeat: number;
  /** Chooses which calls the receiver refuses. */
  seed: number;
  /** Run with the admin API and its dashboard, and let data flow and fail, instead of the play with its checks. */
  serve: boolean;
  /** Play examples/connectors instead. */
  connectors: boolean;
  /** With `serve`: the number of seconds after which it ends. */
  forSeconds: number | undefined;
  /** Where the application listens; 0: on any free port. */
  port: number;
  /** Where the figures are written. */
  json: string | undefined;
}

export const USAGE = `npm run demo -- [options]

  --processes N   run the handlers in N worker processes and kill one of them on the way
  --repeat N      send the 329 deliveries N times (default 1)
  --seed N        choose other calls for the receiver to refuse (default 1)
  --serve         open the dashboard instead: deliveries come in and some fail, until Ctrl-C
  --for SECONDS   with --serve: look at the admin API, and end after SECONDS
  --connectors    play examples/connectors instead: connections to three systems, all on this machine
  --port N        listen on this port of 127.0.0.1 (default: PORT, else a free one)
  --json FILE     write the figures to FILE
  --help          this text

DATABASE_URL names a Postgres to use; without it the demo starts one of its own.`;

/** Wrong use; the message says how. */
export class UsageError extends Error {}

/** Undefined when the help is wanted. */
export function readOptions(args: string[]): DemoOptions | undefined {
  const values = parse(args);
  if (values.help) return undefined;
  if (values.for !== undefined && !values.serve) throw new UsageError('--for goes with --serve');
  if (values.repeat !== '1' && values.serve) throw new UsageError('--repeat does not go with --serve');
  if (values.connectors && (values.serve || values.json !== undefined))
    throw new UsageError('--connectors goes with no other option');
  if (values.json !== undefined && values.serve && values.for === undefined)
    throw new UsageError('--serve writes figures only where it ends by itself: give --for too');
  return {
    processes: whole('processes', values.processes, 0, 16),
    repeat: whole('repeat', values.repeat, 1, 1000),
    seed: whole('seed', values.seed, 0, 2 ** 32 - 1),
    serve: values.serve,
    connectors: values.connectors,
    forSeconds: values.for === undefined ? undefined : whole('for', values.for, 1, 86_400),
    port: whole('port', values.port, 0, 65_535),
    json: values.json,
  };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        processes: { type: 'string', default: '0' },
        repeat: { type: 'string', default: '1' },
        seed: { type: 'string', default: '1' },
        serve: { type: 'boolean', default: false },
        connectors: { type: 'boolean', default: false },
        for: { type: 'string' },
        port: { type: 'string', default: process.env.PORT ?? '0' },
        json: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function whole(option: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isInteger(value) && value >= min && value <= max) return value;
  throw new UsageError(`--${option} takes a whole number from ${min} to ${max}, not "${text}"`);
}
