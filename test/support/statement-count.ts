import { Recorder } from './recorder.js';
import { textsOf, wireMessages } from './wire-messages.js';

/** Counts the statements that clients send to a server, from what goes over the wire. */
export class StatementCount {
  count = 0;
  /** The texts of those that are not prepared already. */
  readonly texts = new Recorder<string>();

  /** For one connection: to be fed with all that its client sends. */
  readonly connection = (): ((data: Buffer) => void) =>
    wireMessages(false, (type, body) => {
      if (type === 'Q' || type === 'E') this.count++;
      const [first = '', second = ''] = textsOf(body);
      if (type === 'Q') this.texts.record(first);
      if (type === 'P') this.texts.record(second);
    });
}
