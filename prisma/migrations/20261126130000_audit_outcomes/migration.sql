-- Denials and failures are looked for among all that admins did. Hardly any entry is one, so that a list of them read the whole audit.
CREATE INDEX "integration_audit_outcome_idx" ON "integration"."integration_audit" ("outcome", "at", "id");
