import type { Type } from '@nestjs/common';
import type { ModuleRef, ModulesContainer } from '@nestjs/core';

/** What is used of the record of a controller that Nest 11 and 12 keep. */
interface ControllerRecord {
  instance: unknown;
  isResolved?: boolean;
  getEnhancersMetadata?(): readonly ControllerRecord[] | undefined;
  addEnhancerMetadata?(enhancer: ControllerRecord): void;
}

/** What is used of a module of Nest 11 and 12. */
interface HostModule {
  readonly instance: object;
  readonly controllers: Map<unknown, ControllerRecord>;
  addController(controller: Type<object>): void;
}

interface Place {
  /** The instance of the class of the module that gets the controllers. */
  readonly module: object;
  readonly modules: ModulesContainer;
  readonly moduleRef: ModuleRef;
}

/**
 * Adds controllers to a module that is made already. Nest then makes routes of them as of those that the
 * module has declared, with the same guards, filters, prefix and versions. It must be called before the
 * routes are made: `configure()` of a module is.
 *
 * Nest collects the guards and filters of a controller when it scans the module, which is over. They belong
 * to the module, and the declared controllers have the same ones. So the record of one of these is the
 * pattern, which also says whether one of them is made for each request.
 */
export async function addControllers(
  controllers: readonly Type<object>[],
  { module, modules, moduleRef }: Place,
): Promise<void> {
  const host = ([...modules.values()] as unknown as HostModule[]).find(({ instance }) => instance === module);
  if (host === undefined) throw new Error('the module is not in the container');
  const [pattern] = host.controllers.values();
  for (const controller of controllers) {
    host.addController(controller);
    const record = host.controllers.get(controller);
    if (record === undefined) throw new Error('Nest has not kept the controller');
    record.instance = await moduleRef.create(controller);
    record.isResolved = true;
    for (const enhancer of pattern?.getEnhancersMetadata?.() ?? []) record.addEnhancerMetadata?.(enhancer);
  }
}
