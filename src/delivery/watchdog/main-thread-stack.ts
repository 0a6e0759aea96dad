import { Session } from 'node:inspector';

const MOST_FRAMES = 8;

interface CallFrame {
  readonly functionName: string;
  readonly location: { readonly scriptId: string; readonly lineNumber: number };
}

/**
 * Where a thread was found: its calls, or at the breakpoint of a debugger, or nowhere, because it gave no
 * answer.
 */
export type Whereabouts = readonly string[] | 'at a breakpoint' | undefined;

/**
 * Where the main thread stands, asked for from another thread: `function (file:line)`, innermost first. Its
 * debugger is switched on for a moment, which also works in an endless loop. Undefined if there is no answer
 * within `timeoutMs`: the thread may be in native code. A thread that another debugger holds is left where it
 * is: V8 tells of a pause that is there already before it answers that the debugger is on, and so before we
 * ask for a pause of our own. Never rejects.
 */
export function whereMainThreadStands(timeoutMs: number): Promise<Whereabouts> {
  return new Promise((resolve) => {
    const session = new Session();
    const scripts = new Map<string, string>();
    let isOurPause = false;
    const finish = (found: Whereabouts) => {
      clearTimeout(timer);
      // Disconnecting lets a paused thread go on, unless another debugger holds it.
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
      // Disconnecting calls back too, with an error: whatever is posted then throws, in the thread that must
      // live on.
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
