import { readApplicationName } from '../../sql/application-name.ts'
import { readSqlComment } from '../../sql/comment.ts'
import type { OriginOf, SessionOrigin } from './session-origin.ts'

/** From the tag in the statement that a session runs, or ran last in the transaction that it still has open. */
export const statementTags: OriginOf = ({ query, state }) => {
  if (query === undefined || state === undefined || state === 'idle') return undefined
  return tagIn(query)
}

/** From what may be left of somebody before: the last statement of an idle session, or the name of its connection. */
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
    unverified: 'by the name of its connection alone, which a pooler may have left from another client',
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
