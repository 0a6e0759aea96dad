import { Inject, Injectable } from '@nestjs/common';
import { ModuleRef, ModulesContainer } from '@nestjs/core';
import { addControllers } from '../../http/added-controllers.js';
import { EngineExtensions } from '../../module/engine-extensions.js';
import { engineOf } from '../../module/engine-of.js';
import { ADMIN_MOUNT_OPTIONS, type AdminMountOptions } from '../options/admin-options.js';
import { AdminSections } from '../routes/admin-sections.js';
import { sectionController } from './admin-controllers.js';

/**
 * Mounts the sections that parts bring. The controllers of a module are listed when its `forRoot` is called.
 * Which parts an application has is known when all modules are made. So these controllers are added then,
 * before Nest makes routes of controllers.
 */
@Injectable()
export class BroughtSections {
  constructor(
    private readonly sections: AdminSections,
    private readonly moduleRef: ModuleRef,
    private readonly modules: ModulesContainer,
    @Inject(ADMIN_MOUNT_OPTIONS) private readonly mount: AdminMountOptions,
  ) {}

  /** `module` is the instance of the admin API's module. */
  async install(module: object): Promise<void> {
    const { all } = engineOf(this.moduleRef, 'IntegrationAdminModule').get(EngineExtensions);
    for (const { name, admin } of all) {
      if (admin === undefined) continue;
      const addition = await admin();
      this.sections.add(name, addition);
      const controllers = addition.sections.map((handlers) => sectionController(handlers, this.mount));
      await addControllers(controllers, { module, modules: this.modules, moduleRef: this.moduleRef });
    }
  }
}
