import { randomUUID } from 'node:crypto';

/**
 * Who this process is to the others. One per application, so two in one operating-system process stay apart.
 */
export class ProcessIdentity {
  readonly id: string = randomUUID();
}
