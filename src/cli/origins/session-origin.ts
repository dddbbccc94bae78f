import type { ServerSession } from '../../postgres/index.ts'

/** The line of code, or the client behind a pooler, that a session belongs to. */
export interface SessionOrigin {
  /** The source. `tag` is a comment in the statement itself. */
  readonly source: 'application' | 'pgbouncer' | 'tag'
  /** For people, as in `src/routes/datasets.ts:42 GET /datasets/:id`. */
  readonly text: string
  /** Something speaks against it, or nothing could be checked: a pooler may lend the session to somebody else. */
  readonly unverified?: string
}

/** Looks an origin up. There may be several sources: a running application, tags in statements, a pooler. */
export type OriginOf = (session: ServerSession) => SessionOrigin | undefined

/** The first source that knows. */
export function firstOrigin(sources: readonly OriginOf[]): OriginOf {
  return (session) => {
    for (const source of sources) {
      const origin = source(session)
      if (origin !== undefined) return origin
    }
    return undefined
  }
}
