import { Session } from 'node:inspector';

const MOST_FRAMES = 8;

interface CallFrame {
  readonly functionName: string;
  readonly location: { readonly scriptId: string; readonly lineNumber: number };
}

/**
 * Where a thread was found: its calls, `at a breakpoint` of a debugger, or undefined if it did not answer.
 */
export type Whereabouts = readonly string[] | 'at a breakpoint' | undefined;

/**
 * Finds where the main thread stands. It is called in another thread. The calls have the form `function
 * (file:line)`, innermost first. The main thread's debugger is switched on for a moment, which also works in
 * an endless loop. Resolves to undefined if there is no answer within `timeoutMs` (milliseconds), because the
 * thread may be in native code. Never rejects.
 *
 * A thread that another debugger has paused stays paused. V8 reports such a pause before it answers that the
 * debugger is on, and so before we ask for a pause of our own.
 */
export function whereMainThreadStands(timeoutMs: number): Promise<Whereabouts> {
  return new Promise((resolve) => {
    const session = new Session();
    const scripts = new Map<string, string>();
    let isOurPause = false;
    const finish = (found: Whereabouts) => {
      clearTimeout(timer);
      // Disconnecting lets a paused thread continue, unless another debugger holds it.
      session.disconnect();
      resolve(found);
    };
    const timer = setTimeout(() => finish(undefined), timeoutMs);
    try {
      session.connectToMainThread();
    } catch {
      finish(undefined);
      return;
    }
    session.on('Debugger.scriptParsed', ({ params }) => scripts.set(params.scriptId, params.url));
    session.on('Debugger.paused', ({ params }) => {
      if (!isOurPause) {
        finish('at a breakpoint');
        return;
      }
      const frames = (params.callFrames as CallFrame[]).map((frame) => describe(frame, scripts));
      session.post('Debugger.resume', () => finish(frames.filter(isOfTheApplication).slice(0, MOST_FRAMES)));
    });
    session.post('Debugger.enable', (error) => {
      // A disconnect calls this function too, with an error. A `post` after that would throw in this thread,
      // which must keep running.
      if (error !== null) return;
      isOurPause = true;
      session.post('Debugger.pause');
    });
  });
}

function describe({ functionName, location }: CallFrame, scripts: ReadonlyMap<string, string>): string {
  return `${functionName || '(anonymous)'} (${scripts.get(location.scriptId) ?? '?'}:${location.lineNumber + 1})`;
}

function isOfTheApplication(frame: string): boolean {
  return !frame.includes('(node:internal/');
}
