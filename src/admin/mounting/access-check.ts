import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost, ModuleRef } from '@nestjs/core';
import { IntegrationError } from '../../errors.js';
import { configurationOf } from '../../http/nest-container.js';
import { ADMIN_MOUNT_OPTIONS, type AdminMountOptions } from '../options/admin-options.js';

/**
 * Lets an application boot only if somebody guards the admin API, or if the application says that nobody
 * does.
 */
@Injectable()
export class AccessCheck implements OnModuleInit {
  constructor(
    private readonly moduleRef: ModuleRef,
    private readonly host: HttpAdapterHost,
    @Inject(ADMIN_MOUNT_OPTIONS) private readonly mount: AdminMountOptions,
  ) {}

  onModuleInit(): void {
    // A context without a server has no routes.
    if (this.host.httpAdapter === undefined) return;
    const { access, path } = this.mount;
    if (access === 'open') {
      new Logger('IntegrationAdmin').warn(
        `Everybody who reaches the path "${path}" by localhost, an IP address or a name in allowedHosts may use the admin API, because its access is 'open'`,
      );
    }
    if (access === 'global-guards' && !this.hasGlobalGuards()) {
      throw new IntegrationError(
        'INTEGRATION_OPTIONS_INVALID',
        "IntegrationAdminModule has access: 'global-guards', but the application has no global guard: provide one as APP_GUARD, or call useGlobalGuards before the application starts, or give guards",
      );
    }
  }

  private hasGlobalGuards(): boolean {
    const config = configurationOf(this.moduleRef);
    if (config === undefined) return false;
    return config.getGlobalGuards().length > 0 || config.getGlobalRequestGuards().length > 0;
  }
}
