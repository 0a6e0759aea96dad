import { closeSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { monotonicMs } from './clock.js';

/*
 * What a process did, written down outside the database: one line at a time, straight to the file, so that neither
 * SIGKILL nor a database that loses commits takes anything back. Times are of the machine's monotonic clock.
 */

/** One run of a handler for one event. */
export interface Run {
  /** The process, by the name of its journal. */
  readonly process: string;
  readonly consumer: string;
  readonly eventId: string;
  readonly position: number;
  readonly attempt: number;
  readonly startedAt: number;
  /** Undefined: it never ended, or failed. */
  endedAt: number | undefined;
}

/** One event as its writer knows it. */
export interface Write {
  readonly eventId: string;
  /** Of the transaction. Unknown: the commit was not answered. */
  readonly outcome: 'committed' | 'rolled back' | 'unknown';
  readonly at: number;
}

export class HandlerJournal {
  private readonly file: number;

  constructor(folder: string, name: string) {
    this.file = openSync(join(folder, `${name}.runs`), 'a');
  }

  started(consumer: string, eventId: string, position: number, attempt: number): void {
    writeSync(this.file, `s\t${consumer}\t${eventId}\t${monotonicMs()}\t${position}\t${attempt}\n`);
  }

  ended(consumer: string, eventId: string): void {
    writeSync(this.file, `e\t${consumer}\t${eventId}\t${monotonicMs()}\n`);
  }

  close(): void {
    closeSync(this.file);
  }
}

export class WriterJournal {
  private readonly file: number;

  constructor(folder: string, name: string) {
    this.file = openSync(join(folder, `${name}.writes`), 'a');
  }

  write(eventIds: readonly string[], outcome: Write['outcome']): void {
    const at = monotonicMs();
    writeSync(this.file, eventIds.map((id) => `${id}\t${outcome}\t${at}\n`).join(''));
  }
}

/** All runs in the journals of a folder, those of one process in the order of their starts. */
export function readRuns(folder: string, onlyProcess?: string): Run[] {
  const runs: Run[] = [];
  for (const [name, lines] of readAll(folder, '.runs')) {
    if (onlyProcess !== undefined && name !== onlyProcess) continue;
    const open = new Map<string, Run[]>();
    for (const [kind, consumer = '', eventId = '', at = '0', position = '0', attempt = '0'] of lines) {
      const key = `${consumer} ${eventId}`;
      if (kind === 's') {
        const run: Run = {
          process: name,
          consumer,
          eventId,
          position: Number(position),
          attempt: Number(attempt),
          startedAt: Number(at),
          endedAt: undefined,
        };
        runs.push(run);
        open.set(key, [...(open.get(key) ?? []), run]);
      } else {
        const run = open.get(key)?.shift();
        if (run !== undefined) run.endedAt = Number(at);
      }
    }
  }
  return runs;
}

export function readWrites(folder: string): Write[] {
  return [...readAll(folder, '.writes')].flatMap(([, lines]) =>
    lines.map(([eventId = '', outcome, at]) => ({
      eventId,
      outcome: outcome as Write['outcome'],
      at: Number(at),
    })),
  );
}

function readAll(folder: string, suffix: string): Map<string, string[][]> {
  const names = readdirSync(folder).filter((name) => name.endsWith(suffix));
  return new Map(
    names.sort().map((name) => {
      const text = readFileSync(join(folder, name), 'utf8');
      // A line that a kill has cut short never was.
      const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
      return [name.slice(0, -suffix.length), lines.filter(Boolean).map((line) => line.split('\t'))];
    }),
  );
}
