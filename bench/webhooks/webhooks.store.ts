/** The table of a host that keeps the bytes of webhooks, and nothing else. */
export const CREATE_BARE = 'CREATE TABLE bare_webhook (id text PRIMARY KEY, body bytea NOT NULL)';

export const INSERT_BARE = 'INSERT INTO bare_webhook (id, body) VALUES ($1, $2)';
