import { ConnectionError } from '../../errors.ts'
import type { ServerSession, ServerSnapshot } from '../../postgres/index.ts'
import { oneLine } from '../../text/safe-text.ts'
import type { Invocation } from '../command.ts'
import type { SessionReport } from '../report/session-report.ts'
import { originSources } from './origin-options.ts'
import type { OriginOf } from './session-origin.ts'

/** Asks for origins when they are wanted. */
export type Origins = (snapshot: ServerSnapshot) => Promise<OriginOf>

/**
 * For what runs long: an application or a pooler that does not answer must not end it. That is said when it begins, and
 * again only after it has answered in between.
 */
export function patientOrigins(invocation: Invocation): Origins {
  let isSilent = false
  return async (snapshot) => {
    try {
      const originOf = (await originSources(invocation))(snapshot)
      isSilent = false
      return originOf
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error
      if (!isSilent) invocation.terminal.warn(`pg-lifeguard: without lines of code: ${error.message}`)
      isSilent = true
      return () => undefined
    }
  }
}

export function withOrigin(
  report: SessionReport,
  session: ServerSession | undefined,
  originOf: OriginOf,
): SessionReport {
  const origin = session && originOf(session)
  return origin === undefined ? report : { ...report, origin: { ...origin, text: oneLine(origin.text) } }
}
