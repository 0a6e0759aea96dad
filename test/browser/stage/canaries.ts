import type { TestDatabase } from '../../support/test-database.js';

/** Texts that would run, or lead somewhere, if the page took them for more than text. */
export const CANARIES = {
  img: `<img src=x onerror=canaryDied('img')>`,
  script: `"><script>canaryDied('script')</script>`,
  svg: `<svg/onload=canaryDied('svg')>`,
  link: `javascript:canaryDied('link')`,
  data: `data:text/html,<script>canaryDied('data')</script>`,
  template: `{{constructor.constructor("canaryDied('template')")()}}`,
  // What follows is shown from right to left where the page does not keep it apart.
  turned: `order-\u202Etxt.exe\u2066`,
} as const;

/** A number that JavaScript cannot hold, and one with more digits than anything. */
export const LONG_NUMBERS = ['9007199254740993', '-12345678901234567890.123456789012345678901'] as const;

export interface CanaryEvents {
  readonly hostile: string;
  readonly large: string;
  readonly deep: string;
  readonly numbers: string;
}

/**
 * Puts canaries into everything that a page may show: names, ids, keys and values of payloads, metadata,
 * errors, stacks, notes, reasons, people, links, processes, consumers.
 */
export async function releaseCanaries({ pool }: TestDatabase): Promise<CanaryEvents> {
  const { img, script, svg, link, data, template, turned } = CANARIES;
  const event = async (name: string, aggregate: string, payload: string): Promise<string> => {
    const { rows } = await pool.query<{ id: string }>(
      `INSERT INTO integration.outbox_event
         (event_name, source_module, aggregate_type, aggregate_id, payload, payload_bytes, metadata, dedup_key)
       VALUES ($1, $2, $3, $4, $5::text::jsonb, octet_length($5::text), $6::text::jsonb, $7) RETURNING id`,
      [
        name,
        svg,
        script,
        aggregate,
        payload,
        JSON.stringify({ correlationId: img, producer: link, tenantId: turned, [img]: script }).replace(
          /}$/,
          `,"sequence":${LONG_NUMBERS[0]},"exact":${LONG_NUMBERS[1]}}`,
        ),
        `${svg} ${aggregate}`,
      ],
    );
    const [row] = rows;
    if (row === undefined) throw new Error('the event was not written');
    return row.id;
  };
  const hostile = await event(
    img,
    turned,
    JSON.stringify({
      [img]: script,
      link,
      data,
      template,
      turned,
      list: [svg, link, 'https://a.example/?x'],
    }),
  );
  const large = await event(
    'canary.large',
    'large',
    JSON.stringify({ text: `${img}${'x'.repeat(1_000_000)}` }),
  );
  const deep = await event('canary.deep', 'deep', nested(20, img));
  const numbers = await event(
    'canary.numbers',
    'numbers',
    `{"whole": ${LONG_NUMBERS[0]}, "broken": ${LONG_NUMBERS[1]}, "list": [${LONG_NUMBERS[0]}]}`,
  );
  await pool.query(
    `INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread, paused_at, paused_by, pause_reason)
     VALUES ($1, ARRAY[$2], '{[1,)}', now(), $3, $4)`,
    [img, svg, script, link],
  );
  await pool.query(
    `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status,
       attempt_count, last_error, error_fingerprint, attempts, resolution)
     SELECT id, position, $2, aggregate_type, aggregate_id, 'dead_letter', 2, $3, 'canary',
       jsonb_build_array(jsonb_build_object('attempt', 1, 'at', now(), 'ms', 5, 'process', gen_random_uuid(),
         'host', $4::text, 'pid', 1, 'error', $3::text, 'stack', $5::text, 'fingerprint', 'canary')),
       jsonb_build_object('action', 'redrive', 'by', $4::text, 'reason', $5::text, 'at', now(), 'attempts', 2)
     FROM integration.outbox_event WHERE id = $1`,
    [hostile, img, `${script} ${svg}`, link, `${img}\n    at ${script}`],
  );
  await pool.query(
    `INSERT INTO integration.integration_failure_group (consumer_name, fingerprint, note, noted_by, noted_at)
     VALUES ($1, 'canary', $2, $3, now())`,
    [img, `${script} ${link}`, svg],
  );
  await pool.query(
    `INSERT INTO integration.integration_link
       (source_module, source_entity_type, source_entity_id, target_module, target_entity_type, target_entity_id, link_type)
     VALUES ($1, $2, $3, $4, $5, $6, 'reference')`,
    [svg, script, turned, link, img, data],
  );
  await pool.query(
    `INSERT INTO integration.integration_audit (actor, via, action, target, before, after, reason, affected, outcome)
     VALUES ($1, 'rest', 'consumers.pause', $2, $3, $3, $4, 1, 'done')`,
    [img, `consumer/${script}`, JSON.stringify({ [svg]: link }), template],
  );
  await pool.query(
    `INSERT INTO integration.integration_operation (kind, state, filter, planned_events, requested_by, via, reason, error)
     VALUES ('redrive', 'failed', $1, 1, $2, 'rest', $3, $4)`,
    [JSON.stringify({ consumerName: img, aggregateId: turned }), img, script, svg],
  );
  await pool.query(
    `INSERT INTO integration.unrouted_event (event_name, events, first_position) VALUES ($1, 3, 1)`,
    [script],
  );
  return { hostile, large, deep, numbers };
}

/** Objects in objects, with the text at the bottom. */
function nested(depth: number, text: string): string {
  return `${'{"in":'.repeat(depth)}${JSON.stringify(text)}${'}'.repeat(depth)}`;
}
