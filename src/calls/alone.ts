import { AbortGroups } from '../http/abort-groups.js';

/*
 * A call that was in flight when its process died may have ended the process. Innocent calls were in flight
 * beside it. So each of them runs once with nothing beside it: if the process dies again, only the call that
 * ran has lost an attempt.
 */

interface Waiting {
  readonly isAlone: boolean;
  enter(): void;
}

/**
 * Lets runs go on beside each other, or one alone. Who waits to be alone comes before those that begin later.
 */
export class Alone {
  private inside = 0;
  private isOneAlone = false;
  private queue: Waiting[] = [];
  private readonly groups = new AbortGroups();

  /** @returns undefined if the signal was aborted before its turn came */
  async run<R>(isAlone: boolean, signal: AbortSignal, fn: () => Promise<R>): Promise<R | undefined> {
    if (!(await this.enter(isAlone, signal))) return undefined;
    try {
      return await fn();
    } finally {
      this.inside--;
      if (isAlone) this.isOneAlone = false;
      this.letIn();
    }
  }

  private enter(isAlone: boolean, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const leave = () => {
        this.queue = this.queue.filter((each) => each !== waiting);
        resolve(false);
        this.letIn();
      };
      const enter = () => {
        stay();
        resolve(true);
      };
      const waiting: Waiting = { isAlone, enter };
      const stay = this.groups.join(signal, { abort: leave });
      this.queue.push(waiting);
      this.letIn();
    });
  }

  private letIn(): void {
    if (this.isOneAlone) return;
    const alone = this.queue.find(({ isAlone }) => isAlone);
    if (alone !== undefined && this.inside > 0) return;
    this.isOneAlone = alone !== undefined;
    const entering = alone === undefined ? this.queue : [alone];
    this.queue = this.queue.filter((each) => !entering.includes(each));
    this.inside += entering.length;
    for (const each of entering) each.enter();
  }
}
