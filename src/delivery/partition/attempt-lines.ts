import type { HandlerLine } from '../../inbox/failed-attempt.js';
import { storableWithin } from './storable-text.js';

/** How many lines of an attempt are kept at most. */
const MOST_LINES = 50;
/** How many bytes of UTF-8 the kept lines of an attempt have at most, and how many one of them has. */
const MOST_BYTES = 8_192;
const LINE_BYTES = 1_024;
/**
 * How much of a line is held until the attempt has ended. `redact` sees this much, and no more is stored.
 */
const HELD_LENGTH = 16_384;
const CUT = '…';

/** What `redact` is told of a line. */
export interface LineToKeep {
  readonly level: HandlerLine['level'];
  readonly consumerName: string;
  /** The name of the event that was handled. Of a batch it is the name of the first one. */
  readonly eventName: string;
}

/** The option `handlerLines`: lines of the handlers' logger are kept with attempts that fail. */
export interface HandlerLinesOption {
  /**
   * Returns what may be kept of a line. Undefined leaves the line out. It is called when an attempt has
   * failed, before the line is cut to its length, so that no pattern is missed because its end is not
   * there.
   */
  redact(text: string, line: LineToKeep): string | undefined;
}

/** Stands for a line whose `redact` has failed. What it says is not known to be fit for keeping. */
const NOT_REDACTED = '[This line was left out, because the option handlerLines.redact failed]';

interface HeldLine {
  readonly at: number;
  readonly level: HandlerLine['level'];
  readonly text: string;
}

/**
 * The last lines that the logger of a handler has written in one attempt. They are held in memory. Of an
 * attempt that succeeds they are dropped unseen: only one that has failed asks for what is stored.
 */
export class AttemptLines {
  private readonly held: HeldLine[] = [];
  private written = 0;

  constructor(
    private readonly option: HandlerLinesOption,
    private readonly handled: Omit<LineToKeep, 'level'>,
  ) {}

  add(level: HandlerLine['level'], text: string): void {
    this.written++;
    this.held.push({ at: Date.now(), level, text: text.slice(0, HELD_LENGTH) });
    if (this.held.length > MOST_LINES) this.held.shift();
  }

  /** The lines as the inbox keeps them. The oldest are left out where they are too long together. */
  toStored(): { lines: HandlerLine[]; linesLeftOut: number } {
    const lines: HandlerLine[] = [];
    let bytes = 0;
    for (const { at, level, text } of this.held.toReversed()) {
      const kept = cut(this.redacted(level, text));
      if (kept === '') continue;
      bytes += Buffer.byteLength(kept);
      if (bytes > MOST_BYTES) break;
      lines.unshift({ at: new Date(at).toISOString(), level, text: kept });
    }
    return { lines, linesLeftOut: this.written - lines.length };
  }

  private redacted(level: HandlerLine['level'], text: string): string {
    try {
      const kept: unknown = this.option.redact(text, { level, ...this.handled });
      if (kept === undefined) return '';
      if (typeof kept === 'string') return kept;
      // An async function returns a promise, which nobody waits for here. Its failure must not end the
      // process.
      Promise.resolve(kept).catch(() => {});
      return NOT_REDACTED;
    } catch {
      return NOT_REDACTED;
    }
  }
}

function cut(text: string): string {
  const kept = storableWithin(LINE_BYTES, text);
  return Buffer.byteLength(text) <= LINE_BYTES
    ? kept
    : storableWithin(LINE_BYTES - CUT.length * 3, kept) + CUT;
}
