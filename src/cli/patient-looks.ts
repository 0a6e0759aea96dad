import { IntegrationError, messageOf } from '../errors.js';
import type { CommandContext } from './command.js';

/**
 * Looks at the database again and again, also while it is away. That it is away is said once, and so is that
 * it is back.
 */
export class PatientLooks {
  private isAway = false;

  constructor(
    private readonly context: Pick<CommandContext, 'redraw' | 'remark'>,
    /** What goes on without the command meanwhile. */
    private readonly what: string,
  ) {}

  /** Resolves to undefined if the look has failed. What the services refuse is thrown. */
  async look<R>(look: () => Promise<R>): Promise<R | undefined> {
    try {
      const found = await look();
      if (this.isAway) this.say('The database answers again.');
      this.isAway = false;
      return found;
    } catch (error) {
      if (error instanceof IntegrationError && error.code === 'INTEGRATION_OPERATION_UNKNOWN') throw error;
      if (!this.isAway)
        this.say(
          `Cannot look how far it is: ${messageOf(error)}. The command looks again until it can, and ${this.what} does not need it: Ctrl-C ends only the command.`,
        );
      this.isAway = true;
      return undefined;
    }
  }

  private say(words: string): void {
    this.context.redraw(undefined);
    this.context.remark(words);
  }
}
