import type { InjectionToken } from '@nestjs/common';
import type { ModuleRef } from '@nestjs/core';

const CLASS = /^class\b/;

/**
 * The client of the host: the object that was given, what a function returns, or what a token names. A class
 * is a token, and so is a function that the container knows.
 */
export async function findClient(modules: Pick<ModuleRef, 'get'>, given: unknown): Promise<unknown> {
  if (typeof given === 'object') return given;
  if (typeof given !== 'function') return provided(modules, given);
  if (CLASS.test(Function.prototype.toString.call(given))) return provided(modules, given);
  try {
    return provided(modules, given);
  } catch {
    return (await given()) as unknown;
  }
}

function provided(modules: Pick<ModuleRef, 'get'>, token: unknown): unknown {
  return modules.get(token as InjectionToken & string, { strict: false });
}
