import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { DEFAULT_ENGINE } from '../../words/engine-name.js';

/**
 * The name under which the other processes know this one. Each engine has one, so two applications in one
 * operating-system process are told apart, and two engines of one application are too.
 */
export class ProcessIdentity {
  readonly id: string = randomUUID();
  readonly host: string = hostname();
  readonly pid: number = process.pid;

  /** @param engine the name that this process gives to the engine */
  constructor(readonly engine: string = DEFAULT_ENGINE) {}
}
