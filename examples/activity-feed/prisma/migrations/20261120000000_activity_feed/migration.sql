CREATE TABLE "delivery" (
  "id"          uuid           PRIMARY KEY,
  "event_id"    uuid           NOT NULL UNIQUE,
  "event"       text           NOT NULL,
  "action"      text,
  "received_at" timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE "repository" (
  "id"               bigint         PRIMARY KEY,
  "full_name"        text           NOT NULL,
  "deliveries"       integer        NOT NULL DEFAULT 1,
  "last_delivery_at" timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE "account" (
  "id"               bigint         PRIMARY KEY,
  "login"            text           NOT NULL,
  "deliveries"       integer        NOT NULL DEFAULT 1,
  "last_delivery_at" timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE "statistic" (
  "subject_type" text    NOT NULL,
  "subject_id"   text    NOT NULL,
  "kind"         text    NOT NULL,
  "count"        integer NOT NULL DEFAULT 1,
  "reported"     integer NOT NULL DEFAULT 0,
  PRIMARY KEY ("subject_type", "subject_id", "kind")
);

CREATE TABLE "summary_number" (
  "id"     integer PRIMARY KEY DEFAULT 1,
  "latest" integer NOT NULL DEFAULT 1
);
