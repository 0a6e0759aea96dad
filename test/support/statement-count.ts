import { wireMessages } from './wire-messages.js';

/** Counts the statements that clients send to a server, from what goes over the wire. */
export class StatementCount {
  count = 0;

  /** For one connection: to be fed with all that its client sends. */
  readonly connection = (): ((data: Buffer) => void) =>
    wireMessages(false, (type) => {
      if (type === 'Q' || type === 'E') this.count++;
    });
}
