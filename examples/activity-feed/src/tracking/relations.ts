import type { CreateIntegrationLinkDto } from 'nestjs-integration';
import type { GithubPayload } from '../events.js';

/** An entity as a link names it. Pull requests and issues go by `<repository>#<number>`, commits by their SHA. */
interface Entity {
  module: string;
  type: 'repository' | 'pull_request' | 'issue' | 'commit';
  id: string;
}

/** The links that a payload tells of. It may tell of one more than once; creating a link again is harmless. */
export function relationsIn(payload: GithubPayload): CreateIntegrationLinkDto[] {
  if (!payload.repository) return [];
  const repository: Entity = {
    module: 'deliveries',
    type: 'repository',
    id: String(payload.repository.id),
  };
  const pullRequest = (number: number) => entity('pull_request', `${repository.id}#${number}`);
  const issue = (number: number) => entity('issue', `${repository.id}#${number}`);
  const links: CreateIntegrationLinkDto[] = [];

  for (const sha of commitsIn(payload)) links.push(belongsTo(entity('commit', sha), repository));
  if (payload.pull_request) {
    const { number, head } = payload.pull_request;
    links.push(belongsTo(pullRequest(number), repository));
    links.push(refersTo(pullRequest(number), entity('commit', head.sha)));
  }
  if (payload.issue) {
    const { number, pull_request: isPullRequest } = payload.issue;
    links.push(belongsTo(issue(number), repository));
    // GitHub keeps an issue of the same number behind every pull request.
    if (isPullRequest) links.push(refersTo(pullRequest(number), issue(number)));
  }
  for (const check of [payload.check_run, payload.check_suite]) {
    for (const { number } of check?.pull_requests ?? []) {
      if (check?.head_sha) links.push(refersTo(pullRequest(number), entity('commit', check.head_sha)));
    }
  }
  return links;
}

function commitsIn(payload: GithubPayload): Set<string> {
  const named = [
    ...(payload.commits ?? []).map(({ id }) => id),
    payload.pull_request?.head.sha,
    payload.comment?.commit_id,
    payload.check_run?.head_sha,
    payload.check_suite?.head_sha,
    payload.workflow_run?.head_sha,
    payload.sha,
  ];
  return new Set(named.filter((sha) => typeof sha === 'string'));
}

function entity(type: Entity['type'], id: string): Entity {
  return { module: 'tracking', type, id };
}

function belongsTo(source: Entity, target: Entity): CreateIntegrationLinkDto {
  return { ...ends(source, target), linkType: 'aggregate_root' };
}

function refersTo(source: Entity, target: Entity): CreateIntegrationLinkDto {
  return { ...ends(source, target), linkType: 'reference' };
}

function ends(source: Entity, target: Entity) {
  return {
    sourceModule: source.module,
    sourceEntityType: source.type,
    sourceEntityId: source.id,
    targetModule: target.module,
    targetEntityType: target.type,
    targetEntityId: target.id,
  };
}
