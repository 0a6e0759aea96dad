CREATE TABLE "print_order" (
  "id"      uuid    PRIMARY KEY,
  "cents"   integer NOT NULL,
  "status"  text    NOT NULL DEFAULT 'placed',
  "receipt" text
);
