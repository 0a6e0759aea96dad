-- What a task found when it was done last, for tasks that look at something. The task `doctor` counts its findings by severity here.
ALTER TABLE "integration"."integration_maintenance" ADD COLUMN "result" jsonb;
