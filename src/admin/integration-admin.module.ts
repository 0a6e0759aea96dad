import { type DynamicModule, Module, type NestModule, type Provider } from '@nestjs/common';
import { HttpAdapterHost, ModuleRef } from '@nestjs/core';
import { MountedRoutes } from '../http/mounted-routes.js';
import { ParsedBodies } from '../http/parsed-bodies.js';
import { madeOptions } from '../module/made-options.js';
import { MAX_BODY_BYTES, problemOfBody } from '../rest/body.js';
import { checkAsyncOptions, checkedCallOptions, checkOptions } from './admin-option-checks.js';
import { AdminCalls } from './calls/admin-calls.js';
import { AdminProblemFilter } from './calls/admin-problem.filter.js';
import { Denials } from './calls/denials.js';
import { HANDLERS } from './handlers/handlers.js';
import { Once } from './idempotency/once.js';
import { Deliveries } from './look/deliveries.js';
import { FlowLook } from './look/flow.js';
import { OverviewLook } from './look/overview.js';
import { ProblemsLook } from './look/problems.js';
import { AccessCheck } from './mounting/access-check.js';
import { pageController, sectionController } from './mounting/admin-controllers.js';
import { BroughtSections } from './mounting/brought-sections.js';
import { PageSlash } from './mounting/page-slash.js';
import {
  ADMIN_CALL_OPTIONS,
  ADMIN_MOUNT_OPTIONS,
  type AdminMountOptions,
  type IntegrationAdminAsyncOptions,
  type IntegrationAdminOptions,
} from './options/admin-options.js';
import { AdminPage, PAGE_FILES } from './page/admin-page.js';
import { pageFiles } from './page/page-files.js';
import { AdminSections } from './routes/admin-sections.js';
import { DEFAULT_STREAM_LIMITS, OpenStreams, STREAM_LIMITS } from './streams/open-streams.js';

/**
 * The REST API for the people who operate the engine, and the dashboard that uses it. Import it beside
 * `IntegrationModule`.
 *
 * ```ts
 * IntegrationAdminModule.forRoot({ path: 'ops/integration', imports: [AuthModule], guards: [OpsGuard] })
 * ```
 */
@Module({})
export class IntegrationAdminModule implements NestModule {
  constructor(
    private readonly brought: BroughtSections,
    private readonly bodies: ParsedBodies,
    private readonly pageSlash: PageSlash,
  ) {}

  /** @throws IntegrationError INTEGRATION_OPTIONS_INVALID, also if nothing says who guards the API */
  static forRoot(options: IntegrationAdminOptions): DynamicModule {
    checkOptions(options);
    return mounted(options, [{ provide: ADMIN_CALL_OPTIONS, useValue: options }]);
  }

  /**
   * Does the same as `forRoot`, with `permission`, `actor`, `mask`, `origins` and `allowedHosts` from a
   * factory or class. `path`, `guards`, `imports`, `access` and `decorate` are given here, because routes
   * exist before factories run.
   */
  static forRootAsync(options: IntegrationAdminAsyncOptions): DynamicModule {
    checkAsyncOptions(options);
    return mounted(options, madeOptions(ADMIN_CALL_OPTIONS, options, checkedCallOptions));
  }

  /** Nest calls it between the body parsers of the application and its routes. */
  async configure(): Promise<void> {
    await this.brought.install(this);
    this.bodies.install();
    this.pageSlash.install();
  }
}

function mounted(mount: AdminMountOptions, options: Provider[]): DynamicModule {
  const { path, access, decorate, guards, imports } = mount;
  return {
    module: IntegrationAdminModule,
    imports: [...(imports ?? [])],
    controllers: [...HANDLERS.map((handlers) => sectionController(handlers, mount)), pageController(mount)],
    providers: [
      ...options,
      { provide: ADMIN_MOUNT_OPTIONS, useValue: { path, access, decorate, guards } },
      {
        provide: MountedRoutes,
        inject: [ModuleRef, HttpAdapterHost, AdminSections],
        useFactory: (moduleRef: ModuleRef, host: HttpAdapterHost, sections: AdminSections) =>
          new MountedRoutes(moduleRef, host, {
            module: IntegrationAdminModule,
            path,
            routes: () => sections.routes,
          }),
      },
      {
        provide: ParsedBodies,
        inject: [MountedRoutes, AdminCalls],
        useFactory: (routes: MountedRoutes, calls: AdminCalls) =>
          new ParsedBodies(routes, {
            limit: MAX_BODY_BYTES,
            refuse: (error, request, response) =>
              calls.refuse(problemOfBody(error, request), request, response),
          }),
      },
      { provide: AdminSections, useFactory: () => new AdminSections(HANDLERS) },
      BroughtSections,
      AdminCalls,
      Denials,
      AdminProblemFilter,
      OverviewLook,
      ProblemsLook,
      FlowLook,
      Deliveries,
      OpenStreams,
      { provide: STREAM_LIMITS, useValue: DEFAULT_STREAM_LIMITS },
      Once,
      AccessCheck,
      PageSlash,
      { provide: PAGE_FILES, useValue: () => pageFiles() },
      AdminPage,
    ],
  };
}
