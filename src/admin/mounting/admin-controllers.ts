import type { Type } from '@nestjs/common';
import { type ControllerRoute, mountedController } from '../../http/mounted-controller.js';
import { AdminCalls } from '../calls/admin-calls.js';
import { AdminProblemFilter } from '../calls/admin-problem.filter.js';
import type { AdminMountOptions } from '../options/admin-options.js';
import { AdminPage } from '../page/admin-page.js';
import { type Call, type Handlers, onlyReads, type Route } from '../routes/route.js';

/** Makes the controller of one section of the API. */
export function sectionController(handlers: Handlers, mount: AdminMountOptions): Type<object> {
  const { path, guards, decorate = {} } = mount;
  const routes = Object.entries(handlers.routes).map(
    ([name, route]): [string, ControllerRoute<AdminCalls>] => {
      const handler = handlerOf(handlers, name);
      return [
        name,
        {
          method: route.method,
          paths: [route.path],
          decorate: onlyReads(route) ? decorate.read : decorate.write,
          answer: (calls, request, response, section) =>
            calls.answer(route, request, response, (call) => handler.call(section, call)),
        },
      ];
    },
  );
  return mountedController({
    name: handlers.name,
    of: handlers,
    path,
    by: AdminCalls,
    routes: Object.fromEntries(routes),
    guards: guards && [...guards],
    filters: [AdminProblemFilter],
  });
}

function handlerOf({ prototype }: Handlers, name: string): (call: Call<Route>) => unknown {
  const handler = (prototype as Record<string, ((call: Call<Route>) => unknown) | undefined>)[name];
  if (handler === undefined) throw new Error(`the route ${name} has no handler`);
  return handler;
}

/** Makes the controller of the page. */
export function pageController({ path, guards, decorate = {} }: AdminMountOptions): Type<object> {
  const got = (at: string, answer: ControllerRoute<AdminPage>['answer']): ControllerRoute<AdminPage> => ({
    method: 'GET',
    paths: [at],
    decorate: decorate.page,
    answer,
  });
  return mountedController({
    name: 'IntegrationAdminPage',
    path,
    by: AdminPage,
    routes: {
      redirect: got('', (page, request, response) => page.redirect(request, response)),
      ui: got('ui', (page, request, response) => page.page(request, response)),
      // Pipes of the application see what `@Param` gives, and might refuse it.
      asset: got('ui/assets/:name', (page, request, response) =>
        page.asset(String(request.params?.name), request, response),
      ),
    },
    guards: guards && [...guards],
    filters: [AdminProblemFilter],
  });
}
