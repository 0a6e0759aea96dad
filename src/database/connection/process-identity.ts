import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';

/**
 * The name under which the other processes know this one. Each application has one, so two applications in
 * one operating-system process are told apart.
 */
export class ProcessIdentity {
  readonly id: string = randomUUID();
  readonly host: string = hostname();
  readonly pid: number = process.pid;
}
