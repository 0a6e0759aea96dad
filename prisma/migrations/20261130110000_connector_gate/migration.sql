-- The limits of requests to other systems, which all processes keep together. The decision: docs/decisions/0151.

-- limit_no 0: whether requests of this key may be sent at all. blocked_until: the other system has asked to be left alone.
-- breaker: null if it is closed. probe_until: before it, nobody tries whether the other system works again.
-- limit_no from 1: one limit. next_slot: when the next request may be sent, by a rate. used and window_end: by a quota.
-- A crash of the server empties it, which costs one burst of each limit at the most.
CREATE UNLOGGED TABLE "integration"."connector_gate" (
  "key"           varchar(255) NOT NULL,
  "limit_no"      smallint     NOT NULL,
  "next_slot"     timestamptz,
  "used"          bigint       NOT NULL DEFAULT 0,
  "window_end"    timestamptz,
  "blocked_until" timestamptz,
  "breaker"       varchar(4)   CHECK ("breaker" = 'open'),
  "probe_until"   timestamptz,
  PRIMARY KEY ("key", "limit_no")
) WITH (fillfactor = 50);

-- Takes places of all limits of a request, or of none of them. `rows` has an object for each row, in the order of keys
-- and numbers, in which everybody locks them:
--   kind `state`: probeMs, for how long nobody else tries an open breaker if this one may;
--   kind `rate`:  count, everyUs between two places, backUs how far back a place may lie;
--   kind `quota`: count, limit, windowMs of a window whose end nobody has said.
-- A place of a rate may lie at most aheadMs in the future.
-- Returns `why` and `waitMs` if it takes nothing: `open` (the breaker), `blocked`, or `limit`. Else `rows`, one for each:
--   kind `state`: probe, the mark of this attempt if it is one;
--   kind `rate`:  inMs until the first place, which is negative for one that has passed, and count;
--   kind `quota`: count, used with these, and endsInMs.
-- Times are read after the locks, so whoever waited for a lock sees the time after its wait.
CREATE FUNCTION "integration"."connector_gate_take"("rows" jsonb, "ahead_ms" float8) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  asked   jsonb;
  gate    "integration"."connector_gate"%ROWTYPE;
  at_now  timestamptz;
  first   timestamptz;
  wait_ms float8;
  longest float8 := 0;
  why     text;
  taken   jsonb := '[]';
  many    bigint;
BEGIN
  FOR asked IN SELECT value FROM jsonb_array_elements("rows") LOOP
    LOOP
      PERFORM 1 FROM "integration"."connector_gate" g
        WHERE g."key" = asked->>'key' AND g."limit_no" = (asked->>'no')::smallint FOR UPDATE;
      EXIT WHEN FOUND;
      INSERT INTO "integration"."connector_gate" ("key", "limit_no") VALUES (asked->>'key', (asked->>'no')::smallint)
        ON CONFLICT ("key", "limit_no") DO NOTHING;
    END LOOP;
  END LOOP;
  at_now := clock_timestamp();

  FOR asked IN SELECT value FROM jsonb_array_elements("rows") LOOP
    SELECT * INTO gate FROM "integration"."connector_gate" g
      WHERE g."key" = asked->>'key' AND g."limit_no" = (asked->>'no')::smallint;
    wait_ms := 0;
    IF gate."breaker" IS NOT NULL AND gate."probe_until" > at_now THEN
      why := 'open';
      wait_ms := extract(epoch FROM gate."probe_until" - at_now) * 1000;
    ELSIF gate."blocked_until" > at_now THEN
      why := CASE WHEN why = 'open' THEN why ELSE 'blocked' END;
      wait_ms := extract(epoch FROM gate."blocked_until" - at_now) * 1000;
    ELSIF asked->>'kind' = 'rate' AND gate."next_slot" > at_now + ("ahead_ms" * interval '1 millisecond') THEN
      why := coalesce(why, 'limit');
      wait_ms := extract(epoch FROM gate."next_slot" - at_now) * 1000;
    ELSIF asked->>'kind' = 'quota' AND gate."window_end" > at_now AND gate."used" >= (asked->>'limit')::bigint THEN
      why := coalesce(why, 'limit');
      wait_ms := extract(epoch FROM gate."window_end" - at_now) * 1000;
    END IF;
    longest := greatest(longest, wait_ms);
  END LOOP;
  IF why IS NOT NULL THEN RETURN jsonb_build_object('why', why, 'waitMs', longest); END IF;

  FOR asked IN SELECT value FROM jsonb_array_elements("rows") LOOP
    SELECT * INTO gate FROM "integration"."connector_gate" g
      WHERE g."key" = asked->>'key' AND g."limit_no" = (asked->>'no')::smallint;
    CASE asked->>'kind'
    WHEN 'state' THEN
      IF gate."breaker" IS NULL THEN taken := taken || jsonb_build_array(jsonb_build_object('probe', NULL)); CONTINUE; END IF;
      gate."probe_until" := at_now + ((asked->>'probeMs')::float8 * interval '1 millisecond');
      taken := taken || jsonb_build_array(jsonb_build_object('probe', (extract(epoch FROM gate."probe_until") * 1000000)::bigint::text));
    WHEN 'rate' THEN
      many := (asked->>'count')::bigint;
      first := greatest(gate."next_slot", at_now - ((asked->>'backUs')::bigint * interval '1 microsecond'));
      gate."next_slot" := first + (many * (asked->>'everyUs')::bigint * interval '1 microsecond');
      taken := taken || jsonb_build_array(jsonb_build_object('inMs', extract(epoch FROM first - at_now) * 1000, 'count', many));
    WHEN 'quota' THEN
      IF gate."window_end" IS NULL OR gate."window_end" <= at_now THEN
        gate."used" := 0;
        gate."window_end" := at_now + ((asked->>'windowMs')::bigint * interval '1 millisecond');
      END IF;
      many := least((asked->>'count')::bigint, (asked->>'limit')::bigint - gate."used");
      gate."used" := gate."used" + many;
      taken := taken || jsonb_build_array(jsonb_build_object('count', many, 'used', gate."used",
        'endsInMs', extract(epoch FROM gate."window_end" - at_now) * 1000));
    END CASE;
    UPDATE "integration"."connector_gate" g
      SET "next_slot" = gate."next_slot", "used" = gate."used", "window_end" = gate."window_end", "probe_until" = gate."probe_until"
      WHERE g."key" = gate."key" AND g."limit_no" = gate."limit_no";
  END LOOP;
  RETURN jsonb_build_object('rows', taken);
END $$;
