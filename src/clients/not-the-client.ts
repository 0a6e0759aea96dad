import { IntegrationError } from '../errors.js';

/** The error for what an adapter was given in place of its library's own. */
export function notTheClient(adapter: string, expected: string, pkg: string): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_CLIENT_INVALID',
    `${adapter}(…) needs ${expected}, and was given something else. If the library is not installed, install it: npm install ${pkg}`,
    { package: pkg },
  );
}
