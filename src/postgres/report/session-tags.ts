import { readApplicationName } from '../../sql/application-name.ts'
import { readSqlComment } from '../../sql/comment.ts'
import type { OriginOf, SessionOrigin } from './session-origin.ts'

/** The origin in the tag of the running statement, or of the last one in an open transaction. */
export const statementTags: OriginOf = ({ query, state }) => {
  if (query === undefined || state === undefined || state === 'idle') return undefined
  return tagIn(query)
}

/** The origin in the last statement of an idle session, or in the name of its connection, which may be outdated. */
export const formerTags: OriginOf = ({ query, state, application }) => {
  const statement = query === undefined || state !== 'idle' ? undefined : tagIn(query)
  if (statement !== undefined) {
    return { ...statement, unverified: 'the session is idle; this is the line of its last statement' }
  }
  const named = application === undefined ? undefined : readApplicationName(application)
  if (named === undefined) return undefined
  return {
    source: 'tag',
    text: `process ${named.pid} on ${named.host}, application ${named.application}`,
    unverified: 'only by the name of its connection, which may belong to an earlier client of a pooler',
  }
}

function tagIn(query: string): SessionOrigin | undefined {
  const { application, origin, route, scope, traceparent } = readSqlComment(query) ?? {}
  const place = [origin, route ?? scope].filter((part) => part !== undefined)
  if (place.length === 0 && application === undefined) return undefined
  const [, traceId] = /^[\da-f]{2}-([\da-f]{32})-/.exec(traceparent ?? '') ?? []
  const text = [
    place.length === 0 ? `application ${application}` : place.join(' '),
    ...(place.length === 0 || application === undefined ? [] : [`application ${application}`]),
    ...(traceId === undefined ? [] : [`trace ${traceId}`]),
  ]
  return { source: 'tag', text: text.join(', ') }
}
