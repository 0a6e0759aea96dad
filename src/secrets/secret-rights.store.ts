import type { ExtensionRights } from '../maintenance/privileges.js';

/** The rights on the tables of secrets. docs/guide/operate/security.md has them as GRANT statements. */
export const SECRET_RIGHTS: ExtensionRights = {
  engine: [
    { on: 'integration_data_key', privileges: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] },
    { on: 'integration_secret', privileges: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] },
  ],
  client: [],
  maintenance: [],
};
