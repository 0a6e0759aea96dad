import {
  applyDecorators,
  Controller,
  Get,
  Inject,
  Req,
  Res,
  type Type,
  UseFilters,
  UseGuards,
  VERSION_NEUTRAL,
} from '@nestjs/common';
import { segmentsOf } from '../../module/route-path.js';
import type { AdminMountOptions } from '../admin-options.js';
import { AdminProblemFilter } from '../calls/admin-problem.filter.js';
import type { ServerRequest } from '../calls/admin-request.js';
import { AdminPage } from '../page/admin-page.js';

/** Makes the controller of the page, for one place. It is a class of its own, as those of the API are. */
export function mountedPage({ path, guards = [], decorate = {} }: AdminMountOptions): Type<object> {
  const Decorated = () => applyDecorators(...(decorate.page ?? []));

  @UseFilters(AdminProblemFilter)
  @UseGuards(...guards)
  @Controller({ path: segmentsOf(path).join('/'), version: VERSION_NEUTRAL })
  class IntegrationAdminPage {
    constructor(@Inject(AdminPage) private readonly page: AdminPage) {}

    @Decorated()
    @Get()
    redirect(@Req() request: ServerRequest, @Res() response: unknown): void {
      this.page.redirect(request, response);
    }

    @Decorated()
    @Get('ui')
    ui(@Req() request: ServerRequest, @Res() response: unknown): void {
      this.page.page(request, response);
    }

    @Decorated()
    @Get('ui/assets/:name')
    asset(@Req() request: ServerRequest, @Res() response: unknown): void {
      // Pipes of the application see what `@Param` gives, and might refuse it.
      this.page.asset(String(request.params?.name), response);
    }
  }
  return IntegrationAdminPage;
}
