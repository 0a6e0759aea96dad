import { Session } from 'node:inspector';

const MOST_FRAMES = 8;

interface CallFrame {
  readonly functionName: string;
  readonly location: { readonly scriptId: string; readonly lineNumber: number };
}

/**
 * Where the main thread stands, asked for from another thread: `function (file:line)`, innermost first. Its debugger is
 * switched on for a moment, which also works in an endless loop. Undefined if there is no answer within `timeoutMs`: the thread may be in native code.
 * Never rejects.
 */
export function stackOfMainThread(timeoutMs: number): Promise<string[] | undefined> {
  return new Promise((resolve) => {
    const session = new Session();
    const scripts = new Map<string, string>();
    const finish = (frames: string[] | undefined) => {
      clearTimeout(timer);
      // Disconnecting lets a paused thread go on.
      session.disconnect();
      resolve(frames);
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
      const frames = (params.callFrames as CallFrame[]).map((frame) => describe(frame, scripts));
      session.post('Debugger.resume', () => finish(frames.filter(isOfTheApplication).slice(0, MOST_FRAMES)));
    });
    session.post('Debugger.enable', (error) => {
      // Disconnecting calls back too, with an error: whatever is posted then throws, in the thread that must live on.
      if (error === null) session.post('Debugger.pause');
    });
  });
}

function describe({ functionName, location }: CallFrame, scripts: ReadonlyMap<string, string>): string {
  return `${functionName || '(anonymous)'} (${scripts.get(location.scriptId) ?? '?'}:${location.lineNumber + 1})`;
}

function isOfTheApplication(frame: string): boolean {
  return !frame.includes('(node:internal/');
}
