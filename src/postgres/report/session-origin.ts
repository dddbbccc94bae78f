import type { ServerSession } from '../index.ts'

/** The line of code, or the client behind a pooler, to which a session belongs. */
export interface SessionOrigin {
  /** The source. `tag` is a comment in the statement itself. */
  readonly source: 'application' | 'pgbouncer' | 'tag'
  /** The readable origin: `src/routes/datasets.ts:42 GET /datasets/:id`. */
  readonly text: string
  /** The reason why it may be wrong: a pooler may have passed the session to another client. */
  readonly unverified?: string
}

/** Looks up an origin in a source: a running application, tags in statements, a pooler. */
export type OriginOf = (session: ServerSession) => SessionOrigin | undefined

/** Looks up an origin in several sources; the first that has one counts. */
export function firstOrigin(sources: readonly OriginOf[]): OriginOf {
  return (session) => {
    for (const source of sources) {
      const origin = source(session)
      if (origin !== undefined) return origin
    }
    return undefined
  }
}
